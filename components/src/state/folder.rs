//! Opening a state folder.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    sync::Arc,
};

use parking_lot::Mutex;
use squall_durable::{FolderLock, LockError, TwinFile, tame::OpenFault};
use squall_framework::{CommitStore, Committed, StateError, StateStore};

use super::{
    applied::Applied,
    apply::stand_for,
    commit::{CommitRecord, FolderCommit},
    header::{Header, cannot},
    keys,
    shared::{Shared, fault},
    tree::{Tree, sync_files},
    verify::verify,
    view::StateView,
};

/// With up to so many keys they are counted at every opening, which takes about a fifth of a second.
const CHECKED_AT_OPENING: u64 = 1_000_000;

/// How a state folder is opened.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct StateOptions {
    /// Memory in which sled keeps what was read and written last, in bytes; 64 MiB unless told
    /// otherwise.
    pub cache: u64,
}

impl Default for StateOptions {
    fn default() -> Self {
        StateOptions { cache: 64 << 20 }
    }
}

/// The state folder of a topology: the framework's `StateStore` on disk. One process has it at a
/// time.
#[derive(Debug)]
pub struct StateFolder {
    pub(super) shared: Arc<Shared>,
    pub(super) redo: TwinFile,
    pub(super) notes_file: TwinFile,
    pub(super) notes: BTreeMap<String, String>,
    commit: Option<Arc<Mutex<CommitRecord>>>,
}

impl StateFolder {
    /// Opens the folder of this topology, making it where there is none.
    ///
    /// # Errors
    /// Somebody else has it (a retry can help), it is another topology's or another version's, or it
    /// is damaged; the words say what to do.
    pub fn open(folder: &Path, topology: &str) -> Result<Self, StateError> {
        Self::open_with(folder, topology, StateOptions::default())
    }

    /// As [`open`](Self::open), with options.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub fn open_with(
        folder: &Path,
        topology: &str,
        options: StateOptions,
    ) -> Result<Self, StateError> {
        let lock = lock(folder)?;
        if let Some(header) = Header::read(folder)? {
            header.check(folder, topology)?;
            return Self::open_made(folder, header.topology, options, lock);
        }
        if !folder.join("sled").exists() {
            make(folder, topology)?;
        }
        let opened = Self::open_made(folder, topology.to_owned(), options, lock)?;
        Header::of(topology).write(folder)?;
        Ok(opened)
    }

    /// Opens a folder that is there, of whatever topology, to look at it.
    ///
    /// # Errors
    /// As [`open`](Self::open), or there is none.
    pub fn open_existing(folder: &Path, options: StateOptions) -> Result<Self, StateError> {
        let none = || {
            StateError::fatal(format!(
                "there are no states in {}: the topology keeps none, or has never run here",
                folder.display()
            ))
        };
        if !folder.join("header").exists() {
            return Err(none());
        }
        let lock = lock(folder)?;
        let header = Header::read(folder)?.ok_or_else(none)?;
        Self::open_made(folder, header.topology, options, lock)
    }

    fn open_made(
        folder: &Path,
        topology: String,
        options: StateOptions,
        lock: FolderLock,
    ) -> Result<Self, StateError> {
        let tree = folder.join("sled");
        if !tree.exists() {
            return Err(fault(folder, "`sled` is missing in it"));
        }
        let tree = Tree::open(&tree, options.cache).map_err(|error| match error {
            OpenFault::InUse(why) => StateError::retry(why),
            OpenFault::Unusable(why) => fault(folder, &why),
        })?;
        let shared = Shared::load(tree, folder.to_owned(), topology, Arc::new(lock))
            .map_err(|why| fault(folder, &why))?;
        let keys: u64 = shared.now().counters.values().map(|counters| counters.keys).sum();
        if keys <= CHECKED_AT_OPENING {
            verify(&shared).map_err(|why| fault(folder, &why))?;
        }
        let twin = |name: &str| {
            let path = folder.join(name);
            TwinFile::open(&path).map_err(|error| cannot("open", &path, &error))
        };
        let (redo, notes_file) = (twin("redo")?, twin("notes")?);
        let notes = match notes_file.read().map_err(|error| cannot("read", folder, &error))? {
            Some(text) => serde_json::from_slice(&text).map_err(|error| {
                StateError::fatal(format!("the notes in {} are damaged: {error}", folder.display()))
            })?,
            None => BTreeMap::new(),
        };
        let opened =
            StateFolder { shared: Arc::new(shared), redo, notes_file, notes, commit: None };
        if let Some(unfinished) = opened.shared.now().unfinished
            && !opened.redo()?.is_some_and(|redo| unfinished.is_of(&redo))
        {
            let id = unfinished.commit_id;
            return Err(fault(
                folder,
                &format!("commit {id} is applied in part, and its redo is gone"),
            ));
        }
        Ok(opened)
    }

    /// Reads and shows the states, from any thread.
    #[must_use]
    pub fn view(&self) -> StateView {
        StateView(self.shared.clone())
    }

    /// Counts all states, which takes a fifth of a second or so per million keys, and compares them with what was
    /// written.
    ///
    /// # Errors
    /// They do not agree, or cannot be read.
    pub fn verify(&self) -> Result<(), StateError> {
        verify(&self.shared).map_err(|why| self.shared.fault(&why))
    }

    /// Says that these states, which were computed again or are to begin anew, are those of a
    /// commit. Nobody checks that they are.
    ///
    /// # Errors
    /// It is not on disk.
    pub fn stand_for(&mut self, committed: &Committed) -> Result<(), StateError> {
        stand_for(&self.shared, committed)
    }

    /// The commit store of a topology that has no SQL store for its commits: the record is kept in
    /// this folder. `rows` takes the rows, at least once.
    ///
    /// # Errors
    /// The record cannot be read.
    pub fn commit_store(
        &mut self,
        rows: Option<Box<dyn CommitStore>>,
    ) -> Result<FolderCommit, StateError> {
        let record = match &self.commit {
            Some(record) => record.clone(),
            None => {
                let record = CommitRecord::open(&self.shared.folder, self.shared.lock.clone())?;
                self.commit.insert(Arc::new(Mutex::new(record))).clone()
            }
        };
        Ok(FolderCommit::new(record, rows))
    }

    /// The folder.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.shared.folder
    }
}

pub(super) fn lock(folder: &Path) -> Result<FolderLock, StateError> {
    FolderLock::take(folder).map_err(|error| match error {
        LockError::Held { .. } => StateError::retry(error.to_string()),
        LockError::Io { .. } => StateError::fatal(error.to_string()),
    })
}

/// Makes the tree of a new folder, so that it is there as a whole or not at all.
fn make(folder: &Path, topology: &str) -> Result<(), StateError> {
    let beside: PathBuf = folder.join("sled.new");
    let failed = |error: std::io::Error| cannot("make", &folder.join("sled"), &error);
    if beside.exists() {
        fs::remove_dir_all(&beside).map_err(failed)?;
    }
    let tree = Tree::open(&beside, StateOptions::default().cache);
    let tree = tree.map_err(|error| StateError::fatal(error.to_string()))?;
    tree.put(keys::TOPOLOGY, topology.as_bytes())
        .and_then(|()| Applied::default().write(&tree))
        .and_then(|()| tree.sync())
        .map_err(|why| fault(folder, &why))?;
    drop(tree);
    sync_files(&beside).map_err(failed)?;
    fs::rename(&beside, folder.join("sled")).map_err(failed)?;
    fs::File::open(folder).and_then(|folder| folder.sync_all()).map_err(failed)
}
