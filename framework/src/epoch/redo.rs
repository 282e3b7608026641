//! What a commit leaves to be done after it.

use super::{CommitNumber, OutboxMessage, Positions, SourceDead};
use crate::state::Changes;

/// What a commit leaves to be done after it. It is on disk before the commit, so that a crash
/// between the two loses nothing; with another commit id than the store's it is dropped.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Redo {
    /// The number of the run that makes it.
    pub incarnation: u64,
    /// The epoch that it ends.
    pub epoch: u64,
    /// The same as in the store's commit record.
    pub commit_id: String,
    /// What was read, up to and with this epoch, beyond what the sources themselves remember.
    pub positions: Positions,
    /// What the epoch has changed in the states.
    pub changes: Vec<Changes>,
    /// What leaves for queues.
    pub outbox: Vec<OutboxMessage>,
    /// Messages of sources that become dead letters, by the id of the spout.
    pub dead: Vec<(String, Vec<SourceDead>)>,
}

impl Redo {
    /// Which commit it belongs to.
    #[must_use]
    pub fn commit(&self) -> CommitNumber {
        CommitNumber { incarnation: self.incarnation, epoch: self.epoch }
    }
}
