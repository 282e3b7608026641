//! The table that the topology keeps, as the demo reads it.

use std::path::{Path, PathBuf};

use rusqlite::{Connection, OpenFlags};
use serde::Serialize;
use squall_components::parse::{TimeFormat, sql_datetime};

use super::source::Made;
use crate::failure::Failure;

/// The ten restaurants with the most people in the hour that ends then.
const TOP: &str = "
    SELECT restaurant || ', ' || city, people FROM restaurant_hours WHERE window_end = ?1
    ORDER BY people DESC, restaurant LIMIT 10";

/// The table of results.
pub(crate) struct Table {
    path: PathBuf,
    connection: Option<Connection>,
}

/// Whether the table and the generator agree, in numbers.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Agreement {
    /// Shares that were made up.
    pub(crate) shares: u64,
    /// Rows that the table must have.
    pub(crate) expected: u64,
    /// Rows that it has.
    pub(crate) rows: u64,
    /// Rows of the table that the generator did not make up, or with other people or shares.
    pub(crate) wrong: u64,
    /// Whether they agree exactly.
    pub(crate) agree: bool,
}

impl Table {
    /// The table in a SQLite file, which the topology has still to make.
    pub(crate) fn new(path: &Path) -> Self {
        Table { path: path.to_owned(), connection: None }
    }

    fn connection(&mut self) -> rusqlite::Result<&Connection> {
        match &mut self.connection {
            Some(connection) => Ok(connection),
            none => {
                let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
                Ok(none.insert(Connection::open_with_flags(&self.path, flags)?))
            }
        }
    }

    /// The ten restaurants with the most people in the hour that ends at `end`. Nothing before the
    /// topology has made the table.
    pub(crate) fn top(&mut self, end: i64) -> Vec<(String, u64)> {
        let read = |connection: &Connection| {
            let mut statement = connection.prepare_cached(TOP)?;
            let rows =
                statement.query_map([sql_datetime(end)], |row| Ok((row.get(0)?, row.get(1)?)))?;
            rows.collect::<rusqlite::Result<Vec<(String, i64)>>>()
        };
        match self.connection().and_then(read) {
            Ok(top) => {
                let people = |(name, people)| (name, u64::try_from(people).unwrap_or_default());
                top.into_iter().map(people).filter(|(_, people)| *people > 0).collect()
            }
            Err(error) => {
                tracing::debug!(%error, "the table cannot be read yet");
                self.connection = None;
                Vec::new()
            }
        }
    }

    /// Compares every row with what was made up.
    pub(crate) fn compare(&mut self, made: &Made) -> Result<Agreement, Failure> {
        let (mut rows, mut wrong) = (0, 0);
        let expected = made.hours();
        let compared = self.connection().and_then(|connection| {
            let mut statement = connection
                .prepare("SELECT window_end, restaurant, people, shares FROM restaurant_hours")?;
            let mut found = statement.query([])?;
            while let Some(row) = found.next()? {
                let (end, restaurant) = (row.get::<_, String>(0)?, row.get(1)?);
                let count = (row.get::<_, i64>(2)?, row.get::<_, i64>(3)?);
                let end = TimeFormat::Auto.parse(&end).unwrap_or_default();
                let known = expected.get(&(end, restaurant));
                let known = known.map(|(people, shares)| (*people as i64, *shares as i64));
                rows += 1;
                wrong += u64::from(known != Some(count));
            }
            Ok(())
        });
        compared.map_err(|error| {
            Failure::failed(format!("cannot read {}: {error}", self.path.display()))
        })?;
        let expected = expected.len() as u64;
        let agree = rows == expected && wrong == 0;
        Ok(Agreement { shares: made.shares, expected, rows, wrong, agree })
    }
}
