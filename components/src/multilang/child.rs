//! A child process and the messages to it and from it, each ended by a line `end`.

use std::{collections::VecDeque, process::Stdio, sync::Arc, time::Duration};

use parking_lot::Mutex;
use serde_json::Value;
use squall_framework::{Error, Result};
use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader},
    process::{self, ChildStdin, ChildStdout},
    time::timeout,
};

use super::{command::Command, folder::ChildFolder};

/// The last lines of its standard error that an error repeats.
const LINES: usize = 5;
/// A message that is longer is none.
const LONGEST: usize = 64 << 20;
/// What a pipe of Linux holds, in bytes.
const PIPE: usize = 64 << 10;
/// How long a child may take to be gone when its output has ended.
const GONE: Duration = Duration::from_secs(1);

/// A child that has said hello; killed when dropped.
pub(crate) struct Child {
    process: process::Child,
    stdin: ChildStdin,
    stdout: BufReader<ChildStdout>,
    /// What is to be written, and how much of it has been.
    outbound: Vec<u8>,
    written: usize,
    /// What was read, and how much of it was taken.
    inbound: Vec<u8>,
    taken: usize,
    complaints: Arc<Mutex<VecDeque<String>>>,
    _folder: ChildFolder,
}

/// What `exchange` waited for.
enum Event {
    Written(usize),
    Read(usize),
}

impl Child {
    /// Starts a command; `hello` makes the first message of the folder for its process id.
    ///
    /// # Errors
    /// It cannot be started, or says no hello in time: a retry may help.
    pub(crate) async fn start(
        command: &[String],
        component: &str,
        patience: Duration,
        hello: impl FnOnce(&str) -> Value,
    ) -> Result<Child> {
        let folder = ChildFolder::new()
            .map_err(|error| Error::retry(format!("no folder for the child: {error}")))?;
        let (program, arguments) =
            command.split_first().ok_or_else(|| Error::data("`command` is empty"))?;
        let mut process = process::Command::new(program)
            .args(arguments)
            .env("PYTHONPATH", folder.python_path())
            .env("PYTHONIOENCODING", "utf-8")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .map_err(|error| Error::retry(format!("cannot start `{program}`: {error}")))?;
        let (Some(stdin), Some(stdout), Some(stderr)) =
            (process.stdin.take(), process.stdout.take(), process.stderr.take())
        else {
            return Err(Error::retry("the child has no pipes"));
        };
        let complaints = Arc::new(Mutex::new(VecDeque::new()));
        let (kept, component) = (complaints.clone(), component.to_owned());
        // Ends with the pipe, and so with the child.
        tokio::spawn(async move {
            let mut lines = BufReader::new(stderr).lines();
            while let Ok(Some(line)) = lines.next_line().await {
                tracing::info!(component, line, "the child says on its standard error");
                let mut kept = kept.lock();
                if kept.len() == LINES {
                    kept.pop_front();
                }
                kept.push_back(line);
            }
        });
        let mut child = Child {
            process,
            stdin,
            stdout: BufReader::with_capacity(PIPE, stdout),
            outbound: Vec::new(),
            written: 0,
            inbound: Vec::new(),
            taken: 0,
            complaints,
            _folder: folder,
        };
        child.send(&hello(&child._folder.pids().display().to_string()).to_string());
        let said = child.text(patience).await?;
        let said = said.ok_or_else(|| {
            Error::retry(format!("the child has not said hello within {patience:?}"))
        })?;
        match serde_json::from_str::<Value>(&said) {
            Ok(Value::Object(pid)) if pid.contains_key("pid") => Ok(child),
            _ => Err(Error::retry(format!("{said:?} is no hello such as {{\"pid\": 123}}"))),
        }
    }

    /// Puts a message behind what is to be written; `receive` writes.
    pub(crate) fn send(&mut self, message: &str) {
        self.outbound.extend_from_slice(message.as_bytes());
        self.outbound.extend_from_slice(b"\nend\n");
    }

    /// Writes what is to be written until a whole message has come; `None` if none has within
    /// `patience` of the last sign of life.
    ///
    /// # Errors
    /// The child is gone, or does not speak the protocol; it is of no more use.
    pub(crate) async fn receive(&mut self, patience: Duration) -> Result<Option<Command>> {
        let text = self.text(patience).await?;
        text.map(|text| Command::read(&text).map_err(Error::retry)).transpose()
    }

    async fn text(&mut self, patience: Duration) -> Result<Option<String>> {
        let mut looked = self.taken;
        loop {
            if let Some(text) = self.whole(&mut looked)? {
                return Ok(Some(text));
            }
            match timeout(patience, self.exchange()).await {
                Err(_) => return Ok(None),
                Ok(Ok(Event::Written(bytes))) => {
                    self.written += bytes;
                    if self.written == self.outbound.len() {
                        self.outbound.clear();
                        self.written = 0;
                    }
                }
                Ok(Ok(Event::Read(0))) => return Err(self.gone("its output has ended").await),
                Ok(Ok(Event::Read(_))) if self.inbound.len() <= LONGEST => {}
                Ok(Ok(Event::Read(_))) => {
                    return Err(Error::retry(format!("a message of more than {LONGEST} bytes")));
                }
                Ok(Err(error)) => return Err(self.gone(&error.to_string()).await),
            }
        }
    }

    /// Writes or reads something, whichever can be done first: a child that is not read while it is
    /// written to would wait for us as we for it.
    async fn exchange(&mut self) -> std::io::Result<Event> {
        let left = &self.outbound[self.written..];
        tokio::select! {
            biased;
            read = self.stdout.fill_buf() => {
                let read = read?;
                let bytes = read.len();
                self.inbound.extend_from_slice(read);
                self.stdout.consume(bytes);
                Ok(Event::Read(bytes))
            }
            written = self.stdin.write(left), if !left.is_empty() => written.map(Event::Written),
        }
    }

    /// Takes the first whole message from what was read. Up to `looked` there is no end of one.
    fn whole(&mut self, looked: &mut usize) -> Result<Option<String>> {
        const END: &[u8] = b"\nend\n";
        let Some(at) = memchr::memmem::find(&self.inbound[*looked..], END) else {
            // What was taken goes only here, once for all messages that came together.
            self.inbound.drain(..std::mem::take(&mut self.taken));
            *looked = self.inbound.len().saturating_sub(END.len());
            return Ok(None);
        };
        let end = *looked + at;
        let text = std::str::from_utf8(&self.inbound[self.taken..end]).map(str::to_owned);
        self.taken = end + END.len();
        *looked = self.taken;
        text.map(Some).map_err(|error| Error::retry(format!("a message is not UTF-8: {error}")))
    }

    /// Why the child is of no more use.
    async fn gone(&mut self, why: &str) -> Error {
        let status = match timeout(GONE, self.process.wait()).await {
            Ok(Ok(status)) => format!("the child has ended ({status})"),
            _ => format!("the child is of no more use: {why}"),
        };
        let said: Vec<_> = self.complaints.lock().iter().cloned().collect();
        Error::retry(match said.is_empty() {
            true => status,
            false => format!("{status}; the last that it said: {}", said.join(" | ")),
        })
    }
}
