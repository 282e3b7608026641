//! A disk for tests: in memory, forgets what was not synced, fills up.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use parking_lot::Mutex;

use crate::disk::{Disk, DiskFile};

/// What a loss of power keeps or drops as one.
const SECTOR: usize = 512;

/// A simulated disk. Clones are the same disk.
///
/// [`lose_power`](Self::lose_power) drops what was not synced, each sector of each write by
/// chance, and creations and removals of files whose folder was not synced.
#[derive(Clone, Default)]
pub struct SimDisk {
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    files: BTreeMap<PathBuf, Arc<SimFile>>,
    /// The files as a loss of power would leave them.
    synced: BTreeMap<PathBuf, Arc<SimFile>>,
    capacity: Option<u64>,
    syncs_until_failure: Option<u64>,
    /// The power is lost: nothing is written any more.
    off: bool,
}

impl State {
    fn check(&self) -> io::Result<()> {
        if self.off { Err(io::Error::other("the power of this disk is lost")) } else { Ok(()) }
    }
}

struct SimFile {
    disk: Arc<Mutex<State>>,
    content: Mutex<Content>,
}

#[derive(Default)]
struct Content {
    now: Vec<u8>,
    synced: Vec<u8>,
    pending: Vec<(usize, Vec<u8>)>,
}

impl SimDisk {
    /// A disk without limit.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Gives the disk room for so many bytes; `None` for no limit.
    pub fn set_capacity(&self, bytes: Option<u64>) {
        self.state.lock().capacity = bytes;
    }

    /// Lets every sync fail after so many more have gone well; `None` for never.
    pub fn fail_sync_after(&self, syncs: Option<u64>) {
        self.state.lock().syncs_until_failure = syncs;
    }

    /// A copy of the disk as it is found after the power failed now. The old one can still be read,
    /// so that a store that has it open may be dropped, but writes nothing from now on. `keep`
    /// decides by chance (0.0 to 1.0) for each sector that was written and not synced whether it
    /// reached the disk.
    #[must_use]
    pub fn lose_power(&self, seed: u64, keep: f64) -> Self {
        let mut random = fastrand::Rng::with_seed(seed);
        let after = Self::new();
        let mut state = self.state.lock();
        state.off = true;
        let mut copy = after.state.lock();
        copy.capacity = state.capacity;
        for (path, file) in &state.synced {
            let content = file.content.lock();
            let mut bytes = content.synced.clone();
            for (at, written) in &content.pending {
                for (index, sector) in written.chunks(SECTOR).enumerate() {
                    if random.f64() < keep {
                        let start = at + index * SECTOR;
                        let end = (start + sector.len()).min(bytes.len());
                        bytes[start..end].copy_from_slice(&sector[..end - start]);
                    }
                }
            }
            let content = Content { now: bytes.clone(), synced: bytes, pending: Vec::new() };
            let file =
                Arc::new(SimFile { disk: Arc::clone(&after.state), content: Mutex::new(content) });
            copy.files.insert(path.clone(), Arc::clone(&file));
            copy.synced.insert(path.clone(), file);
        }
        drop(copy);
        after
    }

    /// Changes a byte of a file where it lies, as a failing disk does.
    pub fn flip(&self, path: &Path, at: u64, mask: u8) {
        if let (Some(file), Ok(at)) = (self.state.lock().files.get(path), usize::try_from(at)) {
            let mut content = file.content.lock();
            for bytes in [&mut 0, &mut 1] {
                let side = if *bytes == 0 { &mut content.now } else { &mut content.synced };
                if let Some(byte) = side.get_mut(at) {
                    *byte ^= mask;
                }
            }
        }
    }
}

impl DiskFile for SimFile {
    fn write_at(&self, bytes: &[u8], at: u64) -> io::Result<()> {
        // Held, so that it comes before a loss of power or after.
        let disk = self.disk.lock();
        disk.check()?;
        let mut content = self.content.lock();
        let start = usize::try_from(at).map_err(io::Error::other)?;
        let end = start + bytes.len();
        if end > content.now.len() {
            content.now.resize(end, 0);
            content.synced.resize(end, 0);
        }
        content.now[start..end].copy_from_slice(bytes);
        content.pending.push((start, bytes.to_vec()));
        Ok(())
    }

    fn read_at(&self, bytes: &mut [u8], at: u64) -> io::Result<usize> {
        let content = self.content.lock();
        let start = usize::try_from(at).map_err(io::Error::other)?.min(content.now.len());
        let len = bytes.len().min(content.now.len() - start);
        bytes[..len].copy_from_slice(&content.now[start..start + len]);
        Ok(len)
    }

    fn sync(&self) -> io::Result<()> {
        let mut disk = self.disk.lock();
        disk.check()?;
        if let Some(left) = &mut disk.syncs_until_failure {
            if *left == 0 {
                return Err(io::Error::other("simulated failure of the disk"));
            }
            *left -= 1;
        }
        let mut content = self.content.lock();
        for (at, bytes) in std::mem::take(&mut content.pending) {
            content.synced[at..at + bytes.len()].copy_from_slice(&bytes);
        }
        Ok(())
    }

    fn len(&self) -> io::Result<u64> {
        Ok(self.content.lock().now.len() as u64)
    }
}

impl Disk for SimDisk {
    fn create(&self, path: &Path, len: u64) -> io::Result<Arc<dyn DiskFile>> {
        if self.free_bytes(path)? < len {
            return Err(io::ErrorKind::StorageFull.into());
        }
        let mut state = self.state.lock();
        state.check()?;
        if state.files.contains_key(path) {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        let zeros = vec![0; usize::try_from(len).map_err(io::Error::other)?];
        let content = Content { now: zeros.clone(), synced: zeros, pending: Vec::new() };
        let file =
            Arc::new(SimFile { disk: Arc::clone(&self.state), content: Mutex::new(content) });
        state.files.insert(path.to_owned(), Arc::clone(&file));
        Ok(file)
    }

    fn open(&self, path: &Path) -> io::Result<Arc<dyn DiskFile>> {
        let state = self.state.lock();
        let file = state.files.get(path).ok_or(io::ErrorKind::NotFound)?;
        Ok(Arc::clone(file) as Arc<dyn DiskFile>)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        let mut state = self.state.lock();
        state.check()?;
        let removed = state.files.remove(path);
        removed.map(|_| ()).ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    fn list(&self, folder: &Path) -> io::Result<Vec<PathBuf>> {
        let state = self.state.lock();
        let inside = state.files.keys().filter(|path| path.parent() == Some(folder));
        Ok(inside.filter_map(|path| path.file_name().map(PathBuf::from)).collect())
    }

    fn create_folder(&self, _: &Path) -> io::Result<()> {
        Ok(())
    }

    fn sync_folder(&self, folder: &Path) -> io::Result<()> {
        let mut state = self.state.lock();
        state.check()?;
        let inside = |path: &PathBuf| path.parent() == Some(folder);
        let now: Vec<_> = state
            .files
            .iter()
            .filter(|(path, _)| inside(path))
            .map(|(p, f)| (p.clone(), Arc::clone(f)))
            .collect();
        state.synced.retain(|path, _| !inside(path));
        state.synced.extend(now);
        Ok(())
    }

    fn free_bytes(&self, _: &Path) -> io::Result<u64> {
        let state = self.state.lock();
        let used: u64 = state.files.values().map(|file| file.content.lock().now.len() as u64).sum();
        Ok(state.capacity.map_or(u64::MAX, |capacity| capacity.saturating_sub(used)))
    }
}
