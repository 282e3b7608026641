//! A record in two files that are written in turn.
//!
//! Writing it anew overwrites the older of the two in place, so the newer one is whole all the
//! time, and one flush of data makes the new one safe: a fifth of what writing a file beside it,
//! renaming it and syncing the folder costs.
//!
//! A file, all numbers little-endian:
//!
//! ```text
//! byte  field
//!    0  magic "SQTW"
//!    4  version u16 (1)
//!    6  kind u16                        1: a record; 2: forgotten, and no record
//!    8  sequence u64                    the higher one is the newer one
//!   16  payload length u64
//!   24  CRC32C of the payload u32
//!   28  CRC32C of bytes 0..28 u32
//!   32  payload; behind it, what is left of longer ones
//! ```

use std::fs::{File, OpenOptions};
use std::io::{self, BufWriter, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

const HEADER: usize = 32;
const MAGIC: [u8; 4] = *b"SQTW";
const VERSION: u16 = 1;
const RECORD: u16 = 1;
const FORGOTTEN: u16 = 2;
/// A file that has grown beyond this is cut down to it when the record is forgotten, in bytes.
const KEEP: u64 = 64 << 20;
const BUFFER: usize = 256 << 10;

/// A record that is replaced often and as a whole: after any crash it is there in its old or its
/// new form. Whoever uses it holds a lock on the folder.
#[derive(Debug)]
pub struct TwinFile {
    files: [(PathBuf, File); 2],
    newest: usize,
    head: Head,
}

/// What a file says about itself.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Head {
    kind: u16,
    sequence: u64,
    length: u64,
    crc: u32,
}

impl TwinFile {
    /// Opens the files `path` + `.0` and `.1`, making them where they are not there. A record that
    /// is not whole is not used; there is a warning unless an older or newer one takes its place.
    ///
    /// # Errors
    /// What the system says, or a file is of a later version.
    pub fn open(path: &Path) -> io::Result<Self> {
        let open = |index: &str| -> io::Result<(PathBuf, File)> {
            let mut name = path.as_os_str().to_owned();
            name.push(index);
            let mut how = OpenOptions::new();
            let file = how.read(true).write(true).create(true).truncate(false).open(&name)?;
            Ok((name.into(), file))
        };
        let files = [open(".0")?, open(".1")?];
        if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
            File::open(folder)?.sync_all()?;
        }
        let mut heads = [Head::default(); 2];
        let mut damaged = [false; 2];
        for (index, (path, file)) in files.iter().enumerate() {
            match read_head(path, file)? {
                None => {}
                Some(Ok(head)) if payload(file, &head)?.is_some() => heads[index] = head,
                Some(head) => {
                    damaged[index] = true;
                    // Its number is not given to another one.
                    heads[index].sequence = head.map_or(0, |head| head.sequence);
                }
            }
        }
        let newest = usize::from(heads[1].sequence > heads[0].sequence);
        let other = 1 - newest;
        for index in [newest, other] {
            if damaged[index] && (index == newest || heads[other].sequence == 0) {
                let file = files[index].0.display();
                tracing::warn!(%file, "a record is not whole: its writing was interrupted, or it is damaged");
            }
        }
        let newest = if damaged[newest] { other } else { newest };
        let mut head = heads[newest];
        head.sequence = heads[0].sequence.max(heads[1].sequence);
        Ok(TwinFile { files, newest, head })
    }

    /// The record, if there is one.
    ///
    /// # Errors
    /// What the system says, or what was whole at opening is so no more.
    pub fn read(&self) -> io::Result<Option<Vec<u8>>> {
        if self.head.kind != RECORD {
            return Ok(None);
        }
        let (path, file) = &self.files[self.newest];
        payload(file, &self.head)?.map(Some).ok_or_else(|| {
            io::Error::new(io::ErrorKind::InvalidData, format!("{} is damaged", path.display()))
        })
    }

    /// Replaces the record by what `fill` writes; returns when it is on disk.
    ///
    /// # Errors
    /// What the system or `fill` says. The record before is then still there for this process, but
    /// after a crash the new one may be found.
    pub fn write(&mut self, fill: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> io::Result<()> {
        let index = 1 - self.newest;
        let mut file = &self.files[index].1;
        file.seek(SeekFrom::Start(HEADER as u64))?;
        let mut to = Counting { to: BufWriter::with_capacity(BUFFER, file), length: 0, crc: 0 };
        fill(&mut to)?;
        to.flush()?;
        let sequence = self.head.sequence + 1;
        let head = Head { kind: RECORD, sequence, length: to.length, crc: to.crc };
        drop(to);
        file.write_all_at(&head.encode(), 0)?;
        file.sync_data()?;
        (self.newest, self.head) = (index, head);
        Ok(())
    }

    /// Forgets the record. It may be there again after a loss of power.
    ///
    /// # Errors
    /// What the system says; the record is then still there.
    pub fn forget(&mut self) -> io::Result<()> {
        if self.head.kind != RECORD {
            return Ok(());
        }
        let index = 1 - self.newest;
        let head = Head { kind: FORGOTTEN, sequence: self.head.sequence + 1, length: 0, crc: 0 };
        self.files[index].1.write_all_at(&head.encode(), 0)?;
        (self.newest, self.head) = (index, head);
        for (_, file) in &self.files {
            if file.metadata()?.len() > KEEP {
                file.set_len(KEEP)?;
            }
        }
        Ok(())
    }
}

