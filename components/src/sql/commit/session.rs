//! The work of a commit, one connection after the other.

use std::time::Instant;

use squall_framework::{Commit, CommitMode, Committed, Rejected, StoreFault};

use super::{
    CommitOptions,
    gather::{Gathered, gather},
    record,
};
use crate::sql::{
    backend::{Backend, Upsert},
    merge::merge,
    table::Table,
    url::StoreUrl,
    write::write_rows,
};

/// Pauses of [`Session::look`].
const PAUSE: std::time::Duration = std::time::Duration::from_millis(100);

#[derive(Debug)]
pub(super) struct Session {
    url: StoreUrl,
    topology: String,
    mode: CommitMode,
    options: CommitOptions,
    db: Option<Backend>,
    /// The tables that have been checked on this connection.
    tables: Vec<(Table, Upsert)>,
    /// Whether a transaction is open, as far as we know.
    open: bool,
}

impl Session {
    pub(super) fn new(
        url: StoreUrl,
        topology: &str,
        mode: CommitMode,
        options: CommitOptions,
    ) -> Self {
        let topology = topology.to_owned();
        Self { url, topology, mode, options, db: None, tables: Vec::new(), open: false }
    }

    pub(super) fn name(&self) -> String {
        self.url.to_string()
    }

    pub(super) async fn claim(&mut self, run: u64) -> Result<Committed, StoreFault> {
        self.roll_back().await;
        let claimed = match self.mode {
            CommitMode::WithRecord => self.claim_record(run).await,
            CommitMode::RowsOnly => self.db().await.map(|_| Committed::default()),
        };
        match claimed {
            Ok(committed) => Ok(committed),
            Err(fault) => {
                self.give_up(&fault).await;
                Err(match fault {
                    // Whether this one has raised the incarnation or not: the next one raises it.
                    StoreFault::Unknown(words) => StoreFault::Retry(words),
                    fault => fault,
                })
            }
        }
    }

    async fn claim_record(&mut self, run: u64) -> Result<Committed, StoreFault> {
        let topology = self.topology.clone();
        let db = self.db().await?;
        let upsert = db.prepare(&record::table()).await?;
        db.begin().await?;
        record::ensure(db, &upsert, &topology).await?;
        let committed = record::lock(db, &topology).await?.next_run(run);
        record::raise(db, &topology, committed.incarnation).await?;
        db.commit().await?;
        let Committed { incarnation, epoch, .. } = committed;
        tracing::info!(store = self.name(), topology, incarnation, epoch, "claimed");
        Ok(committed)
    }

    pub(super) async fn forget(&mut self) -> Result<(), StoreFault> {
        self.roll_back().await;
        let forgotten = self.try_forget().await;
        if let Err(fault) = &forgotten {
            self.give_up(fault).await;
        }
        forgotten
    }

    async fn try_forget(&mut self) -> Result<(), StoreFault> {
        let topology = self.topology.clone();
        let db = self.db().await?;
        let upsert = db.prepare(&record::table()).await?;
        db.begin().await?;
        record::ensure(db, &upsert, &topology).await?;
        record::put_back(db, &topology).await?;
        Ok(db.commit().await?)
    }

    pub(super) async fn begin(&mut self, commit: &Commit) -> Result<(), StoreFault> {
        self.roll_back().await;
        let begun = self.try_begin(commit).await;
        if let Err(fault) = &begun {
            self.give_up(fault).await;
        }
        begun
    }

    async fn try_begin(&mut self, commit: &Commit) -> Result<(), StoreFault> {
        // Tables may have to be made, which must not happen within a transaction.
        for gathered in gather(commit)? {
            self.prepare(gathered.table).await?;
        }
        let (mode, topology) = (self.mode, self.topology.clone());
        let db = self.db().await?;
        db.begin().await?;
        if mode == CommitMode::WithRecord {
            record::move_on(db, &topology, commit).await?;
        }
        db.mark().await?;
        self.open = true;
        Ok(())
    }

