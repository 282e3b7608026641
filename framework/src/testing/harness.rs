//! One bolt alone: rows in, rows out, commits and restarts in between.

use std::{collections::VecDeque, sync::Arc};

use super::MemoryState;
use crate::{
    AnyBolt, Bolt, BoltFactory, Clock, Error, Flush, Grouping, Input, Inputs, Resources, Result,
    Schema, State, TaskContext, Value, ValueRef,
    engine::{Edge, Ends, Inbox, TaskSignal},
    output::{Output, StreamOut, Subscriber},
    state::{Groups, Working},
    tuple::TupleBatch,
};

/// Runs one task of a bolt as the engine would, row by row.
///
/// ```
/// use squall_framework::{Kind, Schema, Value, testing::{BoltHarness, Discard}};
/// let schema = Schema::new([("n", Kind::Int)]);
/// let mut harness = BoltHarness::new(|| Ok(Discard), &[("numbers", schema, &["n"])])?;
/// harness.execute(0, &[Value::Int(1)])?;
/// assert!(harness.commit()?.is_empty());
/// # Ok::<(), squall_framework::AnyError>(())
/// ```
pub struct BoltHarness {
    factory: BoltFactory,
    inputs: Arc<Inputs>,
    streams: Vec<(String, Schema)>,
    bolt: Box<dyn Bolt>,
    state: Option<State>,
    disk: MemoryState,
    clock: Clock,
    resources: Resources,
    memory: usize,
    senders: usize,
    epoch: u64,
    out: Output,
    inboxes: Vec<Arc<Inbox>>,
    emitted: Vec<(String, Vec<Value>)>,
}

/// An input of a harness: the id of who emits it, its fields, and the fields that it is grouped by.
pub type HarnessInput<'a> = (&'a str, Schema, &'a [&'a str]);

