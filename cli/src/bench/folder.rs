//! A folder for what a benchmark writes, removed afterwards.

use std::{
    fs, io,
    path::{Path, PathBuf},
    process,
};

use crate::failure::Failure;

/// A new folder that is removed when this is dropped.
pub(crate) struct Scratch(PathBuf);

impl Scratch {
    /// A new folder in `parent`, or in the current folder: benchmarks of disks want the disk that
    /// will be used, and the system's temporary folder is often none.
    pub(crate) fn new(parent: Option<&Path>) -> Result<Self, Failure> {
        let parent = parent.unwrap_or(Path::new("."));
        let folder = parent.join(format!("squall-bench-{}", process::id()));
        let cannot =
            |error: io::Error| Failure::failed(format!("cannot use {}: {error}", folder.display()));
        fs::create_dir_all(&folder).map_err(cannot)?;
        Ok(Scratch(folder.canonicalize().map_err(cannot)?))
    }

    /// Leaves the folder where it is, and says where.
    pub(crate) fn keep(mut self) -> PathBuf {
        std::mem::take(&mut self.0)
    }

    /// A path in it.
    pub(crate) fn join(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        if self.0.as_os_str().is_empty() {
            return;
        }
        if let Err(error) = fs::remove_dir_all(&self.0) {
            tracing::warn!(folder = %self.0.display(), %error, "the folder of the benchmark stays behind");
        }
    }
}
