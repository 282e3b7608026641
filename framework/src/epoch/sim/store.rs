//! A store with transactions: the record of the commit and four tables.

use std::{
    any::Any,
    collections::{BTreeMap, VecDeque},
    sync::Arc,
    time::Duration,
};

use super::{
    check,
    faults::{End, Extent},
    message::Truth,
    plan::TABLES,
    world::{Handle, World},
};
use crate::{
    epoch::{Commit, CommitStore, Committed, Rejected, StoreFault},
    tuple::Value,
};

/// A table: a number by key. To the first one rows are added, in the others they are set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Table(pub(super) usize);

pub(super) const SUMS: Table = Table(0);
pub(super) const LATEST: Table = Table(1);
pub(super) const FIRED: Table = Table(2);
pub(super) const TOTALS: Table = Table(3);

/// What sinks and the store know the tables by.
pub(super) fn tables() -> Vec<Arc<dyn Any + Send + Sync>> {
    (0..TABLES).map(|table| Arc::new(Table(table)) as Arc<dyn Any + Send + Sync>).collect()
}

/// The columns of all tables; a row that is to be rejected says so.
pub(super) const COLUMNS: [&str; 4] = ["key", "value", "reject", "message"];

/// A commit that is in the store.
#[derive(Debug)]
pub(super) struct Done {
    pub(super) commit_id: String,
    /// What all messages up to it come to.
    pub(super) truth: Truth,
}

#[derive(Debug)]
struct Transaction {
    process: usize,
    committed: Committed,
    rows: Vec<(Table, i64, i64)>,
    /// The positions go no further back than to these offsets, if the run has committed often.
    floors: Option<Vec<u64>>,
}

/// What the store has on disk, and its transactions.
#[derive(Debug, Default)]
pub(super) struct Store {
    pub(super) record: Committed,
    pub(super) tables: [BTreeMap<i64, i64>; TABLES],
    /// All commits, in their order.
    pub(super) history: Vec<Done>,
    open: Option<Transaction>,
    /// A transaction whose connection is gone and whose COMMIT is still under way.
    ghost: Option<Transaction>,
    pub(super) away_until: Duration,
}

impl Store {
    /// The connections of this process are gone.
    pub(super) fn cut_off(&mut self, process: usize) {
        self.open.take_if(|open| open.process == process);
    }
}

impl World {
    /// A ghost commits or does not, before anybody gets at the record.
    pub(super) fn resolve_ghost(&mut self) {
        let Some(ghost) = self.store.ghost.take() else { return };
        if self.rng.bool() {
            self.saw("a ghost commits");
            self.tell(|| "a ghost commits".to_owned());
            self.commit(ghost);
        } else {
            self.saw("a ghost is gone");
            self.tell(|| "a ghost is gone".to_owned());
        }
    }

    fn commit(&mut self, transaction: Transaction) {
        let Transaction { committed, rows, floors, .. } = transaction;
        self.saw(if self.faults.on { "a commit in danger" } else { "a commit in peace" });
        self.tell(|| format!("the store commits {committed:?}"));
        for (table, key, value) in rows {
            let cell = self.store.tables[table.0].entry(key).or_default();
            *cell = if table == SUMS { *cell + value } else { value };
        }
        self.store.record = committed;
        check::committed(self, floors.as_deref());
        let commit_id = self.store.record.commit_id.clone();
        let truth = self.truth.clone();
        self.store.history.push(Done { commit_id, truth });
    }

    /// Whether this process can work with the store now.
    fn is_reachable(&self, process: usize) -> Result<(), StoreFault> {
        let other = self.store.open.as_ref().is_some_and(|open| open.process != process);
        if self.now < self.store.away_until {
            Err(StoreFault::Retry("the store is away".to_owned()))
        } else if other {
            Err(StoreFault::Retry("the record is locked".to_owned()))
        } else {
            Ok(())
        }
    }
}

/// A process's connection to the store.
pub(super) struct SimStore {
    handle: Handle,
    /// It was told that it may not commit any more.
    is_fenced: bool,
    /// The floors of the queues at the last few commits of this run.
    floors: VecDeque<Vec<u64>>,
    /// The epoch of the last of them.
    last: u64,
}

/// A source may not know of the last two floors; positions go no further back than to the one
/// before.
const FLOORS: usize = 4;

impl SimStore {
    pub(super) fn new(handle: Handle) -> Self {
        SimStore { handle, is_fenced: false, floors: VecDeque::new(), last: 0 }
    }

    /// A call that loses the transaction when it fails.
    fn call<T>(
        &self,
        name: &'static str,
        failed: fn(String) -> StoreFault,
        work: impl FnOnce(&mut World) -> Result<T, StoreFault>,
    ) -> Result<T, StoreFault> {
        let process = self.handle.process;
        let done = self.handle.call(name, failed, |world, _| {
            world.is_reachable(process)?;
            work(world)
        });
        if done.is_err() {
            self.handle.world().store.cut_off(process);
        }
        done
    }
}

