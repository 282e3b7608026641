//! What the folder's owner and its readers share.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::SeqCst},
    },
};

use parking_lot::Mutex;
use squall_durable::FolderLock;
use squall_framework::{Redo, StateError};

use super::{
    applied::Applied,
    counters::{Counted, Counters},
    keys,
    tree::Tree,
};

#[derive(Debug)]
pub(super) struct Shared {
    // Before the lock, so that it is closed when the lock goes.
    pub(super) tree: Tree,
    pub(super) folder: PathBuf,
    pub(super) topology: String,
    epoch: AtomicU64,
    now: Mutex<Now>,
    /// Held for as long as anybody can read.
    pub(super) lock: Arc<FolderLock>,
}

/// What the states are as of, and what they add up to.
#[derive(Debug, Clone, Default)]
pub(super) struct Now {
    pub(super) applied: Applied,
    pub(super) counters: BTreeMap<String, Counters>,
    /// The epoch that is being applied, or was when the process ended.
    pub(super) unfinished: Option<Unfinished>,
}

/// An epoch that is applied in part.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Unfinished {
    pub(super) epoch: u64,
    pub(super) commit_id: String,
    /// Whose states may be those of before or of after.
    pub(super) components: BTreeSet<String>,
}

impl Unfinished {
    pub(super) fn is_of(&self, redo: &Redo) -> bool {
        self.epoch == redo.epoch && self.commit_id == redo.commit_id
    }
}

impl Shared {
    /// Reads the marks of an open tree; the words say why they cannot be believed.
    pub(super) fn load(
        tree: Tree,
        folder: PathBuf,
        topology: String,
        lock: Arc<FolderLock>,
    ) -> Result<Self, String> {
        let named = tree.get(keys::TOPOLOGY)?.ok_or("it does not say whose it is")?;
        if *named != *topology.as_bytes() {
            let named = String::from_utf8_lossy(&named);
            return Err(format!("it belongs to the topology `{named}`"));
        }
        let mut now = Now { applied: Applied::read(&tree)?, ..Now::default() };
        let (from, to) = keys::all_counters();
        let mut damaged = false;
        tree.each(from, to, |key, value| {
            let (Some(component), Ok(counted)) = (keys::counted(key), Counted::decode(value))
            else {
                damaged = true;
                return false;
            };
            if counted.epoch > now.applied.epoch {
                let Counted { epoch, commit_id, .. } = counted;
                let unfinished = Unfinished { epoch, commit_id, components: BTreeSet::new() };
                let unfinished = now.unfinished.get_or_insert(unfinished);
                unfinished.components.insert(component.to_owned());
            }
            now.counters.insert(component.to_owned(), counted.counters);
            true
        })?;
        if damaged {
            return Err("its counters are damaged".into());
        }
        let epoch = AtomicU64::new(now.applied.epoch);
        Ok(Shared { tree, folder, topology, epoch, now: Mutex::new(now), lock })
    }

    pub(super) fn now(&self) -> Now {
        self.now.lock().clone()
    }

    pub(super) fn epoch(&self) -> u64 {
        self.epoch.load(SeqCst)
    }

    pub(super) fn begin(&self, unfinished: Unfinished) {
        self.now.lock().unfinished = Some(unfinished);
    }

    pub(super) fn move_on(&self, now: Now) {
        let epoch = now.applied.epoch;
        *self.now.lock() = now;
        self.epoch.store(epoch, SeqCst);
    }

    /// What sled said, with what to do about it.
    pub(super) fn fault(&self, why: &str) -> StateError {
        fault(&self.folder, why)
    }
}

/// What sled said, with what to do about it.
pub(super) fn fault(folder: &std::path::Path, why: &str) -> StateError {
    let folder = folder.display();
    StateError::fatal(if why.contains("No space left on device") {
        format!("the states in {folder} cannot be written: {why}; make room and start again")
    } else {
        format!(
            "the states in {folder} cannot be used: {why}; start again, and if that says the same, \
             `squall state rebuild` with the topology's file makes them again from what the queue \
             still keeps"
        )
    })
}
