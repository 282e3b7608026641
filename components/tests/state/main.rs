//! State folders: what they keep through crashes, damage and time.
#![allow(clippy::unwrap_used, clippy::print_stdout)]

mod aside;
mod commit;
mod conformance;
mod damage;
mod kill;
mod speed;

use std::path::Path;

use squall_components::state::StateFolder;
use squall_framework::{Change, Changes, Redo};

fn open(path: &Path) -> StateFolder {
    StateFolder::open(path, "test").unwrap()
}

fn put(key: impl AsRef<[u8]>, value: impl AsRef<[u8]>) -> Change {
    (key.as_ref().into(), Some(value.as_ref().into()))
}

fn gone(key: impl AsRef<[u8]>) -> Change {
    (key.as_ref().into(), None)
}

fn redo(epoch: u64, component: &str, changes: Vec<Change>) -> Redo {
    Redo {
        epoch,
        commit_id: format!("commit {epoch}"),
        changes: vec![Changes { component: component.into(), changes }],
        ..Redo::default()
    }
}
