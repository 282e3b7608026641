//! One process per folder.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Seek, Write};
use std::path::{Path, PathBuf};

use rustix::fs::{FlockOperation, flock};

/// Why a folder could not be locked.
#[derive(Debug, thiserror::Error)]
pub enum LockError {
    /// Another process has it.
    #[error("{folder} is in use by {holder}; stop it first, or use another folder")]
    Held {
        /// The folder.
        folder: PathBuf,
        /// What the holder wrote about itself.
        holder: String,
    },
    /// The system refused.
    #[error("cannot lock {folder}: {source}")]
    Io {
        /// The folder.
        folder: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

/// Holds a folder for this process until it is dropped or the process ends, however it ends.
#[derive(Debug)]
pub struct FolderLock {
    _file: File,
}

impl FolderLock {
    /// Takes the folder, creating it where there is none. The file `lock` in it says who has it.
    ///
    /// # Errors
    /// [`LockError::Held`] with the holder's process id, or what the system says.
    pub fn take(folder: &Path) -> Result<Self, LockError> {
        let io = |source| LockError::Io { folder: folder.to_owned(), source };
        fs::create_dir_all(folder).map_err(io)?;
        let path = folder.join("lock");
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(path)
            .map_err(io)?;
        match flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => {}
            Err(rustix::io::Errno::WOULDBLOCK) => {
                let mut holder = String::new();
                file.read_to_string(&mut holder).map_err(io)?;
                let holder = if holder.is_empty() { "another process" } else { holder.trim() };
                return Err(LockError::Held {
                    folder: folder.to_owned(),
                    holder: holder.to_owned(),
                });
            }
            Err(error) => return Err(io(error.into())),
        }
        let program = std::env::args().next().unwrap_or_default();
        let program = Path::new(&program).file_name().map(|n| n.to_string_lossy().into_owned());
        let who = format!("process {} ({})\n", std::process::id(), program.unwrap_or_default());
        file.set_len(0).and_then(|()| file.rewind()).map_err(io)?;
        file.write_all(who.as_bytes()).map_err(io)?;
        Ok(Self { _file: file })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn the_second_is_told_who_holds_the_folder() {
        let folder = tempfile::tempdir().unwrap();
        let lock = FolderLock::take(folder.path()).unwrap();
        let refused = FolderLock::take(folder.path()).unwrap_err().to_string();
        assert!(refused.contains(&format!("process {}", std::process::id())), "{refused}");
        drop(lock);
        FolderLock::take(folder.path()).unwrap();
    }
}
