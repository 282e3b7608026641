//! Writing to the end of a log.

use std::mem;
use std::sync::Arc;
use std::thread::{self, JoinHandle};

use crate::disk::DiskFile;
use crate::frame::{self, FrameHead, HEADER_BYTES};
use crate::log::{Log, LogError, Place, SEGMENT_HEADER_BYTES};

/// The one writer of a log: collects frames and writes them together.
///
/// The next segment is allocated on a thread of its own while the current one fills up, so
/// that changing over costs nothing.
pub struct Appender {
    log: Arc<Log>,
    file: Arc<dyn DiskFile>,
    segment: u32,
    /// Where the buffer will be written.
    at: u64,
    buffer: Vec<u8>,
    /// Whether something was written since the last sync.
    dirty: bool,
    next: Option<JoinHandle<Result<Arc<dyn DiskFile>, LogError>>>,
}

impl Appender {
    /// Starts writing: behind `end` when a scan found that place and everything before it
    /// sound, else in a new segment, so that what is damaged stays as it is.
    ///
    /// # Errors
    /// What the system says.
    pub fn open(log: Arc<Log>, end: Place, sound: bool) -> Result<Self, LogError> {
        // Segments behind the end were allocated ahead and never used.
        for (number, _) in log.segments() {
            if number > end.segment {
                log.remove(number)?;
            }
        }
        let last = match log.has(end.segment) {
            true => Some(sync_again(&log, end.segment)?),
            false => None,
        };
        let (segment, at, file) = if let Some(file) = last.filter(|_| sound) {
            (end.segment, end.at, file)
        } else {
            let number = end.segment + 1;
            let file = log.create(number)?;
            log.adopt(number, Arc::clone(&file));
            (number, SEGMENT_HEADER_BYTES, file)
        };
        Ok(Self { log, file, segment, at, buffer: Vec::new(), dirty: false, next: None })
    }

    /// Where the next frame will go, if it fits there.
    #[must_use]
    pub fn end(&self) -> Place {
        Place { segment: self.segment, at: self.at + self.buffer.len() as u64 }
    }

    /// Bytes collected and not yet written.
    #[must_use]
    pub fn buffered(&self) -> usize {
        self.buffer.len()
    }

    /// Whether a payload of `bytes` would stay in the segment of [`end`](Self::end).
    #[must_use]
    pub fn fits(&self, bytes: usize) -> bool {
        self.end().at + (HEADER_BYTES + bytes) as u64 <= self.log.segment_bytes
    }

    /// Collects a frame and says where it will lie. Changes to the next segment where it does
    /// not fit, which writes and syncs what was collected.
    ///
    /// # Errors
    /// What the system says; `StorageFull` when there is no room for another segment, and then
    /// smaller frames may still fit into the current one.
    pub fn push(&mut self, head: &FrameHead, parts: &[&[u8]]) -> Result<Place, LogError> {
        let bytes: usize = parts.iter().map(|part| part.len()).sum();
        if !self.fits(bytes) {
            self.change_segment()?;
        }
        let place = self.end();
        let seed = frame::seed(self.log.nonce, place.segment, place.at);
        frame::encode(&mut self.buffer, seed, head, parts);
        Ok(place)
    }

    /// Writes what was collected; returns when it would survive a loss of power if `sync`.
    ///
    /// # Errors
    /// What the system says. After a failed sync nobody knows what is on the disk: write no
    /// more.
    pub fn flush(&mut self, sync: bool) -> Result<(), LogError> {
        let path = || self.log.path(self.segment);
        if !self.buffer.is_empty() {
            self.file
                .write_at(&self.buffer, self.at)
                .map_err(|e| LogError::io("write", &path(), e))?;
            self.at += self.buffer.len() as u64;
            self.buffer.clear();
            self.buffer.shrink_to(4 << 20);
            self.dirty = true;
        }
        if sync && self.dirty {
            self.file.sync().map_err(|e| LogError::io("sync", &path(), e))?;
            self.dirty = false;
        }
        if self.next.is_none() && self.at > self.log.segment_bytes / 2 {
            self.prepare();
        }
        Ok(())
    }

    fn prepare(&mut self) {
        let (log, number) = (Arc::clone(&self.log), self.segment + 1);
        let spawned =
            thread::Builder::new().name("squall-segment".into()).spawn(move || log.create(number));
        // Without a thread the segment is created when it is needed.
        self.next = spawned.ok();
    }

    fn change_segment(&mut self) -> Result<(), LogError> {
        self.flush(true)?;
        let number = self.segment + 1;
        let prepared = mem::take(&mut self.next).and_then(|thread| thread.join().ok());
        let file = match prepared {
            Some(Ok(file)) => file,
            // Room may have been made since that failed.
            Some(Err(_)) | None => self.log.create(number)?,
        };
        self.log.adopt(number, Arc::clone(&file));
        (self.segment, self.at, self.file) = (number, SEGMENT_HEADER_BYTES, file);
        Ok(())
    }
}

/// What a process wrote that was killed before it could sync has been read, so it counts from now
/// on; it must not be lost with the power any more.
fn sync_again(log: &Log, segment: u32) -> Result<Arc<dyn DiskFile>, LogError> {
    let failed = |action, error| LogError::io(action, &log.path(segment), error);
    let file = log.file(segment).map_err(|error| failed("open", error))?;
    file.sync().map_err(|error| failed("sync", error))?;
    Ok(file)
}

impl Drop for Appender {
    fn drop(&mut self) {
        if let Some(thread) = self.next.take() {
            let _ = thread.join();
        }
    }
}
