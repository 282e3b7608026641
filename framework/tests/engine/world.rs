//! A source, a store and a state folder that outlive the runs of a topology.

use std::{
    any::Any,
    collections::{BTreeMap, BTreeSet},
    ops::Range,
    sync::{Arc, Mutex},
};

use squall_framework::{
    Bolt, Commit, CommitNumber, CommitStore, Committed, Epochs, Inputs, Kind, Merge, Next, Outbox,
    OutboxMessage, Output, Problem, Redo, Rejected, ReplayableSource, Result, Schema, SourceClaim,
    SourceDead, Spout, SpoutOutput, State, StateError, StateReader, StateStore, StoreFault,
    Streams, TaskContext, Tuple, Value, testing::MemoryState,
};

/// What outlives a run. Clones share it.
#[derive(Clone, Default)]
pub(crate) struct World(pub(crate) Arc<Mutex<Inner>>);

#[derive(Default)]
pub(crate) struct Inner {
    pub(crate) committed: Committed,
    pub(crate) table: BTreeMap<i64, i64>,
    pub(crate) commits: u64,
    pub(crate) states: MemoryState,
    pub(crate) applied: (u64, String),
    pub(crate) redo: Option<Redo>,
    notes: BTreeMap<String, String>,
    pub(crate) sent: Vec<OutboxMessage>,
    published: u64,
    pub(crate) settled: BTreeSet<u64>,
    pub(crate) dead: Vec<SourceDead>,
    next: u64,
    pub(crate) messages: u64,
    /// Answers to `begin`, one after the other; then all is well.
    pub(crate) store_faults: Vec<StoreFault>,
    /// Once: a commit that is made, or not, and of which nobody is told.
    pub(crate) unknown: Option<bool>,
}

impl World {
    pub(crate) fn with_messages(messages: u64) -> Self {
        let world = World::default();
        world.0.lock().unwrap().messages = messages;
        world
    }

    pub(crate) fn epochs(&self) -> Epochs {
        Epochs {
            store: Box::new(Store { world: self.clone(), next: None }),
            states: Box::new(self.clone()),
            outbox: Box::new(self.clone()),
            ..Epochs::in_memory()
        }
    }

    pub(crate) fn spout(&self) -> Numbers {
        Numbers { world: self.clone() }
    }

    pub(crate) fn table(&self) -> BTreeMap<i64, i64> {
        self.0.lock().unwrap().table.clone()
    }
}

/// Emits the numbers of the world's messages.
pub(crate) struct Numbers {
    world: World,
}

impl Spout for Numbers {
    fn declare(&self) -> Result<Streams, Problem> {
        Ok(Streams::one(Schema::new([("number", Kind::Int)])))
    }

    fn next(&mut self, out: &mut SpoutOutput) -> Result<Next> {
        let mut world = self.world.0.lock().unwrap();
        while out.room() > 0 {
            while world.settled.contains(&world.next) {
                world.next += 1;
            }
            if world.next >= world.messages {
                return Ok(Next::Idle);
            }
            out.emit(world.next, [world.next as i64])?;
            world.next += 1;
        }
        Ok(Next::More)
    }

    fn source(&self) -> Option<Arc<dyn ReplayableSource>> {
        Some(Arc::new(self.world.clone()))
    }
}

impl ReplayableSource for World {
    fn claim(&self, _: &SourceClaim) -> Result<String> {
        Ok("numbers".into())
    }

    fn settle(&self, ranges: &[Range<u64>]) -> Result<()> {
        self.0.lock().unwrap().settled.extend(ranges.iter().cloned().flatten());
        Ok(())
    }

    fn dead_letter(&self, dead: &[SourceDead]) -> Result<()> {
        let mut world = self.0.lock().unwrap();
        for letter in dead {
            if world.settled.insert(letter.offset) {
                world.dead.push(letter.clone());
            }
        }
        Ok(())
    }

    fn rewind(&self) -> Result<()> {
        self.0.lock().unwrap().next = 0;
        Ok(())
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}

struct Store {
    world: World,
    next: Option<(Committed, BTreeMap<i64, i64>)>,
}

impl CommitStore for Store {
    fn claim(&mut self, _: u64) -> Result<Committed, StoreFault> {
        let mut world = self.world.0.lock().unwrap();
        world.committed.incarnation += 1;
        Ok(world.committed.clone())
    }

    fn begin(&mut self, commit: &Commit) -> Result<(), StoreFault> {
        let mut world = self.world.0.lock().unwrap();
        if let Some(fault) = world.store_faults.pop() {
            return Err(fault);
        }
        let found = &world.committed;
        if (found.incarnation, found.epoch + 1) != (commit.incarnation, commit.epoch) {
            return Err(StoreFault::Fenced("another run has taken over".into()));
        }
        let next = Committed {
            incarnation: commit.incarnation,
            epoch: commit.epoch,
            commit_id: commit.commit_id.clone(),
            positions: commit.positions.clone(),
        };
        self.next = Some((next, world.table.clone()));
        Ok(())
    }

    fn rows(&mut self, commit: &Commit) -> Result<Vec<Rejected>, StoreFault> {
        let (_, table) = self.next.as_mut().unwrap();
        let mut rejected = Vec::new();
        for (index, rows) in commit.rows.iter().enumerate() {
            for (row, values) in rows.values.chunks(rows.columns).enumerate() {
                match values {
                    [Value::Int(key), _] if *key == 13_000 => {
                        rejected.push(Rejected { table: index, row, reason: "unlucky".into() });
                    }
                    [Value::Int(key), Value::Int(value)] => {
                        table.insert(*key, *value);
                    }
                    other => panic!("{other:?}"),
                }
            }
        }
        Ok(rejected)
    }

