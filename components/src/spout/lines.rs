//! `lines`: the lines of a file or of the standard input.

use std::{
    fs::File,
    io::{self, Read},
    path::PathBuf,
    sync::mpsc::{Receiver, SyncSender, TryRecvError, sync_channel},
    time::{Duration, Instant},
};

use memchr::{memchr, memrchr};
use schemars::JsonSchema;
use serde::Deserialize;
use squall_framework::{
    Error, Kind, Next, Problem, Result, Schema, Spout, SpoutOutput, Streams, TaskContext, ValueRef,
};

/// Options of the spout `lines`.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct LinesConfig {
    /// The file, or `-` for the standard input.
    path: PathBuf,
    /// So many lines at the beginning are passed over.
    #[serde(default)]
    skip: u64,
    /// Whether to wait for more at the end of the file; not yet possible.
    #[serde(default)]
    follow: bool,
}

/// A thread reads ahead, so that neither a slow disk nor a quiet terminal holds up the task.
pub(crate) struct Lines {
    config: LinesConfig,
    chunks: Option<Receiver<io::Result<Vec<u8>>>>,
    chunk: Vec<u8>,
    at: usize,
    /// The number of the line before the next one.
    line: u64,
    /// How long to wait for the reader the next time that it has nothing.
    pause: Duration,
    failed: Option<String>,
}

/// So much is read at once, in bytes.
const CHUNK: usize = 128 << 10;
/// So many chunks are read ahead.
const CHUNKS: usize = 4;
/// A longer line is taken for a file that has none.
const LONGEST_LINE: usize = 16 << 20;
/// While the reader has nothing it is asked again and again, at these intervals. It is not idle:
/// that word would end a topology that runs until its input is used up.
const PAUSES: (Duration, Duration) = (Duration::from_micros(200), Duration::from_millis(20));

impl Lines {
    pub(crate) fn new(config: &LinesConfig) -> Result<Self> {
        Ok(Self {
            config: config.clone(),
            chunks: None,
            chunk: Vec::new(),
            at: 0,
            line: 0,
            pause: PAUSES.0,
            failed: None,
        })
    }

    /// Emits the lines of the chunk in hand as far as there is room.
    fn emit(&mut self, out: &mut SpoutOutput) -> Result<()> {
        while self.at < self.chunk.len() {
            let rest = &self.chunk[self.at..];
            let length = memchr(b'\n', rest).unwrap_or(rest.len());
            let passed_over = self.line < self.config.skip;
            if !passed_over {
                if out.room() == 0 {
                    break;
                }
                let line = rest[..length].strip_suffix(b"\r").unwrap_or(&rest[..length]);
                let text = String::from_utf8_lossy(line);
                let number = self.line + 1;
                out.emit(number, [ValueRef::Text(&text), ValueRef::Int(number as i64)])?;
            }
            self.line += 1;
            self.at += length + 1;
        }
        Ok(())
    }
}

impl Spout for Lines {
    fn declare(&self) -> Result<Streams, Problem> {
        if self.config.follow {
            return Err(Problem::new("`follow: true` is not possible yet").at("follow"));
        }
        Ok(Streams::one(Schema::new([("body", Kind::Text), ("line", Kind::Int)])))
    }

    fn prepare(&mut self, context: &TaskContext) -> Result<()> {
        if context.index() > 0 {
            // A file has one reader; further tasks have nothing to do.
            return Ok(());
        }
        let path = &self.config.path;
        let input: Box<dyn Read + Send> = if path.as_os_str() == "-" {
            Box::new(io::stdin())
        } else {
            Box::new(
                File::open(path)
                    .map_err(|error| Error::retry(format!("{}: {error}", path.display())))?,
            )
        };
        let (send, receive) = sync_channel(CHUNKS);
        std::thread::Builder::new()
            .name("squall-lines".into())
            .spawn(move || read(input, &send))?;
        self.chunks = Some(receive);
        Ok(())
    }

    fn next(&mut self, out: &mut SpoutOutput) -> Result<Next> {
        if let Some(reason) = &self.failed {
            return Err(Error::retry(reason.clone()));
        }
        if self.at >= self.chunk.len() {
            let Some(chunks) = &self.chunks else { return Ok(Next::Done) };
            match chunks.try_recv() {
                Ok(Ok(chunk)) => (self.chunk, self.at, self.pause) = (chunk, 0, PAUSES.0),
                Ok(Err(error)) => {
                    let reason = format!(
                        "{}: {error}, behind line {}",
                        self.config.path.display(),
                        self.line
                    );
                    self.failed = Some(reason.clone());
                    return Err(Error::retry(reason));
                }
                Err(TryRecvError::Empty) => {
                    let again = Instant::now() + self.pause;
                    self.pause = (self.pause * 2).min(PAUSES.1);
                    return Ok(Next::At(again));
                }
                Err(TryRecvError::Disconnected) => {
                    self.chunks = None;
                    return Ok(Next::Done);
                }
            }
        }
        self.emit(out)?;
        Ok(Next::More)
    }

    fn close(&mut self) {
        self.chunks = None;
    }
}

/// Hands on chunks that end with a line, until the input ends or nobody listens any more.
fn read(mut input: impl Read, send: &SyncSender<io::Result<Vec<u8>>>) {
    let hand_on = |chunk| send.send(chunk).is_ok();
    let mut rest = Vec::new();
    loop {
        let start = rest.len();
        rest.resize(start + CHUNK, 0);
        let got = match input.read(&mut rest[start..]) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => 0,
            Err(error) => {
                hand_on(Err(error));
                return;
            }
            Ok(0) => {
                rest.truncate(start);
                break;
            }
            Ok(got) => got,
        };
        rest.truncate(start + got);
        let Some(end) = memrchr(b'\n', &rest[start..]) else {
            if rest.len() > LONGEST_LINE {
                hand_on(Err(io::Error::other(format!("a line of more than {LONGEST_LINE} bytes"))));
                return;
            }
            continue;
        };
        let next = rest.split_off(start + end + 1);
        if !hand_on(Ok(std::mem::replace(&mut rest, next))) {
            return;
        }
    }
    if !rest.is_empty() {
        hand_on(Ok(rest));
    }
}

impl Drop for Lines {
    fn drop(&mut self) {
        self.close();
    }
}
