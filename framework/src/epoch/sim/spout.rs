//! The task of a spout, as `engine/task/spout.rs` has it, without threads and clocks.

use std::{
    collections::{BTreeMap, HashMap, VecDeque},
    sync::Arc,
};

use super::{
    bolts::{Origin, PARSE, Row, What, schema},
    check::spout_id,
    queue::SimSource,
    world::Handle,
};
use crate::{
    ack::{Failure, FailureKind},
    engine::epochs::{DeadQueue, Door, Replies, Reply, SpoutEpochs},
    output::SourceBatch,
    tuple::{Schema, ValueRef},
};

/// A message on its way.
#[derive(Debug)]
pub(super) struct Flying {
    message: usize,
    /// Rows that come of it and are not done.
    left: usize,
    failure: Option<Failure>,
}

/// What becomes of the messages on their way, of one spout.
#[derive(Debug, Default)]
pub(super) struct Acks {
    flying: BTreeMap<u64, Flying>,
    /// Those that have ended, of which the spout has not heard.
    ended: VecDeque<u64>,
}

impl Acks {
    /// Of a row of this message came so many more, and it is done itself.
    pub(super) fn ack(&mut self, id: u64, more: usize) {
        if let Some(flying) = self.flying.get_mut(&id) {
            flying.left += more;
            flying.left -= 1;
            if flying.left == 0 {
                self.ended.push_back(id);
            }
        }
    }

    pub(super) fn fail(&mut self, id: u64, failure: Failure) {
        if let Some(flying) = self.flying.get_mut(&id) {
            flying.failure.get_or_insert(failure);
        }
        self.ack(id, 0);
    }
}

pub(super) struct SimSpout {
    handle: Handle,
    place: usize,
    epochs: SpoutEpochs,
    source: Option<Arc<SimSource>>,
    door: Arc<Door>,
    replies: Replies,
    dead_letters: Arc<DeadQueue>,
    schemas: [Schema; 1],
    id: Arc<str>,
    /// Whether there is a spout: not after it fell, and not while it is halted.
    pub(super) is_alive: bool,
    pub(super) is_halted: bool,
    pub(super) acks: Acks,
    /// Read ahead.
    ahead: VecDeque<(u64, usize)>,
    /// Messages of a source that cannot go back, to be emitted again.
    pub(super) again: VecDeque<(u64, usize)>,
    poison: HashMap<u64, Failure>,
    /// The number of the door for which it has come to rest.
    pub(super) at_rest: u64,
    pub(super) out: VecDeque<Row>,
}

impl SimSpout {
    pub(super) fn new(
        handle: Handle,
        place: usize,
        source: Option<Arc<SimSource>>,
        (door, replies, dead_letters): (Arc<Door>, Replies, Arc<DeadQueue>),
        max_attempts: u32,
    ) -> Self {
        let epochs = SpoutEpochs::new(
            door.clone(),
            replies.clone(),
            dead_letters.clone(),
            place,
            max_attempts,
        );
        SimSpout {
            handle,
            place,
            epochs,
            source,
            door,
            replies,
            dead_letters,
            schemas: [schema()],
            id: spout_id(place).into(),
            is_alive: true,
            is_halted: false,
            acks: Acks::default(),
            ahead: VecDeque::new(),
            again: VecDeque::new(),
            poison: HashMap::new(),
            at_rest: 0,
            out: VecDeque::new(),
        }
    }

    /// Whether a turn would do anything.
    pub(super) fn is_ready(&self) -> bool {
        let number = self.door.number();
        if !self.acks.ended.is_empty() {
            return true;
        }
        if !Door::is_open(number) {
            return self.out.is_empty()
                && self.acks.flying.is_empty()
                && self.at_rest != number
                && !self.is_halted;
        }
        let may = self.door.admits(self.place) && self.door.has_room();
        may && self.is_alive && self.out.is_empty() && self.has_messages()
    }

    fn has_messages(&self) -> bool {
        !self.ahead.is_empty()
            || !self.again.is_empty()
            || match &self.source {
                Some(source) => source.has_more(),
                None => !self.handle.world().kept.is_read(),
            }
    }

    /// What it does when it has its turn. True when the spout panics.
    pub(super) fn turn(&mut self) -> bool {
        self.settle();
        let number = self.door.number();
        let mut panics = false;
        if Door::is_open(number) {
            if self.is_alive && self.out.is_empty() {
                panics = self.emit();
            }
        } else if self.out.is_empty() && self.acks.flying.is_empty() {
            self.at_rest = number;
        }
        panics
    }

