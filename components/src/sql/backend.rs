//! One connection to one database, of whichever kind.

use std::{ops::Range, time::Duration};

use super::{
    error::Failure,
    mysql::MySql,
    sqlite::Sqlite,
    table::Table,
    url::StoreUrl,
    value::{Rows, Value},
};

/// An upsert of rows into one table: what stands before the rows and what behind.
#[derive(Debug)]
pub(super) struct Upsert {
    pub(super) head: String,
    pub(super) tail: String,
}

/// A row of the table of commits as it is stored.
#[derive(Debug)]
pub(super) struct StoredRecord {
    pub(super) incarnation: i64,
    pub(super) epoch: i64,
    pub(super) commit_id: String,
    pub(super) positions: String,
}

#[derive(Debug)]
pub(super) enum Backend {
    Sqlite(Sqlite),
    MySql(Box<MySql>),
}

impl Backend {
    pub(super) async fn connect(url: &StoreUrl, timeout: Duration) -> Result<Self, Failure> {
        match url {
            StoreUrl::Sqlite(path) => Sqlite::open(path, timeout).map(Self::Sqlite),
            StoreUrl::MySql(opts) => {
                let db = MySql::connect(opts, url.to_string(), timeout).await?;
                Ok(Self::MySql(Box::new(db)))
            }
        }
    }

    /// Makes the table if it is not there and that is wanted, and checks that it can hold the rows.
    /// Never within a transaction, for MySQL's DDL commits it.
    pub(super) async fn prepare(&mut self, table: &Table) -> Result<Upsert, Failure> {
        match self {
            Self::Sqlite(db) => db.prepare(table),
            Self::MySql(db) => db.prepare(table).await,
        }
    }

    /// How many rows and how many bytes go into one statement.
    pub(super) fn statement_limits(&self) -> (usize, usize) {
        match self {
            Self::Sqlite(_) => (Sqlite::ROWS_PER_MARK, usize::MAX),
            Self::MySql(db) => db.statement_limits(),
        }
    }

    /// Begins a transaction, on a new connection if the old one is lost.
    pub(super) async fn begin(&mut self) -> Result<(), Failure> {
        match self {
            Self::Sqlite(db) => db.begin(),
            Self::MySql(db) => db.begin().await,
        }
    }

    /// Sets a savepoint, in place of the one before.
    pub(super) async fn mark(&mut self) -> Result<(), Failure> {
        match self {
            Self::Sqlite(db) => db.mark(),
            Self::MySql(db) => db.mark().await,
        }
    }

    /// Takes back what was done since the savepoint. This fails if the transaction is no more, so
    /// that what follows cannot become a transaction of its own.
    pub(super) async fn back_to_mark(&mut self) -> Result<(), Failure> {
        match self {
            Self::Sqlite(db) => db.back_to_mark(),
            Self::MySql(db) => db.back_to_mark().await,
        }
    }

    /// Whether the transaction with its savepoint is still there.
    pub(super) async fn check_mark(&mut self) -> Result<(), Failure> {
        match self {
            Self::Sqlite(db) => db.check_mark(),
            Self::MySql(db) => db.check_mark().await,
        }
    }

    pub(super) async fn upsert(
        &mut self,
        upsert: &Upsert,
        rows: &Rows<'_>,
        range: Range<usize>,
    ) -> Result<(), Failure> {
        match self {
            Self::Sqlite(db) => db.upsert(upsert, rows, range),
            Self::MySql(db) => db.upsert(upsert, rows, range).await,
        }
    }

    /// Runs a statement with a `?` for each value, and tells how many rows it changed.
    pub(super) async fn execute(
        &mut self,
        sql: &str,
        values: &[Value<'_>],
    ) -> Result<u64, Failure> {
        match self {
            Self::Sqlite(db) => db.execute(sql, values),
            Self::MySql(db) => db.execute(sql, values).await,
        }
    }

    /// Reads a commit record and keeps others from it until the transaction ends.
    pub(super) async fn lock_record(
        &mut self,
        sql: &str,
        values: &[Value<'_>],
    ) -> Result<Option<StoredRecord>, Failure> {
        match self {
            // A transaction is the only one that may write from its beginning.
            Self::Sqlite(db) => db.record(sql, values),
            Self::MySql(db) => db.record(&format!("{sql} FOR UPDATE"), values).await,
        }
    }

    pub(super) async fn commit(&mut self) -> Result<(), Failure> {
        match self {
            Self::Sqlite(db) => db.commit(),
            Self::MySql(db) => db.commit().await,
        }
    }

    pub(super) async fn rollback(&mut self) {
        match self {
            Self::Sqlite(db) => db.rollback(),
            Self::MySql(db) => db.rollback().await,
        }
    }

    /// Ends the connection, and with it what is open.
    pub(super) async fn close(self) {
        match self {
            Self::Sqlite(db) => drop(db),
            Self::MySql(mut db) => db.hang_up().await,
        }
    }
}
