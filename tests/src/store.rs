//! The tables that `squall` wrote, read by other clients than its own.

use std::path::PathBuf;

use rusqlite::{Connection, OpenFlags, types::ValueRef};
use squall_test_support::{MariaDb, SqlServer};

use crate::place::Place;

/// A store for results.
#[derive(Debug)]
pub enum Store {
    /// A file, read by SQLite itself.
    Sqlite(PathBuf),
    /// A database of a real server, read by the server's own client.
    MariaDb(&'static SqlServer, String),
}

impl Store {
    /// SQLite, and MariaDB where there is one: every test of results runs on both.
    ///
    /// # Panics
    /// The server makes no database.
    #[must_use]
    pub fn all(place: &Place) -> Vec<Store> {
        let mut stores = vec![Store::sqlite(place)];
        if let Some(server) = MariaDb::shared() {
            match server.create_database() {
                Ok(url) => stores.push(Store::MariaDb(server, url)),
                Err(error) => panic!("the server makes no database: {error}"),
            }
        }
        stores
    }

    /// A file in the folder.
    #[must_use]
    pub fn sqlite(place: &Place) -> Store {
        Store::Sqlite(place.path("results.db"))
    }

    /// The name of its kind, for folders.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Store::Sqlite(_) => "sqlite",
            Store::MariaDb(..) => "mariadb",
        }
    }

    /// What a topology writes behind `store:`.
    #[must_use]
    pub fn url(&self) -> String {
        match self {
            Store::Sqlite(path) => format!("sqlite://{}", path.display()),
            Store::MariaDb(_, url) => url.clone(),
        }
    }

    /// The rows of a query, every value as text; null is `NULL`.
    ///
    /// # Panics
    /// The query fails.
    #[must_use]
    #[track_caller]
    pub fn rows(&self, sql: &str) -> Vec<Vec<String>> {
        match self.try_rows(sql) {
            Ok(rows) => rows,
            Err(error) => panic!("{sql}: {error}"),
        }
    }

    /// The first value of a query as a number; 0 while there is no such table or row.
    #[must_use]
    pub fn number(&self, sql: &str) -> u64 {
        let rows = self.try_rows(sql).unwrap_or_default();
        rows.first().and_then(|row| row.first()).and_then(|value| value.parse().ok()).unwrap_or(0)
    }

    fn try_rows(&self, sql: &str) -> Result<Vec<Vec<String>>, Box<dyn std::error::Error>> {
        match self {
            Store::Sqlite(path) => from_sqlite(path, sql).map_err(Into::into),
            Store::MariaDb(server, url) => {
                let database = url.rsplit('/').next().unwrap_or_default();
                let text = server.query(&format!("USE {database}; {sql}"))?;
                Ok(text.lines().map(|line| line.split('\t').map(str::to_owned).collect()).collect())
            }
        }
    }
}

fn from_sqlite(path: &PathBuf, sql: &str) -> rusqlite::Result<Vec<Vec<String>>> {
    let connection = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
    connection.busy_timeout(std::time::Duration::from_secs(10))?;
    let mut statement = connection.prepare(sql)?;
    let columns = statement.column_count();
    let rows =
        statement.query_map([], |row| (0..columns).map(|n| row.get_ref(n).map(text)).collect())?;
    rows.collect()
}

fn text(value: ValueRef<'_>) -> String {
    match value {
        ValueRef::Null => "NULL".to_owned(),
        ValueRef::Integer(number) => number.to_string(),
        ValueRef::Real(number) => number.to_string(),
        ValueRef::Text(bytes) | ValueRef::Blob(bytes) => {
            String::from_utf8_lossy(bytes).into_owned()
        }
    }
}
