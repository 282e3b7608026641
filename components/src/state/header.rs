//! What is fixed when a state folder is made.

use std::{
    fs,
    io::ErrorKind,
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};
use squall_durable::write_atomically;
use squall_framework::{KEY_GROUPS, StateError};

const FORMAT: u32 = 2;

/// The file `header`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Header {
    format: u32,
    pub(super) topology: String,
    key_groups: u64,
}

/// Only what every version can read.
#[derive(Deserialize)]
struct Format {
    format: u32,
}

impl Header {
    pub(super) fn of(topology: &str) -> Self {
        Header { format: FORMAT, topology: topology.to_owned(), key_groups: KEY_GROUPS }
    }

    fn path(folder: &Path) -> PathBuf {
        folder.join("header")
    }

    /// The header of a folder that has one.
    pub(super) fn read(folder: &Path) -> Result<Option<Self>, StateError> {
        let path = Self::path(folder);
        let text = match fs::read(&path) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            text => text.map_err(|error| cannot("read", &path, &error))?,
        };
        let damaged = |error: serde_json::Error| {
            let path = path.display();
            StateError::fatal(format!(
                "{path} is damaged ({error}); `squall state rebuild` with the topology's file makes \
                 the states again from what the queue still keeps"
            ))
        };
        let Format { format } = serde_json::from_slice(&text).map_err(damaged)?;
        if format != FORMAT {
            let path = folder.display();
            return Err(StateError::fatal(format!(
                "{path} has format {format}, this version of Squall has {FORMAT}; use the version \
                 that wrote it, or make the states again with `squall state rebuild`"
            )));
        }
        let header: Header = serde_json::from_slice(&text).map_err(damaged)?;
        if header.key_groups != KEY_GROUPS {
            let (path, groups) = (folder.display(), header.key_groups);
            return Err(StateError::fatal(format!(
                "{path} spreads its keys over {groups} groups and this version of Squall over \
                 {KEY_GROUPS}; make the states again with `squall state rebuild`"
            )));
        }
        Ok(Some(header))
    }

    /// Whether the folder belongs to this topology.
    pub(super) fn check(&self, folder: &Path, topology: &str) -> Result<(), StateError> {
        if self.topology == topology {
            return Ok(());
        }
        let (path, theirs) = (folder.display(), &self.topology);
        Err(StateError::fatal(format!(
            "{path} has the states of the topology `{theirs}`, not of `{topology}`; use another data \
             folder, or the name `{theirs}`"
        )))
    }

    pub(super) fn write(&self, folder: &Path) -> Result<(), StateError> {
        let path = Self::path(folder);
        let text =
            serde_json::to_vec(self).map_err(|error| StateError::fatal(error.to_string()))?;
        write_atomically(&path, &text).map_err(|error| cannot("write", &path, &error))
    }
}

/// A file that the system refused.
pub(super) fn cannot(what: &str, path: &Path, error: &std::io::Error) -> StateError {
    let message = format!("cannot {what} {}: {error}", path.display());
    // A file of a later version stays one.
    StateError { message, retry: error.kind() != ErrorKind::Unsupported }
}
