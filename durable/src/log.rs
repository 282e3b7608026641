//! The log: a folder of numbered segment files that share a nonce.
//!
//! A segment is `NNNNNNNN.seg`, numbered from 1, allocated whole before it is used and never
//! written again once a later one is. It starts with 64 bytes:
//!
//! ```text
//!  0  magic "SQUALSEG"
//!  8  version u32 (1)
//! 12  number u32
//! 16  nonce u64         the same in all segments of a log
//! 24  CRC32C of bytes 0..24
//! 28  zeros
//! ```
//!
//! Frames follow (see [`FrameHead`](crate::FrameHead)) without gaps, up to the first place that
//! is blank. The nonce is also in the file `log.id`, so that no single damaged byte hides it.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
use parking_lot::{Mutex, RwLock};

use crate::disk::{Disk, DiskFile};

/// Where the first frame of a segment lies.
pub const SEGMENT_HEADER_BYTES: u64 = 64;
const SEGMENT_MAGIC: [u8; 8] = *b"SQUALSEG";
const SEGMENT_VERSION: u32 = 1;
/// Files kept open for reading at most.
const OPEN_FILES: usize = 256;

/// Where a frame lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Place {
    /// The number of the segment.
    pub segment: u32,
    /// The byte in it.
    pub at: u64,
}

/// Why a log cannot be opened, read or written.
#[derive(Debug, thiserror::Error)]
pub enum LogError {
    /// The system refused.
    #[error("cannot {action} {path}: {source}")]
    Io {
        /// What was being done.
        action: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A file of a format that this version does not know.
    #[error("{path} has format version {found}; this version reads up to {supported}")]
    NewerFormat {
        /// The file.
        path: PathBuf,
        /// Its version.
        found: u32,
        /// The newest that can be read.
        supported: u32,
    },
}

impl LogError {
    pub(crate) fn io(action: &'static str, path: &Path, source: io::Error) -> Self {
        Self::Io { action, path: path.to_owned(), source }
    }

    /// What the system said, if it was the system.
    #[must_use]
    pub fn kind(&self) -> Option<io::ErrorKind> {
        match self {
            Self::Io { source, .. } => Some(source.kind()),
            Self::NewerFormat { .. } => None,
        }
    }
}

/// The readers' side of a log; the writer's is [`Appender`](crate::Appender).
pub struct Log {
    pub(crate) disk: Arc<dyn Disk>,
    pub(crate) folder: PathBuf,
    pub(crate) segment_bytes: u64,
    pub(crate) nonce: u64,
    segments: RwLock<BTreeMap<u32, u64>>,
    open: Mutex<BTreeMap<u32, Arc<dyn DiskFile>>>,
    notes: Vec<String>,
}

impl Log {
    /// Opens the log in `folder`, creating it where there is none. Reads no frames.
    ///
    /// # Errors
    /// What the system says, or a newer format.
    pub fn open(
        disk: Arc<dyn Disk>,
        folder: &Path,
        segment_bytes: u64,
    ) -> Result<Arc<Self>, LogError> {
        let io = |action, source| LogError::io(action, folder, source);
        disk.create_folder(folder).map_err(|e| io("create", e))?;
        let mut log = Self {
            segment_bytes: segment_bytes.clamp(256 << 10, 1 << 31),
            nonce: 0,
            segments: RwLock::default(),
            open: Mutex::default(),
            notes: Vec::new(),
            folder: folder.to_owned(),
            disk,
        };
        let mut headers = Vec::new();
        for name in log.disk.list(folder).map_err(|e| io("list", e))? {
            let Some(number) = segment_number(&name) else { continue };
            let path = log.path(number);
            let file = log.disk.open(&path).map_err(|e| LogError::io("open", &path, e))?;
            let len = file.len().map_err(|e| LogError::io("read", &path, e))?;
            headers.push((path, read_header(file.as_ref(), number)));
            log.segments.get_mut().insert(number, len);
            log.open.get_mut().insert(number, file);
        }
        log.find_nonce(headers)?;
        Ok(Arc::new(log))
    }

    fn find_nonce(&mut self, headers: Vec<(PathBuf, Header)>) -> Result<(), LogError> {
        let id_path = self.folder.join("log.id");
        let mut from_headers = None;
        for (path, header) in headers {
            match header {
                Header::Good(nonce) => from_headers = Some(nonce),
                Header::Newer(found) => {
                    return Err(LogError::NewerFormat { path, found, supported: SEGMENT_VERSION });
                }
                Header::Blank => {}
                Header::Bad => self.notes.push(format!(
                    "{} has a damaged header; its frames are still read",
                    path.display()
                )),
            }
        }
        let stored = self.read_id(&id_path);
        if let (None, true) = (stored, from_headers.is_some()) {
            self.notes.push(format!(
                "{} is damaged or missing; restored from the segments",
                id_path.display()
            ));
        }
        // The identity file outweighs the headers only where these say nothing.
        self.nonce = from_headers.or(stored).unwrap_or_else(|| fastrand::u64(1..));
        if stored != Some(self.nonce) {
            let mut bytes = self.nonce.to_le_bytes().to_vec();
            bytes.extend_from_slice(&crc32c::crc32c(&bytes).to_le_bytes());
            let write = || -> io::Result<()> {
                if self.disk.list(&self.folder)?.contains(&PathBuf::from("log.id")) {
                    self.disk.remove(&id_path)?;
                }
                let file = self.disk.create(&id_path, bytes.len() as u64)?;
                file.write_at(&bytes, 0)?;
                file.sync()?;
                self.disk.sync_folder(&self.folder)
            };
            write().map_err(|e| LogError::io("write", &id_path, e))?;
        }
        Ok(())
    }

