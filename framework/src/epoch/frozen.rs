//! What an epoch leaves when it is cut.

use std::ops::Range;

use super::{OutboxMessage, SourceDead, TableRows};
use crate::state::Changes;

/// What the tasks have read, remembered and written in one epoch: all that a commit needs.
#[derive(Debug, Clone, Default)]
pub(crate) struct Frozen {
    /// The epoch.
    pub(crate) epoch: u64,
    /// The offsets that were read, by the id of the spout; those of dead letters as well.
    pub(crate) read: Vec<(String, Vec<Range<u64>>)>,
    /// Messages that become dead letters, by the id of the spout.
    pub(crate) dead: Vec<(String, Vec<SourceDead>)>,
    /// Rows for tables.
    pub(crate) rows: Vec<TableRows>,
    /// Messages for queues.
    pub(crate) outbox: Vec<OutboxMessage>,
    /// What was remembered.
    pub(crate) changes: Vec<Changes>,
    /// Messages that were done.
    pub(crate) done: u64,
    /// Messages that became dead letters.
    pub(crate) failed: u64,
    /// Why the last of those did.
    pub(crate) reason: Option<String>,
}

impl Frozen {
    /// Whether there is nothing to commit.
    pub(crate) fn is_empty(&self) -> bool {
        self.read.iter().all(|(_, ranges)| ranges.is_empty())
            && self.dead.iter().all(|(_, dead)| dead.is_empty())
            && self.rows.iter().all(|rows| rows.values.is_empty())
            && self.outbox.is_empty()
            && self.changes.iter().all(|changes| changes.changes.is_empty())
            && self.done + self.failed == 0
    }

    /// Rows for tables.
    pub(crate) fn row_count(&self) -> u64 {
        self.rows.iter().map(|rows| (rows.values.len() / rows.columns.max(1)) as u64).sum()
    }
}
