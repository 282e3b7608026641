//! What can go wrong with a store as a whole. (What is wrong with a row is an
//! [`Outcome`](super::Outcome).)

use thiserror::Error;

/// A store that did not do what it was asked for.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum StoreError {
    /// The store's URL cannot be used.
    #[error("{0}")]
    Url(String),
    /// The table, as planned or as it is in the database, cannot hold the rows.
    #[error("table `{table}`: {problem}")]
    Table {
        /// The table's name.
        table: String,
        /// What is wrong, and what to do.
        problem: String,
    },
    /// The database cannot be reached, or not now; nothing was written.
    #[error("{store}: {reason}")]
    Unavailable {
        /// The store, without its password.
        store: String,
        /// The reason, in the database's words.
        reason: String,
    },
}

impl StoreError {
    /// Whether doing the same again later can help.
    pub fn is_retryable(&self) -> bool {
        matches!(self, Self::Unavailable { .. })
    }

    pub(crate) fn table(table: &str, problem: impl Into<String>) -> Self {
        Self::Table { table: table.to_owned(), problem: problem.into() }
    }
}

/// Why a statement failed.
#[derive(Debug)]
pub(super) enum Failure {
    /// The database rejected a row of the statement; the statement did nothing.
    Row(String),
    /// The transaction is lost, and repeating it at once may help.
    Again(StoreError),
    /// The transaction is lost, and something has to change first.
    Store(StoreError),
    /// It went wrong inside of COMMIT: what was written may be in the store or not.
    Unknown(StoreError),
}
