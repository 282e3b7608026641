//! The file layer: what the log asks of a disk, so that tests can put a failing one in its place.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// An open file, read and written at places; shared between threads.
pub trait DiskFile: Send + Sync {
    /// Writes all of `bytes` at `at`.
    ///
    /// # Errors
    /// What the system says.
    fn write_at(&self, bytes: &[u8], at: u64) -> io::Result<()>;

    /// Fills `bytes` from `at`, or as much as there is; says how much.
    ///
    /// # Errors
    /// What the system says.
    fn read_at(&self, bytes: &mut [u8], at: u64) -> io::Result<usize>;

    /// Returns when everything written so far would survive a loss of power.
    ///
    /// # Errors
    /// What the system says. Afterwards nobody knows what is on the disk, so the log must not
    /// be written any more.
    fn sync(&self) -> io::Result<()>;

    /// The length in bytes.
    ///
    /// # Errors
    /// What the system says.
    fn len(&self) -> io::Result<u64>;

    /// Whether the length is zero.
    ///
    /// # Errors
    /// What the system says.
    fn is_empty(&self) -> io::Result<bool> {
        Ok(self.len()? == 0)
    }
}

/// A disk with folders.
pub trait Disk: Send + Sync {
    /// Creates a file of `len` bytes of zeros, with the room for them allocated; fails if there
    /// is one. Survives a loss of power only after [`sync_folder`](Self::sync_folder).
    ///
    /// # Errors
    /// What the system says, `StorageFull` if there is no room.
    fn create(&self, path: &Path, len: u64) -> io::Result<Arc<dyn DiskFile>>;

    /// Opens an existing file to read and write.
    ///
    /// # Errors
    /// What the system says.
    fn open(&self, path: &Path) -> io::Result<Arc<dyn DiskFile>>;

    /// Removes a file.
    ///
    /// # Errors
    /// What the system says.
    fn remove(&self, path: &Path) -> io::Result<()>;

    /// The names of the files in a folder.
    ///
    /// # Errors
    /// What the system says.
    fn list(&self, folder: &Path) -> io::Result<Vec<PathBuf>>;

    /// Creates a folder and those above it.
    ///
    /// # Errors
    /// What the system says.
    fn create_folder(&self, folder: &Path) -> io::Result<()>;

    /// Makes creations and removals in a folder survive a loss of power.
    ///
    /// # Errors
    /// What the system says.
    fn sync_folder(&self, folder: &Path) -> io::Result<()>;

    /// Bytes that are free for this user on the file system that `folder` is on.
    ///
    /// # Errors
    /// What the system says.
    fn free_bytes(&self, folder: &Path) -> io::Result<u64>;
}

/// The disk of the operating system.
#[derive(Debug, Clone, Copy, Default)]
pub struct RealDisk;

impl DiskFile for File {
    fn write_at(&self, bytes: &[u8], at: u64) -> io::Result<()> {
        self.write_all_at(bytes, at)
    }

    fn read_at(&self, bytes: &mut [u8], at: u64) -> io::Result<usize> {
        let mut done = 0;
        while done < bytes.len() {
            match FileExt::read_at(self, &mut bytes[done..], at + done as u64) {
                Ok(0) => break,
                Ok(n) => done += n,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(done)
    }

    fn sync(&self) -> io::Result<()> {
        self.sync_data()
    }

    fn len(&self) -> io::Result<u64> {
        Ok(self.metadata()?.len())
    }
}

impl Disk for RealDisk {
    fn create(&self, path: &Path, len: u64) -> io::Result<Arc<dyn DiskFile>> {
        let file = OpenOptions::new().read(true).write(true).create_new(true).open(path)?;
        let allocated =
            match rustix::fs::fallocate(&file, rustix::fs::FallocateFlags::empty(), 0, len) {
                // Some file systems cannot allocate ahead; a file with a hole is the next best.
                Err(rustix::io::Errno::OPNOTSUPP) => file.set_len(len),
                other => other.map_err(io::Error::from),
            };
        if let Err(error) = allocated.and_then(|()| file.sync_all()) {
            drop(file);
            fs::remove_file(path)?;
            return Err(error);
        }
        Ok(Arc::new(file))
    }

    fn open(&self, path: &Path) -> io::Result<Arc<dyn DiskFile>> {
        Ok(Arc::new(OpenOptions::new().read(true).write(true).open(path)?))
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        fs::remove_file(path)
    }

    fn list(&self, folder: &Path) -> io::Result<Vec<PathBuf>> {
        let mut names = Vec::new();
        for entry in fs::read_dir(folder)? {
            names.push(PathBuf::from(entry?.file_name()));
        }
        Ok(names)
    }

    fn create_folder(&self, folder: &Path) -> io::Result<()> {
        if folder.is_dir() {
            return Ok(());
        }
        fs::create_dir_all(folder)?;
        // A new folder survives a loss of power once those above it know of it.
        for above in folder.ancestors().skip(1).take(2).filter(|p| !p.as_os_str().is_empty()) {
            self.sync_folder(above)?;
        }
        Ok(())
    }

    fn sync_folder(&self, folder: &Path) -> io::Result<()> {
        File::open(folder)?.sync_all()
    }

    fn free_bytes(&self, folder: &Path) -> io::Result<u64> {
        let stat = rustix::fs::statvfs(folder)?;
        Ok(stat.f_bavail.saturating_mul(stat.f_frsize))
    }
}
