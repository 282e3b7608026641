//! Reading frames one after the other, and finding the next sound one behind damage.

use std::fmt;
use std::io;
use std::path::PathBuf;

use bytes::Bytes;

use crate::disk::DiskFile;
use crate::frame::{self, FrameHead, HEADER_BYTES, MAGIC, NotAFrame};
use crate::log::{Log, LogError, Place, SEGMENT_HEADER_BYTES};

/// How far behind a blank place a write that a loss of power tore apart may have left pieces.
const TORN_BYTES: u64 = 16 << 20;
const READ_BYTES: usize = 1 << 20;

/// Bytes of the log that are not what was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Damage {
    /// The file.
    pub file: PathBuf,
    /// Where it starts.
    pub place: Place,
    /// Bytes up to the next sound frame or the end.
    pub bytes: u64,
    /// Whether it is at the end of what was written, as a write that a crash interrupted is.
    pub at_end: bool,
    /// What is wrong.
    pub detail: String,
}

impl fmt::Display for Damage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { place, bytes, detail, .. } = self;
        write!(
            f,
            "{} is damaged at byte {} ({bytes} bytes): {detail}",
            self.file.display(),
            place.at
        )?;
        if self.at_end {
            write!(f, ", at the end of what was written, as after an interrupted write")?;
        }
        Ok(())
    }
}

/// Where a scan ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScanEnd {
    /// Behind the last sound frame.
    pub end: Place,
    /// Whether nothing but blank follows there.
    pub sound: bool,
    /// What was passed over.
    pub damage: Vec<Damage>,
}

impl Log {
    /// Gives every sound frame from `from` on (a segment that is gone counts as empty) to `each`,
    /// in the order in which they were written.
    ///
    /// # Errors
    /// What the system says, a newer format, or the error that `each` returns.
    pub fn scan<E: From<LogError>>(
        &self,
        from: Place,
        mut each: impl FnMut(Place, &FrameHead, &[u8]) -> Result<(), E>,
    ) -> Result<ScanEnd, E> {
        let mut result = ScanEnd { end: from, sound: true, damage: Vec::new() };
        for (segment, len) in self.segments() {
            if segment < from.segment {
                continue;
            }
            let start = if segment == from.segment {
                from.at.max(SEGMENT_HEADER_BYTES)
            } else {
                SEGMENT_HEADER_BYTES
            };
            let path = self.path(segment);
            let read = |e| LogError::io("read", &path, e);
            let file = self.file(segment).map_err(read)?;
            let mut window = Window { file: file.as_ref(), len, at: 0, bytes: Vec::new() };
            let mut at = start;
            let mut used = segment == from.segment;
            let mut sound = true;
            loop {
                let seed = frame::seed(self.nonce, segment, at);
                match window.frame(at, seed).map_err(read)? {
                    Ok(head) => {
                        let next = at + (HEADER_BYTES + head.length as usize) as u64;
                        each(Place { segment, at }, &head, window.payload(at, &head))?;
                        (at, used) = (next, true);
                    }
                    Err(NotAFrame::Version(version)) => {
                        let found = u32::from(version);
                        let supported = u32::from(frame::VERSION);
                        return Err(LogError::NewerFormat { path, found, supported }.into());
                    }
                    Err(why) => {
                        let limit =
                            if why == NotAFrame::Blank { (at + TORN_BYTES).min(len) } else { len };
                        let found =
                            window.resync(self.nonce, segment, at + 1, limit).map_err(read)?;
                        let clean = why == NotAFrame::Blank && found.is_none();
                        if !clean {
                            (sound, used) = (found.is_some() && sound, true);
                            let place = Place { segment, at };
                            let bytes = found.map_or_else(|| lost(&why), |next| next - at);
                            let at_end = found.is_none();
                            result.damage.push(Damage {
                                file: path.clone(),
                                place,
                                bytes,
                                at_end,
                                detail: words(&why),
                            });
                        }
                        match found {
                            Some(next) => at = next,
                            None => break,
                        }
                    }
                }
            }
            if used {
                result.end = Place { segment, at };
                result.sound = sound;
            }
        }
        Ok(result)
    }

