//! What a child finds on the disk: where to leave its process id, and a `storm.py`.

use std::{
    fs, io,
    path::{Path, PathBuf},
    sync::atomic::{AtomicU64, Ordering::Relaxed},
};

/// Storm's module for Python, for scripts that have none of their own beside them.
const STORM_PY: &str = include_str!("storm.py");

/// A folder of its own in the system's one for temporary files, removed when dropped.
#[derive(Debug)]
pub(super) struct ChildFolder(PathBuf);

impl ChildFolder {
    pub(super) fn new() -> io::Result<Self> {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let number = NEXT.fetch_add(1, Relaxed);
        let name = format!("squall-{}-{number}-{:08x}", std::process::id(), fastrand::u32(..));
        let folder = ChildFolder(std::env::temp_dir().join(name));
        // Fails if there is one already, as somebody else might have made it.
        fs::create_dir(&folder.0)?;
        fs::create_dir(folder.pids())?;
        fs::create_dir(folder.python())?;
        fs::write(folder.python().join("storm.py"), STORM_PY)?;
        Ok(folder)
    }

    pub(super) fn pids(&self) -> PathBuf {
        self.0.join("pids")
    }

    pub(super) fn python(&self) -> PathBuf {
        self.0.join("python")
    }

    /// What `PYTHONPATH` is for the child: behind what it is for us.
    pub(super) fn python_path(&self) -> std::ffi::OsString {
        let ours = std::env::var_os("PYTHONPATH").unwrap_or_default();
        let paths = std::env::split_paths(&ours).filter(|path| path != Path::new(""));
        let all = paths.chain([self.python()]).collect::<Vec<_>>();
        std::env::join_paths(all).unwrap_or_else(|_| self.python().into())
    }
}

impl Drop for ChildFolder {
    fn drop(&mut self) {
        // It lies in the folder for temporary files; nothing depends on it.
        let _ = fs::remove_dir_all(&self.0);
    }
}