impl CommitStore for SimStore {
    fn claim(&mut self, _: u64) -> Result<Committed, StoreFault> {
        self.call("store.claim", StoreFault::Retry, |world| {
            world.resolve_ghost();
            world.store.record.incarnation += 1;
            Ok(world.store.record.clone())
        })
    }

    fn begin(&mut self, commit: &Commit) -> Result<(), StoreFault> {
        let (process, is_fenced) = (self.handle.process, self.is_fenced);
        let oldest = self.floors.front().filter(|_| self.floors.len() == FLOORS).cloned();
        let done = self.call("store.begin", StoreFault::Refused, |world| {
            world.check(!is_fenced, || format!("process {process} was fenced and goes on"));
            let open = world.store.open.is_some();
            world.check(!open, || "a transaction began within a transaction".to_owned());
            if world.store.ghost.is_some() {
                return Err(StoreFault::Retry("the record is locked by a ghost".to_owned()));
            }
            let record = &world.store.record;
            if (record.incarnation, record.epoch + 1) != (commit.incarnation, commit.epoch) {
                let found = (record.incarnation, record.epoch);
                world.saw("fenced at the store");
                return Err(StoreFault::Fenced(format!("the store is at {found:?}")));
            }
            let committed = Committed {
                incarnation: commit.incarnation,
                epoch: commit.epoch,
                commit_id: commit.commit_id.clone(),
                positions: commit.positions.clone(),
            };
            let rows = Vec::new();
            world.store.open = Some(Transaction { process, committed, rows, floors: oldest });
            Ok(())
        });
        self.is_fenced = matches!(done, Err(StoreFault::Fenced(_)));
        done
    }

    fn rows(&mut self, commit: &Commit) -> Result<Vec<Rejected>, StoreFault> {
        self.call("store.rows", StoreFault::Unknown, |world| {
            let mut rejected = Vec::new();
            let mut written = Vec::new();
            for (table, rows) in commit.rows.iter().enumerate() {
                let into = rows.table.downcast_ref::<Table>().copied();
                for (row, values) in rows.values.chunks(rows.columns).enumerate() {
                    match (into, values) {
                        (Some(into), [Value::Int(key), Value::Int(value), Value::Int(0), _]) => {
                            written.push((into, *key, *value));
                        }
                        _ => {
                            rejected.push(Rejected { table, row, reason: "rejected".to_owned() });
                        }
                    }
                }
            }
            match &mut world.store.open {
                Some(open) => open.rows = written,
                None => world.violate("rows were written outside of a transaction"),
            }
            Ok(rejected)
        })
    }

    fn commit(&mut self) -> Result<(), StoreFault> {
        let process = self.handle.process;
        let mut world = self.handle.world();
        if self.handle.is_dead() {
            return Err(StoreFault::Unknown("the process is dead".to_owned()));
        }
        let Some(open) = world.store.open.take() else {
            world.violate("a commit outside of a transaction");
            return Err(StoreFault::Retry("no transaction".to_owned()));
        };
        let redo = world.folders[self.handle.folder].redo.flatten_id();
        let id = open.committed.commit_id.clone();
        world.check(redo == Some(id.to_string()), || {
            format!("the store is to commit {id}, but the redo on disk is {redo:?}")
        });
        if world.now < world.store.away_until {
            return Err(StoreFault::Retry("the store is away".to_owned()));
        }
        let World { faults, rng, store, .. } = &mut *world;
        let (extent, end) = faults.draw(rng, store.record.epoch);
        if end == End::Error && extent == Extent::Nothing && world.rng.bool() {
            world.saw("a commit that is lost");
            return Err(StoreFault::Retry("the transaction is lost".to_owned()));
        }
        let fate = (Extent::All, end);
        if self.last != open.committed.epoch {
            self.last = open.committed.epoch;
            self.floors.push_back(world.queues.iter().map(|queue| queue.floor()).collect());
            if self.floors.len() > FLOORS {
                self.floors.pop_front();
            }
        }
        self.handle.end_call(world, "store.commit", fate, StoreFault::Unknown, |world, _| {
            match extent {
                Extent::All => world.commit(open),
                Extent::Part => world.store.ghost = Some(open),
                Extent::Nothing => world.tell(|| format!("process {process} never commits")),
            }
            Ok(())
        })
    }

    fn roll_back(&mut self) {
        self.handle.world().store.cut_off(self.handle.process);
    }

    fn look(&mut self) -> Result<Committed, StoreFault> {
        self.call("store.look", StoreFault::Retry, |world| {
            world.saw("a look after a commit of which nobody knows");
            world.resolve_ghost();
            Ok(world.store.record.clone())
        })
    }

    fn name(&self) -> String {
        "the store".to_owned()
    }
}
