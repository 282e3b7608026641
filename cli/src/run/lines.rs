//! A file or the standard input as messages, a line each.

use std::{
    fs::File,
    io::{self, BufRead, BufReader, Read},
    path::Path,
};

use crate::{failure::Failure, local::Messages};

/// So many bytes are confirmed together at most.
const BATCH: usize = 1 << 20;
/// So many are read at a time.
const BUFFER: usize = 1 << 18;
/// The longest line: what any queue takes in a message.
const LONGEST: usize = 64 << 10;

/// Whether there was anything.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Lines {
    /// There are messages to send.
    Some,
    /// The input is used up.
    End,
}

/// Reads lines, as many at a time as are there: a pipe that brings one now and then is not held
/// back, a file comes in large pieces.
pub(crate) struct LineReader {
    name: String,
    reader: BufReader<Box<dyn Read + Send>>,
    /// How long the input is, if that is known.
    length: Option<u64>,
    read: u64,
    number: u64,
    line: Vec<u8>,
}

impl LineReader {
    /// Opens a file; `-` is the standard input.
    pub(crate) fn open(path: &Path) -> Result<Self, Failure> {
        let name = path.display().to_string();
        let (source, length): (Box<dyn Read + Send>, _) = if name == "-" {
            (Box::new(io::stdin()), None)
        } else {
            let cannot = |error| Failure::failed(format!("cannot read {name}: {error}"));
            let file = File::open(path).map_err(cannot)?;
            let about = file.metadata().map_err(cannot)?;
            if about.is_dir() {
                return Err(Failure::failed(format!("cannot read {name}: it is a folder")));
            }
            (Box::new(file), about.is_file().then_some(about.len()))
        };
        let reader = BufReader::with_capacity(BUFFER, source);
        let name = if name == "-" { "the standard input".to_owned() } else { name };
        Ok(LineReader { name, reader, length, read: 0, number: 0, line: Vec::new() })
    }

    /// How much of the input has been read, from 0 to 1, if its length is known.
    pub(crate) fn part(&self) -> Option<f64> {
        let length = self.length.filter(|length| *length > 0)?;
        Some((self.read as f64 / length as f64).min(1.0))
    }

    /// Waits for lines and adds those that are there. Line endings do not count, nor do empty
    /// lines.
    pub(crate) fn fill(&mut self, messages: &mut Messages) -> Result<Lines, Failure> {
        while messages.size() < BATCH {
            let nothing_waits = !self.reader.buffer().contains(&b'\n');
            if nothing_waits && messages.count() > 0 {
                break;
            }
            self.line.clear();
            let limit = (LONGEST + 2) as u64;
            let read = self.reader.by_ref().take(limit).read_until(b'\n', &mut self.line);
            let read = read
                .map_err(|error| Failure::failed(format!("cannot read {}: {error}", self.name)))?;
            if read == 0 {
                break;
            }
            self.read += read as u64;
            self.number += 1;
            let line = self.line.strip_suffix(b"\n").unwrap_or(&self.line);
            let line = line.strip_suffix(b"\r").unwrap_or(line);
            if line.len() > LONGEST {
                let message = format!(
                    "line {} of {} is longer than the 64 KiB of a message",
                    self.number, self.name
                );
                return Err(Failure::failed(message)
                    .help("the lines before it have been sent; split it, or leave it out"));
            }
            if !line.is_empty() {
                messages.push(line);
            }
        }
        Ok(if messages.count() > 0 { Lines::Some } else { Lines::End })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn all(text: &str) -> Result<u64, Failure> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("lines");
        std::fs::write(&path, text).unwrap();
        let mut reader = LineReader::open(&path)?;
        let (mut messages, mut count) = (Messages::default(), 0);
        while reader.fill(&mut messages)? == Lines::Some {
            count += messages.count();
            messages.clear();
        }
        Ok(count)
    }

    #[test]
    fn lines_are_messages_and_empty_ones_are_not() {
        assert_eq!(all("a\nb\r\n\n\r\nlast without an end").unwrap(), 3);
        assert_eq!(all("").unwrap(), 0);
        assert_eq!(all(&"line\n".repeat(300_000)).unwrap(), 300_000);
        assert_eq!(all(&"x".repeat(LONGEST)).unwrap(), 1);
        assert!(all(&"x".repeat(LONGEST + 1)).is_err());
    }
}