impl BoltHarness {
    /// A bolt that reads these inputs.
    ///
    /// # Errors
    /// The bolt cannot be made, or finds its inputs wrong.
    pub fn new<B: Bolt>(
        make: impl Fn() -> Result<B> + Send + Sync + 'static,
        inputs: &[HarnessInput<'_>],
    ) -> Result<Self> {
        Self::of(Arc::new(move || Ok(AnyBolt::Row(Box::new(make()?)))), inputs)
    }

    /// As [`new`](Self::new), from a factory as component types make them.
    ///
    /// # Errors
    /// As [`new`](Self::new), and a bolt that works on batches is none for this harness.
    pub fn of(factory: BoltFactory, inputs: &[HarnessInput<'_>]) -> Result<Self> {
        let inputs = inputs.iter().map(|(from, schema, keys)| Input {
            from: (*from).into(),
            stream: "default".into(),
            schema: schema.clone(),
            keys: Some(keys.iter().map(|key| (*key).to_owned()).collect()),
        });
        let inputs = Arc::new(Inputs::new(inputs.collect()));
        let declared = factory()?.declare(&inputs)?;
        let streams: Vec<_> =
            declared.all().iter().map(|s| (s.name.clone(), s.schema.clone())).collect();
        let inboxes: Vec<Arc<Inbox>> = streams.iter().map(|_| Arc::default()).collect();
        let outs = streams.iter().zip(&inboxes).map(|((_, schema), inbox)| {
            let ends = Ends {
                number: 0,
                input: 0,
                from: 0,
                to: 1,
                inbox: inbox.clone(),
                receiver: TaskSignal::new(),
                sender: TaskSignal::new(),
            };
            let edge = Edge::new(ends, u64::MAX / 4, u64::MAX / 4);
            let subscriber = Subscriber::new(&Grouping::Global, schema, vec![edge], vec![], 0);
            StreamOut::new(schema, vec![subscriber])
        });
        let out = Output::new("bolt".into(), declared.clone(), outs.collect(), false);
        let senders = inputs.all().len();
        let mut harness = BoltHarness {
            bolt: row_bolt(&factory)?,
            factory,
            inputs,
            streams,
            state: None,
            disk: MemoryState::default(),
            clock: Clock::set_to(0),
            resources: Resources::default(),
            memory: usize::MAX,
            senders,
            epoch: 1,
            out,
            inboxes,
            emitted: Vec::new(),
        };
        harness.restart()?;
        Ok(harness)
    }

    /// Lends resources to the bolt, which is made again.
    ///
    /// # Errors
    /// The bolt cannot be prepared.
    pub fn with_resources(mut self, resources: Resources) -> Result<Self> {
        self.resources = resources;
        self.restart()?;
        Ok(self)
    }

    /// Allows so many bytes of state in memory; the bolt is made again.
    ///
    /// # Errors
    /// The bolt cannot be prepared.
    pub fn with_memory(mut self, bytes: usize) -> Result<Self> {
        self.memory = bytes;
        self.restart()?;
        Ok(self)
    }

    /// So many tasks send to the bolt, which is made again; by default one for each input.
    ///
    /// # Errors
    /// The bolt cannot be prepared.
    pub fn with_senders(mut self, senders: usize) -> Result<Self> {
        self.senders = senders;
        self.restart()?;
        Ok(self)
    }

    /// The clock that the bolt sees, at 0 in the beginning.
    #[must_use]
    pub fn clock(&self) -> &Clock {
        &self.clock
    }

    /// The states that were committed.
    #[must_use]
    pub fn disk(&self) -> &MemoryState {
        &self.disk
    }

    /// Everything since the last commit is forgotten and the bolt made again, as after a crash.
    ///
    /// # Errors
    /// The bolt cannot be made or prepared.
    pub fn restart(&mut self) -> Result<()> {
        self.drop_emitted();
        self.bolt = row_bolt(&self.factory)?;
        self.state = None;
        if self.bolt.stateful() {
            let columns = self.inputs.all().iter().map(|input| {
                let keys = input.keys.iter().flatten();
                keys.filter_map(|key| input.schema.index(key)).collect()
            });
            let mut working = Working::open(
                "bolt".into(),
                Groups { index: 0, parallelism: 1 },
                columns.collect(),
                Arc::new(self.disk.clone()),
                self.memory,
            )?;
            working.begin_epoch(self.epoch);
            self.state = Some(State::new(working));
        }
        let context = TaskContext {
            topology: "test".into(),
            component: "bolt".into(),
            task: 0,
            index: 0,
            parallelism: 1,
            inputs: self.inputs.clone(),
            senders: self.senders,
            resources: self.resources.clone(),
            waker: TaskSignal::new().waker(),
            clock: self.clock.clone(),
            state: self.state.clone(),
            collector: None,
            source: None,
        };
        self.bolt.prepare(&context)
    }

    /// Gives the bolt a row of the input of this index, from its only sender.
    ///
    /// # Errors
    /// What `execute` says; then nothing of that call is left.
    pub fn execute(&mut self, input: usize, row: &[Value]) -> Result<()> {
        self.execute_from(input, input, row)
    }

    /// As [`execute`](Self::execute), from one of several senders.
    ///
    /// # Errors
    /// As [`execute`](Self::execute).
    pub fn execute_from(&mut self, input: usize, sender: usize, row: &[Value]) -> Result<()> {
        let all = self.inputs.all();
        let of = all.get(input).ok_or_else(|| Error::data(format!("there is no input {input}")))?;
        let mut batch = TupleBatch::new(of.schema.clone(), 0);
        batch.address(input as u32, sender as u32);
        let row: Vec<ValueRef<'_>> = row.iter().map(Value::as_ref).collect();
        batch.push(&row);
        self.out.anchor.begin(Default::default());
        self.out.anchor.set_row(0);
        if let Some(state) = &self.state {
            state.working().begin_row(input, |column| batch.row(0).at(column));
        }
        let done = self.bolt.execute(&batch.row(0), &mut self.out);
        if done.is_err() {
            self.out.roll_back();
            if let Some(state) = &self.state {
                state.working().roll_back();
            }
        }
        self.out.flush();
        self.collect();
        done
    }

    /// Ends the epoch: asks the bolt for what it holds back, commits its state, and gives all rows
    /// that were emitted since the last commit, of whatever stream.
    ///
    /// # Errors
    /// What `flush` says.
    pub fn commit(&mut self) -> Result<Vec<Vec<Value>>> {
        Ok(self.end_epoch(false)?.into_iter().map(|(_, row)| row).collect())
    }

    /// As [`commit`](Self::commit), at the end of the input.
    ///
    /// # Errors
    /// What `flush` says.
    pub fn commit_last(&mut self) -> Result<Vec<Vec<Value>>> {
        Ok(self.end_epoch(true)?.into_iter().map(|(_, row)| row).collect())
    }

    /// As [`commit`](Self::commit), with the name of the stream of each row.
    ///
    /// # Errors
    /// What `flush` says.
    pub fn end_epoch(&mut self, last: bool) -> Result<Vec<(String, Vec<Value>)>> {
        self.out.set_last(last);
        loop {
            if let Some(state) = &self.state {
                state.working().begin_call();
            }
            let more = self.bolt.flush(&mut self.out)?;
            self.out.flush();
            self.collect();
            if more == Flush::Done {
                break;
            }
        }
        if let Some(state) = &self.state {
            let mut working = state.working();
            let changes = working.freeze();
            self.disk.apply(self.epoch, &[changes]);
            self.epoch += 1;
            working.begin_epoch(self.epoch);
        }
        Ok(std::mem::take(&mut self.emitted))
    }

    fn drop_emitted(&mut self) {
        self.out.flush();
        self.collect();
        self.emitted.clear();
    }

    fn collect(&mut self) {
        for ((name, _), inbox) in self.streams.iter().zip(&self.inboxes) {
            let mut deliveries = VecDeque::new();
            inbox.take(&mut deliveries);
            for delivery in deliveries {
                for row in delivery.batch.rows() {
                    let values = row.values().map(ValueRef::to_owned).collect();
                    self.emitted.push((name.clone(), values));
                }
            }
        }
    }
}

fn row_bolt(factory: &BoltFactory) -> Result<Box<dyn Bolt>> {
    match factory()? {
        AnyBolt::Row(bolt) => Ok(bolt),
        AnyBolt::Batch(_) => Err(Error::data("a bolt that works on batches is none for this")),
    }
}
