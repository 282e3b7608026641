//! What a task has of the epochs.

use std::{
    ops::Range,
    sync::{Arc, mpsc::Sender},
};

use super::door::Door;
use crate::{
    ack::Failure,
    component::Inputs,
    epoch::{Collected, Collector, Frozen, OutboxMessage, SourceDead, as_json},
    error::Result,
    state::{Changes, Groups, State, StateReader, Working},
    tuple::Tuple,
};

/// What a task says to the coordinator.
pub(crate) enum Reply {
    /// What the epoch leaves here.
    Cut(Box<Cut>),
    /// The task has dropped what it had.
    Halted,
}

/// What the epoch leaves in one task.
#[derive(Default)]
pub(crate) struct Cut {
    pub(crate) task: u32,
    pub(crate) changes: Option<Changes>,
    pub(crate) collected: Collected,
    /// Offsets that a spout read and that are done.
    pub(crate) read: Vec<Range<u64>>,
    /// Messages of a spout that become dead letters.
    pub(crate) dead: Vec<SourceDead>,
    pub(crate) done: u64,
    pub(crate) failed: u64,
    pub(crate) reason: Option<String>,
}

/// Puts together what the tasks have handed over; `spout` is the id of a task's spout, if it is of
/// one.
pub(crate) fn assemble(cuts: &mut Vec<Cut>, spout: impl Fn(u32) -> Option<String>) -> Frozen {
    let mut frozen = Frozen::default();
    cuts.sort_by_key(|cut| cut.task);
    for cut in cuts.drain(..) {
        if let Some(id) = spout(cut.task) {
            frozen.read.push((id.clone(), cut.read));
            frozen.dead.push((id, cut.dead));
            frozen.done += cut.done;
            frozen.failed += cut.failed;
            frozen.reason = cut.reason.or(frozen.reason);
        }
        frozen.changes.extend(cut.changes);
        frozen.rows.extend(cut.collected.rows);
        frozen.outbox.extend(cut.collected.messages);
    }
    frozen
}

/// Where replies go: the round that is answered, and the answer.
pub(crate) type Replies = Sender<(u64, Reply)>;

/// The part of a bolt's task that has to do with epochs.
pub(crate) struct BoltEpochs {
    pub(crate) door: Arc<Door>,
    pub(crate) replies: Replies,
    pub(crate) collector: Collector,
    pub(crate) state: Option<State>,
    pub(crate) halted: bool,
    dead_letters: Arc<DeadQueue>,
    place: StatePlace,
    epoch: u64,
    /// Bytes of changes that the door knows of.
    told: usize,
}

/// Where dead letters of a topology go that are no messages of a source.
pub(crate) struct DeadQueue {
    pub(crate) topology: Arc<str>,
    pub(crate) queue: String,
}

impl DeadQueue {
    /// A letter for a row.
    pub(crate) fn letter(&self, tuple: &Tuple<'_>, failure: &Failure) -> OutboxMessage {
        let values = tuple.values().map(|value| as_json(&value.to_owned()));
        let names = tuple.schema().names().map(str::to_owned);
        let body = serde_json::Value::Object(names.zip(values).collect()).to_string();
        let header = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        // Headers have room for 8 KiB together.
        let reason: String = failure.reason.chars().take(1_000).collect();
        OutboxMessage {
            queue: self.queue.clone(),
            body: body.into_bytes(),
            headers: vec![
                header("topology", &self.topology),
                header("bolt", &failure.component),
                header("reason", &reason),
            ],
        }
    }
}

/// Where a task's state is.
#[derive(Clone)]
pub(crate) struct StatePlace {
    pub(crate) reader: Arc<dyn StateReader>,
    pub(crate) component: Arc<str>,
    pub(crate) groups: Groups,
    pub(crate) inputs: Arc<Inputs>,
    /// Bytes of state that may be kept in memory.
    pub(crate) memory: usize,
}

impl StatePlace {
    fn open(&self, epoch: u64) -> Result<State> {
        let columns = self.inputs.all().iter().map(|input| {
            let keys = input.keys.iter().flatten();
            keys.filter_map(|key| input.schema.index(key)).collect()
        });
        let (component, reader) = (self.component.clone(), self.reader.clone());
        let mut working =
            Working::open(component, self.groups, columns.collect(), reader, self.memory)?;
        working.begin_epoch(epoch);
        Ok(State::new(working))
    }
}

impl BoltEpochs {
    pub(crate) fn new(
        place: StatePlace,
        door: Arc<Door>,
        replies: Replies,
        dead_letters: Arc<DeadQueue>,
        epoch: u64,
    ) -> Self {
        let collector = Collector::new(place.component.clone(), door.bytes.clone());
        BoltEpochs {
            door,
            replies,
            collector,
            state: None,
            halted: false,
            dead_letters,
            place,
            epoch,
            told: 0,
        }
    }

    /// The state for a bolt that is made, as of the last commit. One that is there already stays:
    /// what the epoch has changed is in it.
    pub(crate) fn open_state(&mut self) -> Result<State> {
        if let Some(state) = &self.state {
            return Ok(state.clone());
        }
        let state = self.place.open(self.epoch)?;
        self.state = Some(state.clone());
        Ok(state)
    }

    /// A call begins that works on no row, or on many.
    pub(crate) fn begin_call(&self) {
        self.collector.begin_call();
        if let Some(state) = &self.state {
            state.working().begin_call();
        }
    }

    /// A row that comes of no message has failed for good.
    pub(crate) fn bury(&self, tuple: &Tuple<'_>, failure: &Failure) {
        tracing::warn!(reason = %failure, "dead letter");
        self.collector.message(self.dead_letters.letter(tuple, failure));
    }

    /// Takes back what the call in hand has written.
    pub(crate) fn roll_back(&self) {
        self.collector.roll_back();
        if let Some(state) = &self.state {
            state.working().roll_back();
        }
    }

    /// Tells the door how much the state has changed.
    pub(crate) fn tell(&mut self) {
        if let Some(state) = &self.state {
            let changed = state.working().changed();
            let more = changed.saturating_sub(self.told) as u64;
            self.told = changed;
            self.door.bytes.fetch_add(more, std::sync::atomic::Ordering::Relaxed);
        }
    }

    /// Hands over what the epoch leaves, and goes on with the next one.
    pub(crate) fn cut(&mut self, task: u32, next: u64) -> Cut {
        let changes = self.state.as_ref().map(|state| {
            let mut working = state.working();
            let changes = working.freeze();
            working.begin_epoch(next);
            changes
        });
        self.epoch = next;
        self.told = 0;
        Cut { task, changes, collected: self.collector.take(), ..Cut::default() }
    }

    /// Forgets everything since the last commit.
    pub(crate) fn reset(&mut self, epoch: u64) {
        self.state = None;
        self.collector.take();
        self.epoch = epoch;
        self.told = 0;
        self.halted = false;
    }
}