    fn emit(&mut self) -> bool {
        let most = {
            let mut world = self.handle.world();
            let world = &mut *world;
            if world.faults.panics(&mut world.rng) {
                world.saw("a spout panics");
                self.is_alive = false;
                self.ahead.clear();
                return true;
            }
            world.rng.usize(1..5)
        };
        let got = self.epochs.take(most);
        if got == 0 {
            return false;
        }
        let mut condemned = self.epochs.is_condemned();
        let mut used = 0;
        while used < got
            && let Some((id, message)) = self.next()
        {
            self.hand_out(id, message, std::mem::take(&mut condemned));
            used += 1;
        }
        self.door.used(got, used);
        false
    }

    fn next(&mut self) -> Option<(u64, usize)> {
        if let Some(again) = self.again.pop_front() {
            return Some(again);
        }
        match &self.source {
            Some(source) if self.ahead.is_empty() => self.ahead.extend(source.read(8)),
            Some(_) => {}
            None => self.ahead.extend(self.handle.world().kept.read(self.handle.process)),
        }
        self.ahead.pop_front()
    }

    fn hand_out(&mut self, id: u64, message: usize, condemned: bool) {
        let failure = if condemned {
            Some(Failure::new(FailureKind::Panic, &self.id, "killed the worker"))
        } else {
            self.poison.get(&id).cloned()
        };
        {
            let mut world = self.handle.world();
            world.tell(|| format!("spout {} hands out {id}: {failure:?}", self.place));
            if failure.is_none() {
                let what = What::Message(Arc::new(world.messages[message].clone()), message);
                let origin = Some(Origin { spout: self.place, id });
                self.out.push_back(Row { to: PARSE, origin, what });
            } else {
                world.saw(if condemned { "condemned" } else { "panicked too often" });
            }
        }
        let left = usize::from(failure.is_none());
        if left == 0 {
            self.acks.ended.push_back(id);
        }
        self.acks.flying.insert(id, Flying { message, left, failure });
    }

    fn settle(&mut self) {
        while let Some(id) = self.acks.ended.pop_front() {
            let Some(flying) = self.acks.flying.remove(&id) else { continue };
            let batch = self.source.is_none().then(|| self.kept(id, flying.message));
            match &flying.failure {
                None => self.epochs.done(&[id]),
                Some(failure) => {
                    let tuple = batch.as_ref().and_then(|batch| batch.kept_row(0));
                    let letter = tuple.map(|tuple| self.dead_letters.letter(&tuple, failure));
                    self.epochs.fail(id, failure, letter);
                }
            }
            if let Some(batch) = batch {
                self.epochs.keep(batch);
            }
        }
    }

    fn kept(&self, id: u64, message: usize) -> SourceBatch {
        let mut batch = SourceBatch::default();
        batch.ids.push(id);
        batch.keep(&self.schemas, 0, &[-1, -1, -1, message as i64].map(ValueRef::Int));
        batch
    }

    pub(super) fn cut(&mut self, round: u64, task: u32, next: u64) {
        self.settle();
        self.poison.clear();
        self.epochs.hand_over(round, task, next);
    }

    pub(super) fn halt(&mut self, round: u64) {
        self.is_alive = false;
        self.is_halted = true;
        self.ahead.clear();
        self.out.clear();
        // Nobody listens any more when the run is over.
        let _ = self.replies.send((round, Reply::Halted));
    }

    /// Begins anew behind the last commit.
    pub(super) fn reset(&mut self, epoch: u64) {
        self.acks.ended.clear();
        for (id, flying) in std::mem::take(&mut self.acks.flying) {
            if let Some(failure) = &flying.failure {
                self.epochs.remember(id, failure);
            }
            if self.source.is_none() {
                let batch = self.kept(id, flying.message);
                self.epochs.keep_lost(batch);
            }
        }
        let again = self.epochs.begin_anew(epoch, self.source.is_some());
        self.poison = self.epochs.poison();
        self.again.extend(again.iter().map(|(id, _, values)| match values.last() {
            Some(crate::tuple::Value::Int(message)) => (*id, *message as usize),
            _ => (*id, usize::MAX),
        }));
        self.again.make_contiguous().sort_unstable();
        self.is_halted = false;
        self.is_alive = true;
    }
}
