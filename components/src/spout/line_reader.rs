//! The lines of a file or of the standard input, read ahead.

use std::{
    fs::File,
    io::{self, Read},
    path::PathBuf,
    sync::mpsc::{Receiver, SyncSender, TryRecvError, sync_channel},
    time::{Duration, Instant},
};

use memchr::{memchr, memrchr};
use squall_framework::{Error, Next, Result, SourcePosition, SpoutOutput, ValueRef};

use super::numbered::Numbered;

/// So much is read at once, in bytes.
const CHUNK: usize = 128 << 10;
/// So many chunks are read ahead.
const CHUNKS: usize = 4;
/// A longer line is taken for a file that has none.
const LONGEST_LINE: usize = 16 << 20;
/// While the reader has nothing it is asked again and again, at these intervals. It is not idle:
/// that word would end a topology that runs until its input is used up.
const PAUSES: (Duration, Duration) = (Duration::from_micros(200), Duration::from_millis(20));
/// A file is known by so many bytes at its beginning, or all of it if it is shorter.
const KNOWN_BY: u64 = 1_024;

/// A thread reads ahead, so that neither a slow disk nor a quiet terminal holds up the task.
pub(crate) struct LineReader {
    path: PathBuf,
    /// So many lines at the beginning are passed over.
    skip: u64,
    chunks: Option<Receiver<io::Result<Vec<u8>>>>,
    chunk: Vec<u8>,
    at: usize,
    /// The number of the line before the next one.
    line: u64,
    /// How long to wait for the reader the next time that it has nothing.
    pause: Duration,
    failed: Option<String>,
}

impl LineReader {
    pub(crate) fn new(path: PathBuf, skip: u64) -> Self {
        Self {
            path,
            skip,
            chunks: None,
            chunk: Vec::new(),
            at: 0,
            line: 0,
            pause: PAUSES.0,
            failed: None,
        }
    }

    /// Stops reading.
    pub(crate) fn close(&mut self) {
        self.chunks = None;
        (self.chunk, self.at) = (Vec::new(), 0);
    }

    fn is_file(&self) -> bool {
        self.path.as_os_str() != "-"
    }

    fn file(&self) -> Result<File> {
        let path = &self.path;
        File::open(path).map_err(|error| Error::retry(format!("{}: {error}", path.display())))
    }

    /// Emits the lines of the chunk in hand as far as there is room.
    fn emit(&mut self, settled: &SourcePosition, out: &mut SpoutOutput) -> Result<()> {
        while self.at < self.chunk.len() {
            let rest = &self.chunk[self.at..];
            let length = memchr(b'\n', rest).unwrap_or(rest.len());
            let number = self.line + 1;
            if self.line >= self.skip && !settled.contains(number) {
                if out.room() == 0 {
                    break;
                }
                let line = rest[..length].strip_suffix(b"\r").unwrap_or(&rest[..length]);
                let text = String::from_utf8_lossy(line);
                out.emit(number, [ValueRef::Text(&text), ValueRef::Int(number as i64)])?;
            }
            self.line = number;
            self.at += length + 1;
        }
        Ok(())
    }
}

impl Numbered for LineReader {
    fn identity(&self) -> Result<String> {
        let mut beginning = Vec::new();
        self.file()?.take(KNOWN_BY).read_to_end(&mut beginning)?;
        let path = self.path.canonicalize()?;
        Ok(format!("{}#{:016x}", path.display(), fingerprint(&beginning)))
    }

    fn restart(&mut self) -> Result<()> {
        let input: Box<dyn Read + Send> =
            if self.is_file() { Box::new(self.file()?) } else { Box::new(io::stdin()) };
        let (send, receive) = sync_channel(CHUNKS);
        std::thread::Builder::new()
            .name("squall-lines".into())
            .spawn(move || read(input, &send))?;
        *self = Self::new(std::mem::take(&mut self.path), self.skip);
        self.chunks = Some(receive);
        Ok(())
    }

    fn next(&mut self, settled: &SourcePosition, out: &mut SpoutOutput) -> Result<Next> {
        if let Some(reason) = &self.failed {
            return Err(Error::retry(reason.clone()));
        }
        if self.at >= self.chunk.len() {
            let Some(chunks) = &self.chunks else { return Ok(Next::Done) };
            match chunks.try_recv() {
                Ok(Ok(chunk)) => (self.chunk, self.at, self.pause) = (chunk, 0, PAUSES.0),
                Ok(Err(error)) => {
                    let reason =
                        format!("{}: {error}, behind line {}", self.path.display(), self.line);
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
        self.emit(settled, out)?;
        Ok(Next::More)
    }
}

/// FNV-1a: the same in every version of everything.
fn fingerprint(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
    })
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
