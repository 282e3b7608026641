//! Where rows and the record of the commit go together.

use std::{any::Any, sync::Arc};

use super::Positions;
use crate::tuple::Value;

/// What a commit store remembers of a topology.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Committed {
    /// The number of this run, raised by each claim.
    pub incarnation: u64,
    /// The last epoch that was committed; 0 before the first.
    pub epoch: u64,
    /// Its commit id; empty before the first.
    pub commit_id: String,
    /// What had been read by then.
    pub positions: Positions,
}

impl Committed {
    /// The record as a run claims it: numbered `run`, or by the number after the last one if that is
    /// higher.
    #[must_use]
    pub fn next_run(self, run: u64) -> Self {
        Committed { incarnation: run.max(self.incarnation.wrapping_add(1)), ..self }
    }
}

/// Rows of one epoch for one table, in the order in which they were emitted.
#[derive(Clone)]
pub struct TableRows {
    /// The component that emitted them.
    pub component: Arc<str>,
    /// The table and how rows are written into it, as the sink and the store agree on it.
    pub table: Arc<dyn Any + Send + Sync>,
    /// The names of the columns, for messages.
    pub names: Option<Arc<[String]>>,
    /// How many values a row has.
    pub columns: usize,
    /// The values, row after row.
    pub values: Vec<Value>,
}

impl std::fmt::Debug for TableRows {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "TableRows({} of {})", self.values.len() / self.columns.max(1), self.component)
    }
}

/// A commit: the record, and the rows that go with it.
#[derive(Debug, Clone, Default)]
pub struct Commit {
    /// The number of the run that commits.
    pub incarnation: u64,
    /// The epoch that is committed; the store must be at the one before.
    pub epoch: u64,
    /// A name that no other commit has.
    pub commit_id: String,
    /// What has been read, beyond what the sources themselves remember.
    pub positions: Positions,
    /// The rows.
    pub rows: Vec<TableRows>,
}

/// A row that the store rejected.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rejected {
    /// Which of the commit's tables.
    pub table: usize,
    /// Which of its rows.
    pub row: usize,
    /// The store's reason.
    pub reason: String,
}

/// A store that did not do what it was asked for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StoreFault {
    /// The transaction is lost and nothing of it is in the store; trying again can help.
    #[error("{0}")]
    Retry(String),
    /// As `Retry`, but somebody has to do something first: the words say what.
    #[error("{0}")]
    Refused(String),
    /// A run with a higher number has taken over, or the store is at another epoch than this run
    /// knows of. Nothing was written, and nothing may be.
    #[error("{0}")]
    Fenced(String),
    /// The connection broke inside of COMMIT: the commit may be in the store or not.
    #[error("{0}")]
    Unknown(String),
}

/// A store that takes rows and the record of the commit in one transaction. All methods are called
/// on one thread; a transaction is `begin`, then `rows`, then `commit` or `roll_back`.
pub trait CommitStore: Send {
    /// Makes what is needed to keep the record, if it is not there, and checks the store's ways.
    /// Then, in one transaction, locks the record, raises its incarnation and reads it: see
    /// [`Committed::next_run`]. Runs are numbered by the clock, so that those that write into a
    /// store that was made anew have higher numbers than those before it, which sources and queues
    /// remember.
    ///
    /// # Errors
    /// The store is away, or does not keep its word.
    fn claim(&mut self, run: u64) -> Result<Committed, StoreFault>;

    /// Begins the transaction and moves the record on, before anything else: it must be the one of
    /// this incarnation and of the epoch before.
    ///
    /// # Errors
    /// [`StoreFault::Fenced`] when it is not; the transaction is rolled back.
    fn begin(&mut self, commit: &Commit) -> Result<(), StoreFault>;

    /// Writes the rows into the transaction, merged by key, and says which of them the store
    /// rejected; those are not in it.
    ///
    /// # Errors
    /// The transaction is lost.
    fn rows(&mut self, commit: &Commit) -> Result<Vec<Rejected>, StoreFault>;

    /// Commits the transaction.
    ///
    /// # Errors
    /// [`StoreFault::Unknown`] when nobody knows whether it did.
    fn commit(&mut self) -> Result<(), StoreFault>;

    /// Gives the transaction up.
    fn roll_back(&mut self);

    /// Reads the record anew, on a connection of its own, behind whatever transaction still holds
    /// it: after this the commit of an earlier connection is in the store or never will be.
    ///
    /// # Errors
    /// The store is away.
    fn look(&mut self) -> Result<Committed, StoreFault>;

    /// Forgets what was read, for a topology that begins anew with what comes next. The numbers of
    /// the run and of the epoch stay.
    ///
    /// # Errors
    /// The store is away, or keeps no record.
    fn forget(&mut self) -> Result<(), StoreFault> {
        Err(StoreFault::Refused(format!("{} cannot forget its record", self.name())))
    }

    /// What the store is called in messages, without its password.
    fn name(&self) -> String;
}