    fn commit(&mut self) -> Result<(), StoreFault> {
        let mut world = self.world.0.lock().unwrap();
        let unknown = world.unknown.take();
        let (committed, table) = self.next.take().unwrap();
        if unknown != Some(false) {
            world.commits += 1;
            (world.committed, world.table) = (committed, table);
        }
        match unknown {
            None => Ok(()),
            Some(_) => Err(StoreFault::Unknown("the connection broke".into())),
        }
    }

    fn roll_back(&mut self) {
        self.next = None;
    }

    fn look(&mut self) -> Result<Committed, StoreFault> {
        Ok(self.world.0.lock().unwrap().committed.clone())
    }

    fn name(&self) -> String {
        "the test's store".into()
    }
}

impl StateStore for World {
    fn reader(&self) -> Arc<dyn StateReader> {
        Arc::new(self.0.lock().unwrap().states.clone())
    }

    fn applied(&self) -> (u64, String) {
        self.0.lock().unwrap().applied.clone()
    }

    fn redo(&self) -> Result<Option<Redo>, StateError> {
        Ok(self.0.lock().unwrap().redo.clone())
    }

    fn write_redo(&mut self, redo: &Redo) -> Result<(), StateError> {
        self.0.lock().unwrap().redo = Some(redo.clone());
        Ok(())
    }

    fn apply(&mut self, redo: &Redo) -> Result<(), StateError> {
        let mut world = self.0.lock().unwrap();
        world.states.apply(redo.epoch, &redo.changes);
        world.applied = (redo.epoch, redo.commit_id.clone());
        Ok(())
    }

    fn drop_redo(&mut self) -> Result<(), StateError> {
        self.0.lock().unwrap().redo = None;
        Ok(())
    }

    fn put_note(&mut self, name: &str, value: &str) -> Result<(), StateError> {
        self.0.lock().unwrap().notes.insert(name.into(), value.into());
        Ok(())
    }

    fn note(&self, name: &str) -> Result<Option<String>, StateError> {
        Ok(self.0.lock().unwrap().notes.get(name).cloned())
    }
}

impl Outbox for World {
    fn publish(&mut self, _: &str, commit: CommitNumber, messages: &[OutboxMessage]) -> Result<()> {
        let epoch = commit.epoch;
        let mut world = self.0.lock().unwrap();
        if world.published < epoch {
            world.published = epoch;
            world.sent.extend_from_slice(messages);
        }
        Ok(())
    }
}

/// Counts how often each remainder by `of` occurs; emits the counts that changed at the end of the
/// epoch.
pub(crate) struct Count<F> {
    of: i64,
    state: Option<State>,
    touched: BTreeSet<i64>,
    each: F,
}

impl<F: FnMut(i64) -> Result<()>> Count<F> {
    pub(crate) fn new(of: i64, each: F) -> Self {
        Count { of, state: None, touched: BTreeSet::new(), each }
    }
}

impl<F: FnMut(i64) -> Result<()> + 'static> Bolt for Count<F> {
    fn declare(&self, _: &Inputs) -> Result<Streams, Problem> {
        Ok(Streams::one(Schema::new([("key", Kind::Int), ("count", Kind::Int)])))
    }

    fn stateful(&self) -> bool {
        true
    }

    fn prepare(&mut self, context: &TaskContext) -> Result<()> {
        self.state = Some(context.state()?);
        Ok(())
    }

    fn execute(&mut self, tuple: &Tuple<'_>, _: &mut Output) -> Result<()> {
        let state = self.state.as_ref().unwrap();
        let (key, number) = (tuple.int("key")?, tuple.int("number")?);
        assert_eq!(key, number % self.of);
        state.merge("count", Merge::Add, 1)?;
        (self.each)(number)?;
        state.put("key", key)?;
        state.set_timer(Some(0))?;
        self.touched.insert(key);
        Ok(())
    }

    fn flush(&mut self, out: &mut Output) -> Result<squall_framework::Flush> {
        let state = self.state.as_ref().unwrap();
        let mut due = BTreeSet::new();
        while state.next_due(0)?.is_some() {
            let key = state.get("key")?.unwrap();
            out.emit((&key, state.get("count")?))?;
            due.insert(match key {
                Value::Int(key) => key,
                other => panic!("{other:?}"),
            });
        }
        assert_eq!(due, std::mem::take(&mut self.touched), "timers are what was touched");
        Ok(squall_framework::Flush::Done)
    }
}

/// Puts its rows into the table.
#[derive(Default)]
pub(crate) struct Save(Option<(squall_framework::Collector, Arc<dyn Any + Send + Sync>)>);

impl Bolt for Save {
    fn prepare(&mut self, context: &TaskContext) -> Result<()> {
        self.0 = Some((context.collector().unwrap(), Arc::new("table")));
        Ok(())
    }

    fn execute(&mut self, tuple: &Tuple<'_>, _: &mut Output) -> Result<()> {
        let (collector, table) = self.0.as_ref().unwrap();
        let names: Arc<[String]> = ["key".to_owned(), "count".to_owned()].into();
        collector.rows(table, &names, tuple.values().map(|value| value.to_owned()));
        Ok(())
    }
}
