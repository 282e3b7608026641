//! The writer: batches in, transactions out.

use std::{
    ops::Range,
    time::{Duration, Instant},
};

use tracing::{debug, warn};

use super::{
    error::{Failure, StoreError},
    merge::{Merged, merge},
    mysql::MySql,
    sqlite::Sqlite,
    table::Table,
    url::StoreUrl,
    value::{Rows, Value},
};

/// How patient a store is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StoreOptions {
    /// For how long a batch is tried again when the database is away or busy, before
    /// [`SqlStore::write`] gives up with a retryable error.
    pub patience: Duration,
    /// For how long one statement may take before the connection counts as broken (MySQL), or a
    /// lock of another process be waited for (SQLite).
    pub timeout: Duration,
}

impl Default for StoreOptions {
    fn default() -> Self {
        Self { patience: Duration::from_secs(10), timeout: Duration::from_secs(30) }
    }
}

/// What became of a batch that was written.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Outcome {
    /// The rows that are not in the table, by their number in the batch, each with the reason in
    /// the database's own words. Writing them again cannot help.
    pub rejected: Vec<(usize, String)>,
}

/// A connection that writes batches of rows into one table.
///
/// SQLite works within the calling thread, so a writer of it wants a thread of its own.
///
/// ```
/// use squall_components::sql::{Column, ColumnKind, Mode, Rows, SqlStore, StoreOptions, Table, Value};
///
/// # let folder = tempfile::tempdir().unwrap();
/// # let url = format!("sqlite://{}/a.db", folder.path().display()).parse().unwrap();
/// # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
/// let table = Table {
///     name: "visits".into(),
///     columns: vec![Column::new("page", ColumnKind::Text), Column::new("visits", ColumnKind::Int).mode(Mode::Add)],
///     keys: vec!["page".into()],
///     create: true,
/// };
/// let mut store = SqlStore::open(&url, table, StoreOptions::default()).await?;
/// let mut rows = Rows::new(2);
/// rows.push([Value::Text("/"), Value::Int(2)]);
/// rows.push([Value::Text("/"), Value::Int(1)]);
/// let outcome = store.write(&rows).await?;
/// assert!(outcome.rejected.is_empty());
/// # Ok::<(), squall_components::sql::StoreError>(()) }).unwrap();
/// ```
#[derive(Debug)]
pub struct SqlStore {
    table: Table,
    backend: Backend,
    options: StoreOptions,
}

#[derive(Debug)]
enum Backend {
    Sqlite(Sqlite),
    MySql(Box<MySql>),
}

/// First pause before a batch is tried again; it doubles up to [`LONGEST_PAUSE`].
const FIRST_PAUSE: Duration = Duration::from_millis(5);
const LONGEST_PAUSE: Duration = Duration::from_millis(500);

impl SqlStore {
    /// Connects, creates the table if that is wanted, and checks that it can hold the rows.
    ///
    /// # Errors
    /// The plan or the table is wrong, or the database cannot be reached within the patience.
    pub async fn open(
        url: &StoreUrl,
        table: Table,
        options: StoreOptions,
    ) -> Result<Self, StoreError> {
        table.check()?;
        let started = Instant::now();
        let mut pause = FIRST_PAUSE;
        loop {
            let opened = match url {
                StoreUrl::Sqlite(path) => {
                    Sqlite::open(path, &table, options.timeout).map(Backend::Sqlite)
                }
                StoreUrl::MySql(opts) => {
                    let url = url.to_string();
                    MySql::open(opts, url, &table, options.timeout)
                        .await
                        .map(|db| Backend::MySql(Box::new(db)))
                }
            };
            match opened {
                Ok(backend) => {
                    return Ok(Self { table, backend, options });
                }
                Err(Failure::Again(error)) if started.elapsed() < options.patience => {
                    debug!(%error, "store is not ready, trying again");
                    tokio::time::sleep(pause).await;
                    pause = (pause * 2).min(LONGEST_PAUSE);
                }
                Err(Failure::Again(error) | Failure::Store(error)) => return Err(error),
                Err(Failure::Row(problem)) => return Err(StoreError::table(&table.name, problem)),
            }
        }
    }

    /// The table that is written.
    pub fn table(&self) -> &Table {
        &self.table
    }

