//! The writer: batches in, transactions out.

use std::time::{Duration, Instant};

use tracing::{debug, warn};

use super::{
    backend::{Backend, Upsert},
    error::{Failure, StoreError},
    merge::{Merged, merge},
    table::Table,
    url::StoreUrl,
    value::Rows,
    write::{write_part, write_rows},
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
    upsert: Upsert,
    backend: Backend,
    options: StoreOptions,
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
            let opened = async {
                let mut backend = Backend::connect(url, options.timeout).await?;
                let upsert = backend.prepare(&table).await?;
                Ok((backend, upsert))
            };
            match opened.await {
                Ok((backend, upsert)) => return Ok(Self { table, upsert, backend, options }),
                Err(Failure::Again(error)) if started.elapsed() < options.patience => {
                    debug!(%error, "store is not ready, trying again");
                    tokio::time::sleep(pause).await;
                    pause = (pause * 2).min(LONGEST_PAUSE);
                }
                Err(Failure::Again(error) | Failure::Store(error) | Failure::Unknown(error)) => {
                    return Err(error);
                }
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
                Err(Failure::Again(error) | Failure::Unknown(error))
                    if started.elapsed() < self.options.patience =>
                {
                    warn!(%error, table = self.table.name, "batch was not written, trying again");
                    self.backend.rollback().await;
                    tokio::time::sleep(pause).await;
                    pause = (pause * 2).min(LONGEST_PAUSE);
                }
                Err(Failure::Again(error) | Failure::Store(error) | Failure::Unknown(error)) => {
                    self.backend.rollback().await;
                    return Err(error);
                }
                // A constraint that is checked only by COMMIT tells no row.
                Err(Failure::Row(problem)) => {
                    self.backend.rollback().await;
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
        self.backend.begin().await?;
        let mut rejected = Vec::new();
        for (row, reason) in write_rows(&mut self.backend, &self.upsert, &merged.rows).await? {
            match merged.sources(row) {
                [only] => rejected.push((*only, reason)),
                // One bad row must not take along the others of its key.
                several => {
                    for &source in several {
                        let part = source..source + 1;
                        match write_part(&mut self.backend, &self.upsert, batch, part).await {
                            Ok(()) => {}
                            Err(Failure::Row(reason)) => rejected.push((source, reason)),
                            Err(failure) => return Err(failure),
                        }
                    }
                }
            }
        }
        self.backend.commit().await?;
        Ok(rejected)
    }
}