    pub(super) async fn rows(&mut self, commit: &Commit) -> Result<Vec<Rejected>, StoreFault> {
        let mut rejected = Vec::new();
        for gathered in gather(commit)? {
            match self.write(&gathered).await {
                Ok(rows) => rejected.extend(rows),
                Err(fault) => {
                    self.give_up(&fault).await;
                    return Err(fault);
                }
            }
        }
        rejected.sort_unstable_by_key(|rejected| (rejected.table, rejected.row));
        Ok(rejected)
    }

    async fn write(&mut self, gathered: &Gathered<'_>) -> Result<Vec<Rejected>, StoreFault> {
        let known = self.tables.iter().find(|(table, _)| table == gathered.table);
        let (Some((_, upsert)), Some(db), true) = (known, &mut self.db, self.open) else {
            return Err(self.no_transaction());
        };
        let merged = merge(gathered.table, &gathered.rows);
        let mut rejected = merged.rejected.clone();
        for (row, reason) in write_rows(db, upsert, &merged.rows).await? {
            rejected.extend(merged.sources(row).iter().map(|&source| (source, reason.clone())));
        }
        let located = rejected.into_iter().map(|(row, reason)| {
            let (table, row) = gathered.origin(row);
            Rejected { table, row, reason }
        });
        Ok(located.collect())
    }

    pub(super) async fn commit(&mut self) -> Result<(), StoreFault> {
        let committed = self.try_commit().await;
        self.open = false;
        if let Err(fault) = &committed {
            self.give_up(fault).await;
        }
        committed
    }

    async fn try_commit(&mut self) -> Result<(), StoreFault> {
        let (Some(db), true) = (&mut self.db, self.open) else {
            return Err(self.no_transaction());
        };
        // Time has passed since the rows. A connection that broke in it is known to have committed
        // nothing, which is better than not to know.
        db.check_mark().await?;
        Ok(db.commit().await?)
    }

    pub(super) async fn roll_back(&mut self) {
        self.open = false;
        if let Some(db) = &mut self.db {
            db.rollback().await;
        }
    }

    /// What another transaction holds is waited for: see [`super`].
    pub(super) async fn look(&mut self) -> Result<Committed, StoreFault> {
        let started = Instant::now();
        loop {
            self.disconnect().await;
            let looked = match self.mode {
                CommitMode::WithRecord => self.try_look().await,
                CommitMode::RowsOnly => self.db().await.map(|_| Committed::default()),
            };
            match looked {
                Err(StoreFault::Retry(words)) if started.elapsed() < self.options.patience => {
                    tracing::debug!(store = self.name(), words, "cannot look yet");
                    tokio::time::sleep(PAUSE).await;
                }
                looked => return looked,
            }
        }
    }

    async fn try_look(&mut self) -> Result<Committed, StoreFault> {
        let topology = self.topology.clone();
        let db = self.db().await?;
        db.begin().await?;
        let committed = record::lock(db, &topology).await;
        db.rollback().await;
        committed
    }

    /// The connection, a new one if there is none.
    async fn db(&mut self) -> Result<&mut Backend, StoreFault> {
        match &mut self.db {
            Some(db) => Ok(db),
            none => Ok(none.insert(Backend::connect(&self.url, self.options.timeout).await?)),
        }
    }

    async fn prepare(&mut self, table: &Table) -> Result<(), StoreFault> {
        if self.tables.iter().any(|(known, _)| known == table) {
            return Ok(());
        }
        table.check().map_err(|error| StoreFault::Refused(error.to_string()))?;
        let upsert = self.db().await?.prepare(table).await?;
        self.tables.push((table.clone(), upsert));
        Ok(())
    }

    /// After a fault nothing stays open. What somebody has to put right, or what nobody knows, is
    /// tried again from the beginning: on another connection, with all tables checked.
    async fn give_up(&mut self, fault: &StoreFault) {
        match fault {
            StoreFault::Retry(_) | StoreFault::Fenced(_) => self.roll_back().await,
            StoreFault::Refused(_) | StoreFault::Unknown(_) => self.disconnect().await,
        }
    }

    async fn disconnect(&mut self) {
        self.open = false;
        self.tables.clear();
        if let Some(db) = self.db.take() {
            db.close().await;
        }
    }

    fn no_transaction(&self) -> StoreFault {
        StoreFault::Retry(format!("{}: no transaction is open", self.name()))
    }
}
