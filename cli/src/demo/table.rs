//! The table that the topology keeps, as the demo reads it.

use std::path::{Path, PathBuf};

use rusqlite::{Connection, OpenFlags};
use serde::Serialize;
use squall_components::parse::{TimeFormat, sql_datetime};

use super::source::Made;
use crate::failure::Failure;

/// The ten restaurants with the most people in an hour. A row is one person, so counting rows
/// counts people; given the restaurants, only the rows of that hour are touched.
const TOP: &str = "
    SELECT value, (SELECT COUNT(*) FROM hot_restaurants WHERE restaurant = value AND hour = ?2) AS people
    FROM json_each(?1) ORDER BY people DESC, value LIMIT 10";

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
    /// Rows of the table that the generator did not make up, or with another newest share.
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

    /// The ten restaurants with the most people in the newest hour. Nothing before the topology
    /// has made the table.
    pub(crate) fn top(&mut self, restaurants: &[&str], hour: i64) -> Vec<(String, u64)> {
        let names = serde_json::json!(restaurants).to_string();
        let read = |connection: &Connection| {
            let mut statement = connection.prepare_cached(TOP)?;
            let rows = statement
                .query_map((names, sql_datetime(hour)), |row| Ok((row.get(0)?, row.get(1)?)))?;
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
        let compared = self.connection().and_then(|connection| {
            let mut statement = connection
                .prepare("SELECT restaurant, hour, person, last_share FROM hot_restaurants")?;
            let mut found = statement.query([])?;
            while let Some(row) = found.next()? {
                let text = |column: usize| row.get::<_, String>(column);
                let (restaurant, hour, person, newest) = (text(0)?, text(1)?, text(2)?, text(3)?);
                let time = |text: &str| TimeFormat::Auto.parse(text);
                let expected = time(&hour).and_then(|hour| made.newest(&restaurant, hour, &person));
                rows += 1;
                wrong += u64::from(expected.is_none() || expected != time(&newest));
            }
            Ok(())
        });
        compared.map_err(|error| {
            Failure::failed(format!("cannot read {}: {error}", self.path.display()))
        })?;
        let expected = made.rows();
        let agree = rows == expected && wrong == 0;
        Ok(Agreement { shares: made.shares, expected, rows, wrong, agree })
    }
}
