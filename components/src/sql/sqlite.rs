//! SQLite: a file, one writer at a time.
//!
//! One prepared statement per row is as fast here as many rows in one, and names the bad row at
//! once. The journal is a write-ahead log with `synchronous=FULL`, so a commit is on disk when
//! it returns.

use std::{path::Path, time::Duration};

use rusqlite::{
    Connection, ErrorCode, ToSql,
    types::{ToSqlOutput, ValueRef},
};

use super::{
    error::{Failure, StoreError},
    table::{Column, ColumnKind, Mode, Table},
    value::Value,
};
use crate::parse::sql_datetime;

#[derive(Debug)]
pub(super) struct Sqlite {
    connection: Connection,
    url: String,
    upsert: String,
}

impl Sqlite {
    pub(super) fn open(path: &Path, table: &Table, timeout: Duration) -> Result<Self, Failure> {
        let url = format!("sqlite://{}", path.display());
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder).map_err(|error| {
                let reason = format!("cannot create the folder {}: {error}", folder.display());
                Failure::Store(StoreError::Unavailable { store: url.clone(), reason })
            })?;
        }
        let connection = Connection::open(path).map_err(|error| failure(&url, &error))?;
        let db = Self { connection, url, upsert: upsert(table) };
        db.prepare(table, timeout).map_err(|error| match failure(&db.url, &error) {
            Failure::Store(_) if !is_file_error(&error) => Failure::Store(StoreError::table(
                &table.name,
                format!("{}{}", words(&error), advice(table)),
            )),
            failure => failure,
        })?;
        Ok(db)
    }

    fn prepare(&self, table: &Table, timeout: Duration) -> rusqlite::Result<()> {
        self.connection.busy_timeout(timeout)?;
        self.connection.pragma_update(None, "journal_mode", "wal")?;
        self.connection.pragma_update(None, "synchronous", "full")?;
        if table.create {
            self.connection.execute_batch(&create(table))?;
        }
        // Finds a missing table, column or key now and not at the first row.
        self.connection.prepare_cached(&self.upsert).map(drop)
    }

    pub(super) fn begin(&self) -> Result<(), Failure> {
        self.run("BEGIN IMMEDIATE")
    }

    pub(super) fn commit(&self) -> Result<(), Failure> {
        self.run("COMMIT")
    }

    /// After some errors SQLite has rolled back already and after others not, so this asks first.
    pub(super) fn rollback(&self) {
        if !self.connection.is_autocommit()
            && let Err(error) = self.connection.execute_batch("ROLLBACK")
        {
            tracing::warn!(store = self.url, %error, "rollback failed");
        }
    }

    pub(super) fn upsert(&self, row: &[Value<'_>]) -> Result<(), Failure> {
        self.connection
            .prepare_cached(&self.upsert)
            .and_then(|mut statement| statement.execute(rusqlite::params_from_iter(row)))
            .map(drop)
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

/// Sorts errors by [result code](https://www.sqlite.org/rescode.html).
fn failure(url: &str, error: &rusqlite::Error) -> Failure {
    let unavailable = || StoreError::Unavailable { store: url.to_owned(), reason: words(error) };
    match error.sqlite_error_code() {
        Some(
            ErrorCode::ConstraintViolation
            | ErrorCode::TypeMismatch
            | ErrorCode::TooBig
            | ErrorCode::ParameterOutOfRange,
        ) => Failure::Row(words(error)),
        Some(
            ErrorCode::DatabaseBusy
            | ErrorCode::DatabaseLocked
            | ErrorCode::SchemaChanged
            | ErrorCode::OperationInterrupted
            | ErrorCode::FileLockingProtocolFailed,
        ) => Failure::Again(unavailable()),
        _ => Failure::Store(unavailable()),
    }
}

fn is_file_error(error: &rusqlite::Error) -> bool {
    // The code for everything that is wrong with a statement.
    !matches!(error.sqlite_error_code(), Some(ErrorCode::Unknown) | None)
}

pub(super) fn words(error: &rusqlite::Error) -> String {
    match error {
        rusqlite::Error::SqliteFailure(_, Some(message)) => message.clone(),
        rusqlite::Error::SqlInputError { msg, .. } => msg.clone(),
        error => error.to_string(),
    }
}

fn advice(table: &Table) -> &'static str {
    if table.create {
        "; the table that is there differs from the one to be written"
    } else {
        "; `create: true` creates it"
    }
}

pub(super) fn quote(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

pub(super) fn quote_path(name: &str) -> String {
    name.split('.').map(quote).collect::<Vec<_>>().join(".")
}

fn list<'a>(names: impl Iterator<Item = &'a str>) -> String {
    names.map(quote).collect::<Vec<_>>().join(", ")
}

/// `STRICT`, so that a text in a column of integers is rejected as other databases do, and
/// `WITHOUT ROWID`, because the rows are looked up by their key.
fn create(table: &Table) -> String {
    let mut lines: Vec<String> = table
        .columns
        .iter()
        .map(|column| {
            let kind = match column.kind {
                ColumnKind::Text | ColumnKind::Timestamp | ColumnKind::Json => "TEXT",
                ColumnKind::Int | ColumnKind::Bool => "INTEGER",
                ColumnKind::Float => "REAL",
                ColumnKind::Bytes => "BLOB",
                ColumnKind::Any => "ANY",
            };
            let null = if table.is_key(&column.name) { " NOT NULL" } else { "" };
            format!("{} {kind}{null}", quote(&column.name))
        })
        .collect();
    let mut options = "STRICT";
    if !table.keys.is_empty() {
        lines.push(format!("PRIMARY KEY ({})", list(table.keys.iter().map(String::as_str))));
        options = "STRICT, WITHOUT ROWID";
    }
    format!(
        "CREATE TABLE IF NOT EXISTS {} ({}) {options}",
        quote_path(&table.name),
        lines.join(", ")
    )
}

fn upsert(table: &Table) -> String {
    let columns = list(table.columns.iter().map(|column| column.name.as_str()));
    let values = vec!["?"; table.columns.len()].join(", ");
    let mut sql =
        format!("INSERT INTO {} AS old ({columns}) VALUES ({values})", quote_path(&table.name));
    if table.keys.is_empty() {
        return sql;
    }
    let updates: Vec<String> = table.updates().map(update).collect();
    sql.push_str(&format!(" ON CONFLICT ({}) DO ", list(table.keys.iter().map(String::as_str))));
    if updates.is_empty() {
        sql.push_str("NOTHING");
    } else {
        sql.push_str(&format!("UPDATE SET {}", updates.join(", ")));
    }
    sql
}

fn update(column: &Column) -> String {
    let name = quote(&column.name);
    let (old, new) = (format!("old.{name}"), format!("excluded.{name}"));
    let value = match column.mode {
        Mode::Set => new,
        Mode::Add => format!("coalesce({old} + {new}, {old}, {new})"),
        Mode::Max => format!("coalesce(max({old}, {new}), {old}, {new})"),
        Mode::Min => format!("coalesce(min({old}, {new}), {old}, {new})"),
        Mode::Keep => old,
    };
    format!("{name} = {value}")
}