impl Head {
    fn encode(&self) -> [u8; HEADER] {
        let mut bytes = [0; HEADER];
        bytes[..4].copy_from_slice(&MAGIC);
        bytes[4..6].copy_from_slice(&VERSION.to_le_bytes());
        bytes[6..8].copy_from_slice(&self.kind.to_le_bytes());
        bytes[8..16].copy_from_slice(&self.sequence.to_le_bytes());
        bytes[16..24].copy_from_slice(&self.length.to_le_bytes());
        bytes[24..28].copy_from_slice(&self.crc.to_le_bytes());
        let crc = crc32c::crc32c(&bytes[..28]);
        bytes[28..].copy_from_slice(&crc.to_le_bytes());
        bytes
    }
}

/// `None` for a file that was never written, an error in it for one that was not written so.
fn read_head(path: &Path, file: &File) -> io::Result<Option<Result<Head, ()>>> {
    let mut bytes = [0; HEADER];
    if file.metadata()?.len() < HEADER as u64 {
        return Ok(if file.metadata()?.len() == 0 { None } else { Some(Err(())) });
    }
    file.read_exact_at(&mut bytes, 0)?;
    if bytes == [0; HEADER] {
        return Ok(None);
    }
    let two = |at: usize| u16::from_le_bytes([bytes[at], bytes[at + 1]]);
    let four = |at: usize| u32::from(two(at)) | u32::from(two(at + 2)) << 16;
    let eight = |at: usize| u64::from(four(at)) | u64::from(four(at + 4)) << 32;
    if bytes[..4] != MAGIC || four(28) != crc32c::crc32c(&bytes[..28]) {
        return Ok(Some(Err(())));
    }
    if two(4) > VERSION {
        let path = path.display();
        let why = format!("{path} was written by a newer version of Squall; use that version");
        return Err(io::Error::new(io::ErrorKind::Unsupported, why));
    }
    Ok(Some(Ok(Head { kind: two(6), sequence: eight(8), length: eight(16), crc: four(24) })))
}

/// The payload, if it is whole.
fn payload(file: &File, head: &Head) -> io::Result<Option<Vec<u8>>> {
    if head.length > file.metadata()?.len().saturating_sub(HEADER as u64) {
        return Ok(None);
    }
    let mut file = file;
    file.seek(SeekFrom::Start(HEADER as u64))?;
    let mut bytes = Vec::with_capacity(usize::try_from(head.length).unwrap_or_default());
    file.take(head.length).read_to_end(&mut bytes)?;
    Ok((bytes.len() as u64 == head.length && crc32c::crc32c(&bytes) == head.crc).then_some(bytes))
}

/// Counts what goes through it.
struct Counting<W> {
    to: W,
    length: u64,
    crc: u32,
}

impl<W: Write> Write for Counting<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.to.write(bytes)?;
        self.crc = crc32c::crc32c_append(self.crc, &bytes[..written]);
        self.length += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.to.flush()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::fs;

    use super::*;

    fn text(twin: &TwinFile) -> Option<String> {
        twin.read().unwrap().map(|bytes| String::from_utf8(bytes).unwrap())
    }

    fn put(twin: &mut TwinFile, text: &str) {
        twin.write(|to| to.write_all(text.as_bytes())).unwrap();
    }

    #[test]
    fn the_last_record_is_found_until_it_is_forgotten() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("redo");
        let mut twin = TwinFile::open(&path).unwrap();
        assert_eq!(text(&twin), None);
        for record in ["one", "two, which is longer", "3", ""] {
            put(&mut twin, record);
            assert_eq!(text(&twin).as_deref(), Some(record));
            twin = TwinFile::open(&path).unwrap();
            assert_eq!(text(&twin).as_deref(), Some(record));
        }
        twin.forget().unwrap();
        assert_eq!(text(&twin), None);
        let mut twin = TwinFile::open(&path).unwrap();
        assert_eq!(text(&twin), None);
        put(&mut twin, "four");
        assert_eq!(text(&TwinFile::open(&path).unwrap()).as_deref(), Some("four"));
    }

    #[test]
    fn a_record_that_was_not_written_to_its_end_leaves_the_one_before() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("redo");
        let mut twin = TwinFile::open(&path).unwrap();
        put(&mut twin, "before");
        put(&mut twin, "the newer record");
        let newest = folder.path().join("redo.0");
        let whole = fs::read(&newest).unwrap();
        for at in 0..whole.len() {
            let mut damaged = whole.clone();
            damaged[at] ^= 0x20;
            for bytes in [&damaged[..], &whole[..at]] {
                fs::write(&newest, bytes).unwrap();
                let twin = TwinFile::open(&path);
                // A version that was damaged to a later one is not seen: the header is not whole.
                assert_eq!(text(&twin.unwrap()).as_deref(), Some("before"), "byte {at}");
            }
        }
        // And the next one is the newest again.
        let mut twin = TwinFile::open(&path).unwrap();
        put(&mut twin, "after");
        assert_eq!(text(&TwinFile::open(&path).unwrap()).as_deref(), Some("after"));
    }

    #[test]
    fn a_failed_write_leaves_the_record_and_is_repeated_in_its_place() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("redo");
        let mut twin = TwinFile::open(&path).unwrap();
        put(&mut twin, "first");
        let failed = twin.write(|to| {
            to.write_all(b"half of a")?;
            Err(io::Error::other("no room"))
        });
        assert!(failed.is_err());
        assert_eq!(text(&twin).as_deref(), Some("first"));
        assert_eq!(text(&TwinFile::open(&path).unwrap()).as_deref(), Some("first"));
        put(&mut twin, "second");
        assert_eq!(text(&TwinFile::open(&path).unwrap()).as_deref(), Some("second"));
    }
}
