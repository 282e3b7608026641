//! Making room for states that are built anew.

use std::{
    fs::{self, File},
    path::{Path, PathBuf},
    sync::Arc,
};

use squall_framework::{Committed, StateError};

use super::{commit::CommitRecord, folder::lock, header::cannot};

/// Puts a state folder out of the way, as `state.old-1` and so on beside it, and says where it is. If
/// it has the record of the last commit, a new folder is left with that record: runs go on to be
/// numbered where they were.
///
/// # Errors
/// Somebody has it, with their name, or it cannot be moved.
pub fn set_aside(folder: &Path) -> Result<PathBuf, StateError> {
    if !folder.exists() {
        let folder = folder.display();
        return Err(StateError::fatal(format!("there is no folder {folder} to set aside")));
    }
    let held = Arc::new(lock(folder)?);
    let record = if folder.join("commit.0").exists() {
        CommitRecord::open(folder, held.clone())?.now().clone()
    } else {
        Committed::default()
    };
    let aside = free_name(folder);
    let failed = |error: std::io::Error| cannot("set aside", folder, &error);
    fs::rename(folder, &aside).map_err(failed)?;
    if record != Committed::default() {
        let new = Arc::new(lock(folder)?);
        CommitRecord::open(folder, new)?.write(record).map_err(failed)?;
    }
    if let Some(parent) = folder.parent().filter(|parent| !parent.as_os_str().is_empty()) {
        File::open(parent).and_then(|parent| parent.sync_all()).map_err(failed)?;
    }
    Ok(aside)
}

fn free_name(folder: &Path) -> PathBuf {
    let mut name = folder.file_name().unwrap_or_default().to_owned();
    name.push(".old-");
    (1..)
        .map(|number: u64| {
            let mut name = name.clone();
            name.push(number.to_string());
            folder.with_file_name(name)
        })
        .find(|name| !name.exists())
        .unwrap_or_else(|| folder.with_extension("old"))
}
