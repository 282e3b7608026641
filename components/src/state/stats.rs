//! Numbers about a state folder.

use std::{fs, io, path::Path};

use squall_framework::Positions;

/// What a state folder has, as of the last applied epoch.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct StateStats {
    /// The topology's name.
    pub topology: String,
    /// The last epoch that was applied; 0 before the first.
    pub epoch: u64,
    /// Its commit id; empty before the first.
    pub commit_id: String,
    /// What had been read by then, beyond what the sources themselves remember.
    pub positions: Positions,
    /// All components that have keys, also those that the topology has no more, by id.
    pub components: Vec<ComponentStats>,
    /// Bytes of all files.
    pub disk_bytes: u64,
}

/// What a state folder has of one component.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct ComponentStats {
    /// The component's id.
    pub id: String,
    /// Keys that have a value.
    pub keys: u64,
    /// Bytes of the keys.
    pub key_bytes: u64,
    /// Bytes of the values.
    pub value_bytes: u64,
}

/// Bytes of all files in a folder and those in it.
pub(super) fn disk_bytes(folder: &Path) -> io::Result<u64> {
    let mut bytes = 0;
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        bytes += match entry.metadata() {
            Ok(data) if data.is_dir() => disk_bytes(&entry.path())?,
            Ok(data) => data.len(),
            // It was there a moment ago.
            Err(error) if error.kind() == io::ErrorKind::NotFound => 0,
            Err(error) => return Err(error),
        };
    }
    Ok(bytes)
}
