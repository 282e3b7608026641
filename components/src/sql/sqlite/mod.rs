//! SQLite: a file, one writer at a time.
//!
//! One prepared statement per row is as fast here as many rows in one. The journal is a write-ahead
//! log with `synchronous=FULL`, so a commit is on disk when it returns.

mod error;
mod statement;

use std::{ops::Range, path::Path, time::Duration};

use rusqlite::{
    Connection, OptionalExtension, ToSql, params_from_iter,
    types::{ToSqlOutput, ValueRef},
};

use self::error::{commit_failure, failure, is_file_error};
pub(super) use self::{
    error::words,
    statement::{quote, quote_path},
};
use super::{
    backend::{StoredRecord, Upsert},
    error::{Failure, StoreError},
    table::Table,
    value::{Rows, Value},
};
use crate::parse::sql_datetime;

#[derive(Debug)]
pub(super) struct Sqlite {
    connection: Connection,
    url: String,
}

impl Sqlite {
    /// So many rows are written from one savepoint to the next.
    pub(super) const ROWS_PER_MARK: usize = 1_000;

    pub(super) fn open(path: &Path, timeout: Duration) -> Result<Self, Failure> {
        let url = format!("sqlite://{}", path.display());
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder).map_err(|error| {
                let reason = format!("cannot create the folder {}: {error}", folder.display());
                Failure::Store(StoreError::Unavailable { store: url.clone(), reason })
            })?;
        }
        let open = || {
            let connection = Connection::open(path)?;
            connection.busy_timeout(timeout)?;
            connection.pragma_update(None, "journal_mode", "wal")?;
            connection.pragma_update(None, "synchronous", "full")?;
            Ok(connection)
        };
        let connection = open().map_err(|error| failure(&url, &error))?;
        Ok(Self { connection, url })
    }

    pub(super) fn prepare(&self, table: &Table) -> Result<Upsert, Failure> {
        let upsert = statement::upsert(table);
        let create = || match table.create {
            true => self.connection.execute_batch(&statement::create(table)),
            false => Ok(()),
        };
        // Finds a missing table, column or key now and not at the first row.
        let find = |()| self.connection.prepare_cached(&upsert.head).map(drop);
        create().and_then(find).map_err(|error| match failure(&self.url, &error) {
            Failure::Store(_) if !is_file_error(&error) => Failure::Store(StoreError::table(
                &table.name,
                format!("{}{}", words(&error), advice(table)),
            )),
            failure => failure,
        })?;
        Ok(upsert)
    }

    /// Takes the lock of the writer at once: a transaction that reads first and writes then can
    /// fail where waiting does not help.
    pub(super) fn begin(&self) -> Result<(), Failure> {
        self.run("BEGIN IMMEDIATE; SAVEPOINT squall")
    }

    pub(super) fn mark(&self) -> Result<(), Failure> {
        self.run("RELEASE squall; SAVEPOINT squall")
    }

    pub(super) fn back_to_mark(&self) -> Result<(), Failure> {
        self.check_mark()?;
        self.run("ROLLBACK TO squall")
    }

    pub(super) fn check_mark(&self) -> Result<(), Failure> {
        if self.connection.is_autocommit() {
            let reason = "the transaction was rolled back by a table that does so when it rejects a \
                          row; it must not say ON CONFLICT ROLLBACK or RAISE(ROLLBACK)";
            let (store, reason) = (self.url.clone(), reason.to_owned());
            return Err(Failure::Store(StoreError::Unavailable { store, reason }));
        }
        Ok(())
    }

    pub(super) fn commit(&self) -> Result<(), Failure> {
        self.connection.execute_batch("COMMIT").map_err(|error| commit_failure(&self.url, &error))
    }

    /// After some errors SQLite has rolled back already and after others not, so this asks first.
    pub(super) fn rollback(&self) {
        if !self.connection.is_autocommit()
            && let Err(error) = self.connection.execute_batch("ROLLBACK")
        {
            tracing::warn!(store = self.url, %error, "rollback failed");
        }
    }

    pub(super) fn upsert(
        &self,
        upsert: &Upsert,
        rows: &Rows<'_>,
        range: Range<usize>,
    ) -> Result<(), Failure> {
        let write = || {
            let mut statement = self.connection.prepare_cached(&upsert.head)?;
            for row in range {
                statement.execute(params_from_iter(rows.row(row)))?;
            }
            Ok(())
        };
        write().map_err(|error| failure(&self.url, &error))
    }

    pub(super) fn execute(&self, sql: &str, values: &[Value<'_>]) -> Result<u64, Failure> {
        self.connection
            .prepare_cached(sql)
            .and_then(|mut statement| statement.execute(params_from_iter(values)))
            .map(|changed| changed as u64)
            .map_err(|error| failure(&self.url, &error))
    }

    pub(super) fn record(
        &self,
        sql: &str,
        values: &[Value<'_>],
    ) -> Result<Option<StoredRecord>, Failure> {
        let read = |row: &rusqlite::Row<'_>| {
            Ok(StoredRecord {
                incarnation: row.get(0)?,
                epoch: row.get(1)?,
                commit_id: row.get(2)?,
                positions: row.get(3)?,
            })
        };
        self.connection
            .prepare_cached(sql)
            .and_then(|mut statement| {
                statement.query_row(params_from_iter(values), read).optional()
            })
            .map_err(|error| failure(&self.url, &error))
    }

    fn run(&self, sql: &str) -> Result<(), Failure> {
        self.connection.execute_batch(sql).map_err(|error| failure(&self.url, &error))
    }
}

impl ToSql for Value<'_> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(match self {
            Self::Null => ToSqlOutput::Borrowed(ValueRef::Null),
            Self::Bool(value) => ToSqlOutput::Borrowed(ValueRef::Integer(i64::from(*value))),
            Self::Int(number) => ToSqlOutput::Borrowed(ValueRef::Integer(*number)),
            Self::Float(number) => ToSqlOutput::Borrowed(ValueRef::Real(*number)),
            Self::Timestamp(micros) => sql_datetime(*micros).into(),
            Self::Text(text) => ToSqlOutput::Borrowed(ValueRef::Text(text.as_bytes())),
            Self::Bytes(bytes) => ToSqlOutput::Borrowed(ValueRef::Blob(bytes)),
        })
    }
}

fn advice(table: &Table) -> &'static str {
    if table.create {
        "; the table that is there differs from the one to be written"
    } else {
        "; `create: true` creates it"
    }
}
