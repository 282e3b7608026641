//! Rows and the record of the commit in one transaction.
//!
//! The record is a row of the table `squall_commits`, one for each topology: which run of it may
//! write (`incarnation`), which epoch was committed last and under which id, and what had been read
//! of the sources by then (`positions`, as JSON). A commit moves it on **first**, from the epoch
//! before and only in the name of the run that has it; so two runs can never both write, and
//! whatever waits for the record's lock sees the commit either whole or not at all.
//!
//! The lock also answers the question that a connection leaves open when it breaks inside of
//! COMMIT: [`look`](CommitStore::look) waits, on another connection, until the server has ended the
//! transaction that was left behind. This holds for one server that writes; in a cluster where
//! several write, all runs of a topology have to write through the same one.

mod fault;
mod gather;
mod record;
mod session;

use std::time::Duration;

use squall_framework::{Commit, CommitMode, CommitStore, Committed, Rejected, StoreFault};
use tokio::runtime::{Builder, Runtime};

use self::session::Session;
use super::url::StoreUrl;

/// How patient a store of commits is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CommitOptions {
    /// For how long one statement may take before the connection counts as broken (MySQL), or a
    /// lock of another process be waited for (SQLite).
    pub timeout: Duration,
    /// For how long [`CommitStore::look`] waits for a store that is away or a transaction that
    /// still holds the record.
    pub patience: Duration,
}

impl Default for CommitOptions {
    fn default() -> Self {
        Self { timeout: Duration::from_secs(30), patience: Duration::from_secs(10) }
    }
}

/// SQLite, MySQL or MariaDB as the store of commits of one topology.
///
/// The rows of a commit are for tables of the type [`Table`](super::Table). Its methods wait for
/// the database: they want a thread of their own, outside of any asynchronous runtime.
///
/// ```
/// use std::sync::Arc;
/// use squall_components::sql::{Column, ColumnKind, CommitOptions, Mode, SqlCommit, Table};
/// use squall_framework::{Commit, CommitMode, CommitStore, TableRows, Value};
///
/// # let folder = tempfile::tempdir().unwrap();
/// # let url = format!("sqlite://{}/a.db", folder.path().display()).parse().unwrap();
/// let visits = Table {
///     name: "visits".into(),
///     columns: vec![Column::new("page", ColumnKind::Text), Column::new("visits", ColumnKind::Int).mode(Mode::Add)],
///     keys: vec!["page".into()],
///     create: true,
/// };
/// let mut store = SqlCommit::new(url, "pages", CommitMode::WithRecord, CommitOptions::default());
/// let claimed = store.claim(1)?;
/// assert_eq!((claimed.incarnation, claimed.epoch), (1, 0));
/// let commit = Commit {
///     incarnation: claimed.incarnation,
///     epoch: claimed.epoch + 1,
///     commit_id: "a-name-of-its-own".into(),
///     rows: vec![TableRows {
///         component: "save".into(),
///         table: Arc::new(visits),
///         names: None,
///         columns: 2,
///         values: vec![Value::Text("/".into()), Value::Int(3)],
///     }],
///     ..Commit::default()
/// };
/// store.begin(&commit)?;
/// let rejected = store.rows(&commit)?;
/// assert!(rejected.is_empty());
/// store.commit()?;
/// assert_eq!(store.claim(1)?.epoch, 1);
/// # Ok::<(), squall_framework::StoreFault>(())
/// ```
#[derive(Debug)]
pub struct SqlCommit {
    // Before the runtime, which its connection needs.
    session: Session,
    runtime: Option<Runtime>,
}

impl SqlCommit {
    /// A store that connects when it is first used.
    ///
    /// Without the record ([`CommitMode::RowsOnly`]) a transaction holds rows alone: nothing is
    /// claimed, nobody is kept out, and there is nothing to look at.
    pub fn new(url: StoreUrl, topology: &str, mode: CommitMode, options: CommitOptions) -> Self {
        Self { session: Session::new(url, topology, mode, options), runtime: None }
    }

    /// Works to the end, on this thread.
    fn run<T>(
        &mut self,
        work: impl AsyncFnOnce(&mut Session) -> Result<T, StoreFault>,
    ) -> Result<T, StoreFault> {
        let runtime = match &self.runtime {
            Some(runtime) => runtime,
            None => {
                let runtime = Builder::new_current_thread().enable_all().build();
                let runtime = runtime.map_err(|error| {
                    StoreFault::Retry(format!("nothing to connect with: {error}"))
                })?;
                self.runtime.insert(runtime)
            }
        };
        runtime.block_on(work(&mut self.session))
    }
}

impl CommitStore for SqlCommit {
    fn claim(&mut self, run: u64) -> Result<Committed, StoreFault> {
        self.run(async |session| session.claim(run).await)
    }

    fn begin(&mut self, commit: &Commit) -> Result<(), StoreFault> {
        self.run(async |session| session.begin(commit).await)
    }

    fn rows(&mut self, commit: &Commit) -> Result<Vec<Rejected>, StoreFault> {
        self.run(async |session| session.rows(commit).await)
    }

    fn commit(&mut self) -> Result<(), StoreFault> {
        self.run(async |session| session.commit().await)
    }

    fn roll_back(&mut self) {
        if let Err(fault) = self.run(async |session| {
            session.roll_back().await;
            Ok(())
        }) {
            tracing::warn!(store = self.name(), %fault, "rollback failed");
        }
    }

    fn look(&mut self) -> Result<Committed, StoreFault> {
        self.run(async |session| session.look().await)
    }

    fn forget(&mut self) -> Result<(), StoreFault> {
        self.run(async |session| session.forget().await)
    }

    fn name(&self) -> String {
        self.session.name()
    }
}