    /// Reads the frames of `owner` in a stretch of one segment; those that are damaged are left
    /// out and reported. Gives the stretch, and the heads with the places of their payloads in it.
    ///
    /// # Errors
    /// What the system says; `NotFound` when the segment has been removed.
    #[allow(clippy::type_complexity)]
    pub fn read_frames(
        &self,
        place: Place,
        len: usize,
        owner: u32,
    ) -> io::Result<(Bytes, Vec<(FrameHead, usize)>, Vec<Damage>)> {
        let bytes = self.read(place, len)?;
        let (mut frames, mut damage) = (Vec::new(), Vec::new());
        let mut at = 0;
        while at < bytes.len() {
            let seed = frame::seed(self.nonce, place.segment, place.at + at as u64);
            match frame::decode(&bytes[at..], seed) {
                Ok(head) => {
                    if head.owner == owner {
                        frames.push((head, at + HEADER_BYTES));
                    }
                    at += HEADER_BYTES + head.length as usize;
                }
                Err(why) => {
                    let next = find(&bytes, at + 1, |candidate| {
                        let seed =
                            frame::seed(self.nonce, place.segment, place.at + candidate as u64);
                        frame::decode(&bytes[candidate..], seed).is_ok()
                    });
                    let next = next.unwrap_or(bytes.len());
                    damage.push(Damage {
                        file: self.path(place.segment),
                        place: Place { segment: place.segment, at: place.at + at as u64 },
                        bytes: (next - at) as u64,
                        at_end: false,
                        detail: words(&why),
                    });
                    at = next;
                }
            }
        }
        Ok((bytes, frames, damage))
    }
}

fn lost(why: &NotAFrame) -> u64 {
    match why {
        NotAFrame::Payload { length } => (HEADER_BYTES + length) as u64,
        _ => HEADER_BYTES as u64,
    }
}

fn words(why: &NotAFrame) -> String {
    match why {
        NotAFrame::Blank => "blank where a frame was".into(),
        NotAFrame::Header => "the header of a frame fails its checksum".into(),
        NotAFrame::Payload { length } => {
            format!("the {length} bytes of a frame fail their checksum")
        }
        NotAFrame::Version(version) => format!("a frame of the unknown version {version}"),
    }
}

/// The first place from `from` on where the magic stands and `good` agrees.
fn find(bytes: &[u8], from: usize, mut good: impl FnMut(usize) -> bool) -> Option<usize> {
    let finder = memchr::memmem::Finder::new(&MAGIC);
    let mut from = from;
    while let Some(hit) = bytes.get(from..).and_then(|rest| finder.find(rest)) {
        if good(from + hit) {
            return Some(from + hit);
        }
        from += hit + 1;
    }
    None
}

/// A part of a file in memory, moved along as a scan goes.
struct Window<'a> {
    file: &'a dyn DiskFile,
    len: u64,
    at: u64,
    bytes: Vec<u8>,
}

impl Window<'_> {
    /// The bytes from `at` on, `want` of them or fewer at the end of the file.
    fn get(&mut self, at: u64, want: usize) -> io::Result<&[u8]> {
        let end = (at + want as u64).min(self.len);
        if at < self.at || end > self.at + self.bytes.len() as u64 {
            let size =
                want.max(READ_BYTES).min(usize::try_from(self.len.saturating_sub(at)).unwrap_or(0));
            self.bytes.resize(size, 0);
            self.at = at;
            let read = self.file.read_at(&mut self.bytes, at)?;
            self.bytes.truncate(read);
        }
        let start = usize::try_from(at - self.at).unwrap_or(usize::MAX).min(self.bytes.len());
        let stop = (start + want).min(self.bytes.len());
        Ok(&self.bytes[start..stop])
    }

    fn frame(&mut self, at: u64, seed: u32) -> io::Result<Result<FrameHead, NotAFrame>> {
        let (head, _) = match frame::decode_head(self.get(at, HEADER_BYTES)?, seed) {
            Ok(found) => found,
            Err(why) => return Ok(Err(why)),
        };
        Ok(frame::decode(self.get(at, HEADER_BYTES + head.length as usize)?, seed))
    }

    fn payload(&self, at: u64, head: &FrameHead) -> &[u8] {
        let start = usize::try_from(at - self.at).unwrap_or(0) + HEADER_BYTES;
        &self.bytes[start..start + head.length as usize]
    }

    /// The first place in `from..limit` with a sound frame.
    fn resync(
        &mut self,
        nonce: u64,
        segment: u32,
        from: u64,
        limit: u64,
    ) -> io::Result<Option<u64>> {
        let mut at = from;
        while at < limit {
            let chunk = self.get(at, READ_BYTES)?.to_vec();
            let mut result = Ok(());
            let mut candidates = Vec::new();
            let _ = find(&chunk, 0, |hit| {
                candidates.push(at + hit as u64);
                false
            });
            for candidate in candidates {
                match self.frame(candidate, frame::seed(nonce, segment, candidate)) {
                    Ok(Ok(_)) => return Ok(Some(candidate)),
                    Ok(Err(_)) => {}
                    Err(error) => result = Err(error),
                }
            }
            result?;
            if chunk.len() <= MAGIC.len() {
                return Ok(None);
            }
            // The magic may lie across the border of two chunks.
            at += (chunk.len() - MAGIC.len() + 1) as u64;
        }
        Ok(None)
    }
}
