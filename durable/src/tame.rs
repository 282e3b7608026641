//! What sled 0.34 needs around it. It panics on some damage, keeps its file locked for a moment
//! after it was closed, and is confused by what it left behind when it was killed while opening.
//!
//! sled itself is not known here: whoever uses it brings it along.

use std::fs::{self, File};
use std::io;
use std::panic::{self, AssertUnwindSafe};
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

/// How long sled may take to let go of its files.
const LET_GO: Duration = Duration::from_secs(10);
const STEP: Duration = Duration::from_millis(2);

/// Why sled could not be opened.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OpenFault {
    /// Its files are still locked.
    #[error("{0}")]
    InUse(String),
    /// What is there is of no use.
    #[error("{0}")]
    Unusable(String),
}

/// Runs something that may panic inside sled, and gives the panic as words.
///
/// # Errors
/// What `run` says, or what it panicked with.
pub fn quietly<T>(run: impl FnOnce() -> Result<T, String>) -> Result<T, String> {
    match panic::catch_unwind(AssertUnwindSafe(run)) {
        Ok(result) => result,
        Err(panic) => {
            let text = panic.downcast_ref::<String>().cloned();
            let text = text.or_else(|| panic.downcast_ref::<&str>().map(|&s| s.to_owned()));
            Err(format!(
                "sled panicked: {}",
                text.unwrap_or_default().lines().next().unwrap_or_default()
            ))
        }
    }
}

/// Opens a sled database in `folder`, which must be locked so that nobody else has it open; but
/// threads of sled in this process may still be letting go of it, so this waits for them.
///
/// # Errors
/// As [`OpenFault`] says.
pub fn open<T>(folder: &Path, mut open: impl FnMut() -> Result<T, String>) -> Result<T, OpenFault> {
    remove_unfinished(folder).map_err(|error| OpenFault::Unusable(error.to_string()))?;
    let until = Instant::now() + LET_GO;
    loop {
        match quietly(&mut open) {
            Ok(opened) => return Ok(opened),
            Err(why) if !why.contains("could not acquire lock") => {
                return Err(OpenFault::Unusable(why));
            }
            Err(why) if Instant::now() > until => return Err(OpenFault::InUse(why)),
            Err(_) => thread::sleep(STEP),
        }
    }
}

/// sled takes a snapshot of its page table that it was killed in the middle of writing for the
/// newest one, and then for damage. The one before it is still there.
fn remove_unfinished(folder: &Path) -> io::Result<()> {
    let entries = match fs::read_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        entries => entries?,
    };
    for entry in entries {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "generating") {
            fs::remove_file(path)?;
        }
    }
    File::open(folder)?.sync_all()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::panic)]
    use super::*;

    #[test]
    fn a_panic_is_an_error_and_a_lock_is_waited_for() {
        let why = quietly::<()>(|| panic!("page {} is not there\nmore", 7)).unwrap_err();
        assert_eq!(why, "sled panicked: page 7 is not there");
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("snap.0F.generating"), "half").unwrap();
        fs::write(folder.path().join("snap.0E"), "whole").unwrap();
        let mut tries = 0;
        let opened = open(folder.path(), || {
            tries += 1;
            if tries < 3 { Err("could not acquire lock on db".into()) } else { Ok(tries) }
        });
        assert_eq!(opened, Ok(3));
        let names: Vec<_> = fs::read_dir(folder.path()).unwrap().collect();
        assert_eq!(names.len(), 1);
        let damaged = open::<()>(folder.path(), || Err("corruption".into()));
        assert_eq!(damaged, Err(OpenFault::Unusable("corruption".into())));
    }
}
