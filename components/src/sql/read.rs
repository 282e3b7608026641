//! Rows out of a database, in whatever order it gives them.

use std::time::Duration;

use rusqlite::{Connection, OpenFlags, types::ValueRef};
use thiserror::Error;

use super::{error::StoreError, mysql, sqlite, url::StoreUrl, value::Value};

/// What to read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Selection {
    /// Columns of a table, all rows.
    Table {
        /// The table's name.
        table: String,
        /// The names of the columns.
        columns: Vec<String>,
    },
    /// A query, as it stands.
    Query(String),
}

/// What takes the rows that are read. An error ends the reading.
pub trait RowReader {
    /// Called first, with the names of the columns.
    ///
    /// # Errors
    /// They are not what is wanted; the error says why.
    fn columns(&mut self, names: &[String]) -> Result<(), String>;

    /// Called for every row.
    ///
    /// # Errors
    /// The row is not what is wanted; the error says why.
    fn row(&mut self, values: &[Value<'_>]) -> Result<(), String>;
}

/// Why rows were not read, or not all.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ReadError {
    /// The database did not give them.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// They are not what is wanted.
    #[error("{0}")]
    Rows(String),
}

/// Reads all rows. Waits for the database, so not within an asynchronous task; a SQLite file is
/// opened for reading only and not made if it is not there. No answer takes longer than `timeout`.
///
/// # Errors
/// The database cannot be read, or the reader wants no more.
pub fn read(
    url: &StoreUrl,
    selection: &Selection,
    timeout: Duration,
    reader: &mut dyn RowReader,
) -> Result<(), ReadError> {
    let unavailable = |reason: String| StoreError::Unavailable { store: url.to_string(), reason };
    match url {
        StoreUrl::Sqlite(path) => {
            let failed = |error: rusqlite::Error| unavailable(sqlite::words(&error));
            let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
            let connection = Connection::open_with_flags(path, flags).map_err(failed)?;
            connection.busy_timeout(timeout).map_err(failed)?;
            let sql = selection.sql(sqlite::quote, sqlite::quote_path);
            let mut statement = connection.prepare(&sql).map_err(failed)?;
            let names: Vec<_> = statement.column_names().map(str::to_owned).collect();
            reader.columns(&names).map_err(ReadError::Rows)?;
            let mut rows = statement.query([]).map_err(failed)?;
            while let Some(row) = rows.next().map_err(failed)? {
                let values = (0..names.len()).map(|column| row.get_ref(column).map(value));
                let values = values.collect::<Result<Vec<_>, _>>().map_err(failed)?;
                reader.row(&values).map_err(ReadError::Rows)?;
            }
            Ok(())
        }
        StoreUrl::MySql(opts) => {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .map_err(|error| unavailable(error.to_string()))?;
            runtime.block_on(mysql::read(opts, &url.to_string(), selection, timeout, reader))
        }
    }
}

impl Selection {
    /// The statement, with names quoted as the database wants them. The columns are named with
    /// their table: SQLite takes an unknown name in quotes for a text, unless there is one.
    pub(super) fn sql(&self, quote: fn(&str) -> String, quote_path: fn(&str) -> String) -> String {
        match self {
            Self::Query(query) => query.clone(),
            Self::Table { table, columns } => {
                let columns: Vec<_> =
                    columns.iter().map(|column| format!("t.{}", quote(column))).collect();
                // Only whether there is a row may matter.
                let columns = if columns.is_empty() { "1".into() } else { columns.join(", ") };
                format!("SELECT {columns} FROM {} AS t", quote_path(table))
            }
        }
    }
}

fn value(value: ValueRef<'_>) -> Value<'_> {
    match value {
        ValueRef::Null => Value::Null,
        ValueRef::Integer(number) => Value::Int(number),
        ValueRef::Real(number) => Value::Float(number),
        ValueRef::Text(bytes) => match std::str::from_utf8(bytes) {
            Ok(text) => Value::Text(text),
            Err(_) => Value::Bytes(bytes),
        },
        ValueRef::Blob(bytes) => Value::Bytes(bytes),
    }
}