    /// Writes a batch in one transaction; see the [module](super) for what that promises.
    ///
    /// Deadlocks, lock time-outs, lost connections and restarts of the server are waited out for
    /// as long as the [patience](StoreOptions::patience) lasts.
    ///
    /// # Errors
    /// Nothing was written; the error says whether trying again can help.
    pub async fn write(&mut self, rows: &Rows<'_>) -> Result<Outcome, StoreError> {
        let merged = merge(&self.table, rows);
        let started = Instant::now();
        let mut pause = FIRST_PAUSE;
        loop {
            match self.transaction(rows, &merged).await {
                Ok(mut rejected) => {
                    rejected.extend(merged.rejected);
                    rejected.sort_unstable();
                    return Ok(Outcome { rejected });
                }
                Err(Failure::Again(error)) if started.elapsed() < self.options.patience => {
                    warn!(%error, table = self.table.name, "batch was not written, trying again");
                    self.rollback().await;
                    tokio::time::sleep(pause).await;
                    pause = (pause * 2).min(LONGEST_PAUSE);
                }
                Err(Failure::Again(error) | Failure::Store(error)) => {
                    self.rollback().await;
                    return Err(error);
                }
                // A constraint that is checked only by COMMIT tells no row.
                Err(Failure::Row(problem)) => {
                    self.rollback().await;
                    return Err(StoreError::table(&self.table.name, problem));
                }
            }
        }
    }

    async fn transaction(
        &mut self,
        batch: &Rows<'_>,
        merged: &Merged<'_>,
    ) -> Result<Vec<(usize, String)>, Failure> {
        if merged.rows.is_empty() {
            return Ok(Vec::new());
        }
        self.begin().await?;
        let mut rejected = Vec::new();
        for (row, reason) in self.write_rows(&merged.rows).await? {
            match merged.sources(row) {
                [only] => rejected.push((*only, reason)),
                // One bad row must not take along the others of its key.
                several => {
                    for &source in several {
                        match self.upsert(batch, source..source + 1).await {
                            Ok(()) => {}
                            Err(Failure::Row(reason)) => rejected.push((source, reason)),
                            Err(failure) => return Err(failure),
                        }
                    }
                }
            }
        }
        self.commit().await?;
        Ok(rejected)
    }

    /// Writes all rows, in statements as large as the database likes them; a statement with a row
    /// that is rejected is halved until that row is alone.
    async fn write_rows(&mut self, rows: &Rows<'_>) -> Result<Vec<(usize, String)>, Failure> {
        let mut rejected = Vec::new();
        let mut next = 0;
        while next < rows.len() {
            let statement = self.statement(rows, next);
            next = statement.end;
            let mut parts = vec![statement];
            while let Some(part) = parts.pop() {
                match self.upsert(rows, part.clone()).await {
                    Ok(()) => {}
                    Err(Failure::Row(reason)) if part.len() == 1 => {
                        rejected.push((part.start, reason))
                    }
                    Err(Failure::Row(_)) => {
                        let middle = part.start + part.len() / 2;
                        parts.push(middle..part.end);
                        parts.push(part.start..middle);
                    }
                    Err(failure) => return Err(failure),
                }
            }
        }
        Ok(rejected)
    }

    /// The rows from `start` on that go into one statement; at least one.
    fn statement(&self, rows: &Rows<'_>, start: usize) -> Range<usize> {
        let (most_rows, most_bytes) = match &self.backend {
            Backend::Sqlite(_) => (1, usize::MAX),
            Backend::MySql(db) => db.statement_limits(),
        };
        let mut bytes = 0;
        let mut end = start;
        while end < rows.len() && end - start < most_rows {
            bytes += rows.row(end).iter().map(Value::size).sum::<usize>();
            if bytes > most_bytes && end > start {
                break;
            }
            end += 1;
        }
        start..end
    }

    async fn begin(&mut self) -> Result<(), Failure> {
        match &mut self.backend {
            Backend::Sqlite(db) => db.begin(),
            Backend::MySql(db) => db.begin().await,
        }
    }

    async fn upsert(&mut self, rows: &Rows<'_>, range: Range<usize>) -> Result<(), Failure> {
        match &mut self.backend {
            Backend::Sqlite(db) => range.into_iter().try_for_each(|row| db.upsert(rows.row(row))),
            Backend::MySql(db) => db.upsert(rows, range).await,
        }
    }

    async fn commit(&mut self) -> Result<(), Failure> {
        match &mut self.backend {
            Backend::Sqlite(db) => db.commit(),
            Backend::MySql(db) => db.commit().await,
        }
    }

    async fn rollback(&mut self) {
        match &mut self.backend {
            Backend::Sqlite(db) => db.rollback(),
            Backend::MySql(db) => db.rollback().await,
        }
    }
}
