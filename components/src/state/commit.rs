//! The record of commits where there is no SQL store to keep it.

use std::{path::Path, sync::Arc};

use parking_lot::Mutex;
use serde::{Deserialize, Serialize};
use squall_durable::{FolderLock, TwinFile};
use squall_framework::{
    Commit, CommitStore, Committed, Positions, Rejected, StateError, StoreFault,
};

use super::header::cannot;

/// A commit store whose record lies in the state folder. The commit point is the record: a redo
/// that was written for a commit that did not come so far is dropped, as with an SQL store.
///
/// Rows go to another store, which commits them before the record is written. A crash between the
/// two makes the epoch run again, so rows are there **at least once**, while states stay exact.
pub struct FolderCommit {
    record: Arc<Mutex<CommitRecord>>,
    rows: Option<Box<dyn CommitStore>>,
    /// What the record becomes when the commit in hand is done.
    next: Option<Committed>,
}

/// The record, shared by all commit stores of a folder, so that a later claim fences an earlier one.
#[derive(Debug)]
pub(super) struct CommitRecord {
    file: TwinFile,
    now: Committed,
    /// The file may say something else, since writing it failed.
    in_doubt: bool,
    name: String,
    _lock: Arc<FolderLock>,
}

#[derive(Serialize, Deserialize)]
struct Stored {
    incarnation: u64,
    epoch: u64,
    commit_id: String,
    positions: Positions,
}

impl CommitRecord {
    pub(super) fn open(folder: &Path, lock: Arc<FolderLock>) -> Result<Self, StateError> {
        let path = folder.join("commit");
        let file = TwinFile::open(&path).map_err(|error| cannot("open", &path, &error))?;
        let mut now = Committed::default();
        if let Some(text) = file.read().map_err(|error| cannot("read", &path, &error))? {
            let stored: Stored = serde_json::from_slice(&text).map_err(|error| {
                let path = path.display();
                StateError::fatal(format!("{path} is not what this version writes: {error}"))
            })?;
            let Stored { incarnation, epoch, commit_id, positions } = stored;
            now = Committed { incarnation, epoch, commit_id, positions };
        }
        let name = format!("the state folder {}", folder.display());
        Ok(CommitRecord { file, now, in_doubt: false, name, _lock: lock })
    }

    /// Writes the record; when that fails nobody knows what is in the file.
    pub(super) fn write(&mut self, next: Committed) -> std::io::Result<()> {
        let Committed { incarnation, epoch, commit_id, positions } = next.clone();
        let text = serde_json::to_vec(&Stored { incarnation, epoch, commit_id, positions })?;
        self.in_doubt = true;
        self.file.write(|to| to.write_all(&text))?;
        (self.in_doubt, self.now) = (false, next);
        Ok(())
    }

    pub(super) fn now(&self) -> &Committed {
        &self.now
    }

    /// The commit must follow on the record.
    fn check(&self, incarnation: u64, epoch: u64) -> Result<(), StoreFault> {
        let (name, now) = (&self.name, &self.now);
        if now.incarnation != incarnation {
            let theirs = now.incarnation;
            return Err(StoreFault::Fenced(format!(
                "{name} has been taken over by run {theirs}, this is run {incarnation}"
            )));
        }
        if now.epoch + 1 != epoch {
            let at = now.epoch;
            return Err(StoreFault::Fenced(format!(
                "{name} is at epoch {at}, so epoch {epoch} cannot be committed"
            )));
        }
        Ok(())
    }

    fn error(&self, error: &std::io::Error) -> String {
        format!("{}: the record of the commit cannot be written: {error}", self.name)
    }
}

impl FolderCommit {
    pub(super) fn new(
        record: Arc<Mutex<CommitRecord>>,
        rows: Option<Box<dyn CommitStore>>,
    ) -> Self {
        FolderCommit { record, rows, next: None }
    }
}

impl CommitStore for FolderCommit {
    fn claim(&mut self, run: u64) -> Result<Committed, StoreFault> {
        if let Some(rows) = &mut self.rows {
            rows.claim(run)?;
        }
        let mut record = self.record.lock();
        let next = record.now.clone().next_run(run);
        let written = record.write(next.clone());
        written.map_err(|error| StoreFault::Retry(record.error(&error)))?;
        Ok(next)
    }

    fn begin(&mut self, commit: &Commit) -> Result<(), StoreFault> {
        self.next = None;
        self.record.lock().check(commit.incarnation, commit.epoch)?;
        if let Some(rows) = &mut self.rows {
            rows.begin(commit)?;
        }
        self.next = Some(Committed {
            incarnation: commit.incarnation,
            epoch: commit.epoch,
            commit_id: commit.commit_id.clone(),
            positions: commit.positions.clone(),
        });
        Ok(())
    }

    fn rows(&mut self, commit: &Commit) -> Result<Vec<Rejected>, StoreFault> {
        match (&mut self.rows, commit.rows.first()) {
            (Some(rows), _) => rows.rows(commit),
            (None, None) => Ok(Vec::new()),
            (None, Some(rows)) => Err(StoreFault::Refused(format!(
                "there is no store for the rows of `{}`; give it one",
                rows.component
            ))),
        }
    }

    fn commit(&mut self) -> Result<(), StoreFault> {
        let next = self.next.take();
        let next = next.ok_or_else(|| StoreFault::Retry("there is no commit in hand".into()))?;
        if let Some(rows) = &mut self.rows {
            rows.commit().map_err(|fault| match fault {
                // Whether or not they are there, the record has not moved on.
                StoreFault::Unknown(why) => StoreFault::Retry(why),
                fault => fault,
            })?;
        }
        let mut record = self.record.lock();
        record.check(next.incarnation, next.epoch)?;
        let written = record.write(next);
        written.map_err(|error| StoreFault::Unknown(record.error(&error)))
    }

    fn roll_back(&mut self) {
        self.next = None;
        if let Some(rows) = &mut self.rows {
            rows.roll_back();
        }
    }

    fn look(&mut self) -> Result<Committed, StoreFault> {
        let mut record = self.record.lock();
        if record.in_doubt {
            // What this process knows becomes what the file says.
            let now = record.now.clone();
            let written = record.write(now);
            written.map_err(|error| StoreFault::Retry(record.error(&error)))?;
        }
        Ok(record.now.clone())
    }

    fn forget(&mut self) -> Result<(), StoreFault> {
        let mut record = self.record.lock();
        let next = Committed { positions: Positions::new(), ..record.now.clone() };
        record.write(next).map_err(|error| StoreFault::Retry(record.error(&error)))
    }

    fn name(&self) -> String {
        let name = self.record.lock().name.clone();
        match &self.rows {
            Some(rows) => format!("{name}, with rows in {}", rows.name()),
            None => name,
        }
    }
}
