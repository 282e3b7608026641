//! What takes the place of a store, a state folder and queues where there are none: everything
//! lasts as long as the process.

use crate::{
    epoch::{
        Commit, CommitNumber, CommitStore, Committed, Outbox, OutboxMessage, Redo, Rejected,
        StateError, StateStore, StoreFault,
    },
    error::{Error, Result},
    state::StateReader,
    testing::MemoryState,
};

/// Remembers commits, and takes no rows.
#[derive(Debug, Default)]
pub(super) struct MemoryCommits {
    committed: Committed,
    next: Option<Committed>,
}

impl CommitStore for MemoryCommits {
    fn claim(&mut self, _: u64) -> Result<Committed, StoreFault> {
        self.committed.incarnation += 1;
        Ok(self.committed.clone())
    }

    fn begin(&mut self, commit: &Commit) -> Result<(), StoreFault> {
        self.next = Some(Committed {
            incarnation: commit.incarnation,
            epoch: commit.epoch,
            commit_id: commit.commit_id.clone(),
            positions: commit.positions.clone(),
        });
        Ok(())
    }

    fn rows(&mut self, commit: &Commit) -> Result<Vec<Rejected>, StoreFault> {
        match commit.rows.iter().find(|rows| !rows.values.is_empty()) {
            None => Ok(Vec::new()),
            Some(rows) => Err(StoreFault::Refused(format!(
                "`{}` has rows, but this process has no store for them",
                rows.component
            ))),
        }
    }

    fn commit(&mut self) -> Result<(), StoreFault> {
        self.committed = self.next.take().unwrap_or_default();
        Ok(())
    }

    fn roll_back(&mut self) {
        self.next = None;
    }

    fn look(&mut self) -> Result<Committed, StoreFault> {
        Ok(self.committed.clone())
    }

    fn name(&self) -> String {
        "the memory of this process".to_owned()
    }
}

/// States in memory.
#[derive(Debug, Default)]
pub(super) struct MemoryStates {
    states: MemoryState,
    applied: (u64, String),
}

impl StateStore for MemoryStates {
    fn reader(&self) -> std::sync::Arc<dyn StateReader> {
        std::sync::Arc::new(self.states.clone())
    }

    fn applied(&self) -> (u64, String) {
        self.applied.clone()
    }

    fn redo(&self) -> Result<Option<Redo>, StateError> {
        Ok(None)
    }

    fn write_redo(&mut self, _: &Redo) -> Result<(), StateError> {
        Ok(())
    }

    fn apply(&mut self, redo: &Redo) -> Result<(), StateError> {
        self.states.apply(redo.epoch, &redo.changes);
        self.applied = (redo.epoch, redo.commit_id.clone());
        Ok(())
    }

    fn drop_redo(&mut self) -> Result<(), StateError> {
        Ok(())
    }

    fn put_note(&mut self, _: &str, _: &str) -> Result<(), StateError> {
        Ok(())
    }

    fn note(&self, _: &str) -> Result<Option<String>, StateError> {
        Ok(None)
    }
}

/// Where there are no queues nothing can be sent.
#[derive(Debug, Default)]
pub(super) struct NoOutbox;

impl Outbox for NoOutbox {
    fn publish(&mut self, _: &str, _: CommitNumber, messages: &[OutboxMessage]) -> Result<()> {
        match messages.first() {
            None => Ok(()),
            Some(message) => Err(Error::retry(format!(
                "there is a message for the queue `{}`, but this process has no queues",
                message.queue
            ))),
        }
    }
}
