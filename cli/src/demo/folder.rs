//! The folder of the demo: what an earlier demo left is removed, anything else is left alone.

use std::{fs, io, path::Path};

use crate::failure::Failure;

/// Says that a folder is a demo's and may be emptied.
const MARK: &str = ".squall-demo";

/// Makes the folder fresh.
pub(crate) fn prepare(folder: &Path) -> Result<(), Failure> {
    let cannot =
        |error: io::Error| Failure::failed(format!("cannot use {}: {error}", folder.display()));
    match fs::read_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(cannot(error)),
        Ok(mut entries) => {
            let empty = entries.next().is_none();
            if !empty && !folder.join(MARK).exists() {
                let message =
                    format!("{} is not empty and not of an earlier demo", folder.display());
                return Err(Failure::usage(message)
                    .help("name another folder with --data, or leave --data out"));
            }
            if !empty {
                busy(folder)?;
                fs::remove_dir_all(folder).map_err(cannot)?;
            }
        }
    }
    fs::create_dir_all(folder).map_err(cannot)?;
    fs::write(folder.join(MARK), "the folder of `squall demo`, which empties it when it starts\n")
        .map_err(cannot)
}

/// Refuses a folder in which a demo is running: opening it says who has it.
fn busy(folder: &Path) -> Result<(), Failure> {
    crate::local::DataFolder::open(folder).map(drop)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn only_what_a_demo_made_is_removed() {
        let parent = tempfile::tempdir().unwrap();
        let folder = parent.path().join("demo");
        prepare(&folder).unwrap();
        fs::write(folder.join("results.db"), "old").unwrap();
        prepare(&folder).unwrap();
        assert!(!folder.join("results.db").exists());
        fs::write(parent.path().join("precious"), "mine").unwrap();
        assert!(prepare(parent.path()).is_err());
        assert!(parent.path().join("precious").exists());
    }
}
