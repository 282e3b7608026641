//! `--input QUEUE=FILE`: lines that are sent to a queue while the topology runs.

use std::{
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering::Relaxed},
    },
    thread::{self, JoinHandle},
    time::Duration,
};

use squall_broker::{Error, Queue, QueueAttributes, Store};

use super::lines::{LineReader, Lines};
use crate::{failure::Failure, local::Messages};

/// With so many messages waiting in the queue the input waits, too: a topology that is slower
/// than its input is not to fill the disk.
const WAITING: u64 = 500_000;
const LOOK: Duration = Duration::from_millis(10);

/// Lines on their way to a queue.
#[derive(Debug)]
pub(crate) struct Input {
    thread: Option<JoinHandle<Result<(), Failure>>>,
    shared: Arc<Shared>,
}

#[derive(Debug, Default)]
struct Shared {
    sent: AtomicU64,
    stop: AtomicBool,
}

/// What the argument of `--input` says: the queue and the file.
pub(crate) fn parse(argument: &str) -> Result<(String, PathBuf), Failure> {
    match argument.split_once('=') {
        Some((queue, file)) if !queue.is_empty() && !file.is_empty() => {
            Ok((queue.to_owned(), PathBuf::from(file)))
        }
        _ => Err(Failure::usage(format!("--input: `{argument}` is not of the form QUEUE=FILE"))
            .help("for example --input shares=shares.json, or --input shares=- for the standard input")),
    }
}

impl Input {
    /// Begins to send the lines of `file`, creating the queue if there is none.
    pub(crate) fn start(store: &Store, queue: &str, file: &Path) -> Result<Self, Failure> {
        let reader = LineReader::open(file)?;
        let queue = match store.queue(queue) {
            Err(Error::NoQueue(_)) => store.create_queue(queue, &QueueAttributes::default())?,
            found => found?,
        };
        let shared = Arc::new(Shared::default());
        let ours = shared.clone();
        let thread = thread::Builder::new()
            .name("squall-input".into())
            .spawn(move || send(reader, &queue, &ours))
            .map_err(|error| Failure::failed(format!("no thread for the input: {error}")))?;
        Ok(Input { thread: Some(thread), shared })
    }

    /// Messages that are on disk.
    pub(crate) fn sent(&self) -> u64 {
        self.shared.sent.load(Relaxed)
    }

    /// Whether the input is used up.
    ///
    /// # Errors
    /// It could not be read or sent; told once.
    pub(crate) fn is_done(&mut self) -> Result<bool, Failure> {
        if self.thread.as_ref().is_some_and(|thread| !thread.is_finished()) {
            return Ok(false);
        }
        match self.thread.take().map(JoinHandle::join) {
            None => Ok(true),
            Some(Ok(result)) => result.map(|()| true),
            Some(Err(_)) => Err(Failure::failed("the input ended with a panic")),
        }
    }

    /// Sends nothing more. A thread that waits for the standard input is left behind.
    pub(crate) fn stop(&self) {
        self.shared.stop.store(true, Relaxed);
    }
}

fn send(mut reader: LineReader, queue: &Queue, shared: &Shared) -> Result<(), Failure> {
    let mut messages = Messages::default();
    while reader.fill(&mut messages)? == Lines::Some {
        while !shared.stop.load(Relaxed) && queue.stats()?.active > WAITING {
            thread::sleep(LOOK);
        }
        loop {
            if shared.stop.load(Relaxed) {
                return Ok(());
            }
            match queue.send_batch(messages.batch()).and_then(squall_broker::Confirm::wait) {
                Ok(sent) => {
                    shared.sent.fetch_add(sent.count, Relaxed);
                    break;
                }
                // The topology settles messages, which makes room.
                Err(error @ Error::DiskFull { .. }) => {
                    tracing::warn!(%error, "the input waits for room on the disk");
                    thread::sleep(Duration::from_secs(1));
                }
                Err(error) => {
                    return Err(Failure::failed(format!("cannot send the input: {error}")));
                }
            }
        }
        messages.clear();
    }
    Ok(())
}