    fn read_id(&self, path: &Path) -> Option<u64> {
        let mut bytes = [0; 12];
        let file = self.disk.open(path).ok()?;
        let read = file.read_at(&mut bytes, 0).ok()?;
        let (nonce, crc) = bytes.split_at(8);
        (read == 12 && crc32c::crc32c(nonce).to_le_bytes() == crc)
            .then(|| u64::from_le_bytes(nonce.try_into().unwrap_or_default()))
    }

    /// What was found amiss while opening, in words.
    #[must_use]
    pub fn notes(&self) -> &[String] {
        &self.notes
    }

    /// A number that is this log's alone, made when it was created.
    #[must_use]
    pub fn nonce(&self) -> u64 {
        self.nonce
    }

    /// Numbers and lengths of the segments, rising.
    #[must_use]
    pub fn segments(&self) -> Vec<(u32, u64)> {
        self.segments.read().iter().map(|(&number, &len)| (number, len)).collect()
    }

    /// Whether there is a segment of that number.
    #[must_use]
    pub fn has(&self, segment: u32) -> bool {
        self.segments.read().contains_key(&segment)
    }

    /// The file of a segment.
    #[must_use]
    pub fn path(&self, segment: u32) -> PathBuf {
        self.folder.join(format!("{segment:08}.seg"))
    }

    /// Bytes that are free on the log's file system.
    ///
    /// # Errors
    /// What the system says.
    pub fn free_bytes(&self) -> io::Result<u64> {
        self.disk.free_bytes(&self.folder)
    }

    /// Reads `len` bytes (fewer at the end of the file).
    ///
    /// # Errors
    /// What the system says; `NotFound` when the segment has been removed.
    pub fn read(&self, place: Place, len: usize) -> io::Result<Bytes> {
        let file = self.file(place.segment)?;
        let mut bytes = vec![0; len];
        let read = file.read_at(&mut bytes, place.at)?;
        bytes.truncate(read);
        Ok(Bytes::from(bytes))
    }

    /// Removes a segment that nobody needs any more.
    ///
    /// # Errors
    /// What the system says.
    pub fn remove(&self, segment: u32) -> Result<(), LogError> {
        self.segments.write().remove(&segment);
        self.open.lock().remove(&segment);
        let path = self.path(segment);
        self.disk.remove(&path).map_err(|e| LogError::io("remove", &path, e))
    }

    pub(crate) fn file(&self, segment: u32) -> io::Result<Arc<dyn DiskFile>> {
        let mut open = self.open.lock();
        if let Some(file) = open.get(&segment) {
            return Ok(Arc::clone(file));
        }
        if !self.has(segment) {
            return Err(io::ErrorKind::NotFound.into());
        }
        let file = self.disk.open(&self.path(segment))?;
        if open.len() >= OPEN_FILES {
            open.clear();
        }
        open.insert(segment, Arc::clone(&file));
        Ok(file)
    }

    /// Creates a segment with its header, on disk when this returns.
    pub(crate) fn create(&self, number: u32) -> Result<Arc<dyn DiskFile>, LogError> {
        let path = self.path(number);
        let make = || -> io::Result<Arc<dyn DiskFile>> {
            let file = self.disk.create(&path, self.segment_bytes)?;
            file.write_at(&header(number, self.nonce), 0)?;
            file.sync()?;
            self.disk.sync_folder(&self.folder)?;
            Ok(file)
        };
        let file = make().map_err(|e| LogError::io("create", &path, e))?;
        Ok(file)
    }

    pub(crate) fn adopt(&self, number: u32, file: Arc<dyn DiskFile>) {
        self.segments.write().insert(number, self.segment_bytes);
        self.open.lock().insert(number, file);
    }
}

enum Header {
    Good(u64),
    Newer(u32),
    Blank,
    Bad,
}

fn header(number: u32, nonce: u64) -> [u8; SEGMENT_HEADER_BYTES as usize] {
    let mut bytes = [0; SEGMENT_HEADER_BYTES as usize];
    bytes[..8].copy_from_slice(&SEGMENT_MAGIC);
    bytes[8..12].copy_from_slice(&SEGMENT_VERSION.to_le_bytes());
    bytes[12..16].copy_from_slice(&number.to_le_bytes());
    bytes[16..24].copy_from_slice(&nonce.to_le_bytes());
    let crc = crc32c::crc32c(&bytes[..24]);
    bytes[24..28].copy_from_slice(&crc.to_le_bytes());
    bytes
}

fn read_header(file: &dyn DiskFile, number: u32) -> Header {
    let mut bytes = [0; SEGMENT_HEADER_BYTES as usize];
    if file.read_at(&mut bytes, 0).is_err() {
        return Header::Bad;
    }
    let nonce = u64::from_le_bytes(bytes[16..24].try_into().unwrap_or_default());
    let version = u32::from_le_bytes(bytes[8..12].try_into().unwrap_or_default());
    let crc = u32::from_le_bytes(bytes[24..28].try_into().unwrap_or_default());
    if bytes == [0; SEGMENT_HEADER_BYTES as usize] {
        // Allocated ahead by a process that ended before it wrote the header.
        Header::Blank
    } else if bytes[..8] != SEGMENT_MAGIC || crc != crc32c::crc32c(&bytes[..24]) {
        Header::Bad
    } else if version > SEGMENT_VERSION {
        Header::Newer(version)
    } else if bytes[12..16] == number.to_le_bytes() {
        Header::Good(nonce)
    } else {
        Header::Bad
    }
}

fn segment_number(name: &Path) -> Option<u32> {
    name.to_str()?.strip_suffix(".seg")?.parse().ok()
}
