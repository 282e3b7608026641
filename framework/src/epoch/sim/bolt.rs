//! The task of a bolt, as `engine/task/bolt.rs` has it, without threads and clocks.

use std::{any::Any, collections::VecDeque, sync::Arc, time::Duration};

use super::{
    bolts::{BOLTS, Bench, COUNT, Row, TOTAL, Trouble, What},
    spout::SimSpout,
    world::Handle,
};
use crate::{
    ack::{Failure, FailureKind},
    engine::epochs::{BoltEpochs, Replies, Reply},
    error::Error,
};

/// What ends a turn early.
pub(super) enum Fall {
    /// The bolt is gone and something of the epoch with it.
    Lost(String),
    /// The process is gone.
    Death,
}

pub(super) struct SimBolt {
    handle: Handle,
    pub(super) bolt: usize,
    epochs: BoltEpochs,
    replies: Replies,
    tables: Arc<[Arc<dyn Any + Send + Sync>]>,
    names: Arc<[String]>,
    id: Arc<str>,
    is_alive: bool,
    pub(super) is_halted: bool,
    pub(super) inbox: VecDeque<Row>,
    pub(super) out: VecDeque<Row>,
    /// What is first in the inbox is tried again at this time.
    wait: Option<Duration>,
    pub(super) to_flush: bool,
    scratch: Vec<Row>,
}

impl SimBolt {
    pub(super) fn new(
        handle: Handle,
        bolt: usize,
        epochs: BoltEpochs,
        replies: Replies,
        tables: Arc<[Arc<dyn Any + Send + Sync>]>,
        names: Arc<[String]>,
    ) -> Self {
        let mut task = SimBolt {
            handle,
            bolt,
            epochs,
            replies,
            tables,
            names,
            id: BOLTS[bolt].into(),
            is_alive: true,
            is_halted: false,
            inbox: VecDeque::new(),
            out: VecDeque::new(),
            wait: None,
            to_flush: false,
            scratch: Vec::new(),
        };
        task.build();
        task
    }

    fn is_stateful(&self) -> bool {
        matches!(self.bolt, COUNT | TOTAL)
    }

    fn build(&mut self) {
        if self.is_stateful()
            && let Err(error) = self.epochs.open_state()
        {
            self.handle.world().violate(format!("a state cannot be opened: {error}"));
        }
        self.is_alive = true;
    }

    /// Whether nothing is left to be done.
    pub(super) fn is_quiet(&self) -> bool {
        !self.to_flush && self.inbox.is_empty() && self.out.is_empty()
    }

    /// Whether it has work, besides what waits to leave.
    pub(super) fn is_ready(&self, now: Duration) -> bool {
        let works = self.is_alive && !self.is_halted && self.out.is_empty();
        works
            && self.wait.is_none_or(|until| now >= until)
            && (!self.inbox.is_empty() || self.to_flush)
    }

    /// When what is first in its inbox is tried again.
    pub(super) fn due(&self) -> Option<Duration> {
        self.wait
    }

    pub(super) fn turn(&mut self, spouts: &mut [SimSpout]) -> Result<(), Fall> {
        self.wait = None;
        let fallen = match self.inbox.pop_front() {
            Some(row) => self.execute(row, spouts),
            None => self.flush(),
        };
        self.epochs.tell();
        fallen
    }

    fn call<T>(&mut self, work: impl FnOnce(&mut Bench<'_>) -> T) -> T {
        let (now, timer) = {
            let world = self.handle.world();
            (world.now.as_micros() as i64, world.plan.timer_us)
        };
        self.scratch.clear();
        let mut bench = Bench {
            state: self.epochs.state.as_ref(),
            collector: &self.epochs.collector,
            tables: &self.tables,
            names: &self.names,
            now,
            timer,
            out: &mut self.scratch,
        };
        work(&mut bench)
    }

    fn execute(&mut self, row: Row, spouts: &mut [SimSpout]) -> Result<(), Fall> {
        self.epochs.collector.begin_call();
        if let Some(state) = &self.epochs.state {
            state.working().begin_row(0, |_| row.place());
        }
        let bolt = self.bolt;
        let done = self.call(|bench| bench.execute(bolt, &row));
        let done = done.and_then(|()| self.mishap(&row));
        let Err(trouble) = done else {
            if let Some(origin) = row.origin {
                spouts[origin.spout].acks.ack(origin.id, self.scratch.len());
            }
            self.out.extend(self.scratch.drain(..));
            return Ok(());
        };
        self.scratch.clear();
        self.epochs.roll_back();
        match trouble {
            Trouble::Death => Err(Fall::Death),
            Trouble::Error(error) if error.kind() == crate::ErrorKind::Retry => {
                self.inbox.push_front(row);
                Ok(())
            }
            Trouble::Error(error) => {
                self.fail(&row, &Failure::of(&error, &self.id), spouts);
                Ok(())
            }
            Trouble::Panic => {
                let failure = Failure::new(FailureKind::Panic, &self.id, "a panic");
                self.fail(&row, &failure, spouts);
                self.is_alive = false;
                Err(Fall::Lost(format!("{}: a panic", self.id)))
            }
        }
    }

    fn fail(&self, row: &Row, failure: &Failure, spouts: &mut [SimSpout]) {
        self.handle.world().tell(|| format!("{} fails {row:?}: {failure}", self.id));
        match row.origin {
            Some(origin) => spouts[origin.spout].acks.fail(origin.id, failure.clone()),
            None => self.epochs.bury(&row.letter().row(0), failure),
        }
    }

    /// What happens to a row by chance, when all has been written and emitted.
    fn mishap(&mut self, row: &Row) -> Result<(), Trouble> {
        let mut world = self.handle.world();
        let world = &mut *world;
        if world.faults.hiccups(&mut world.rng) {
            world.saw("a row waits");
            self.wait = Some(world.now + Duration::from_micros(world.rng.u64(..5_000)));
            return Err(Error::retry("something is away").into());
        }
        if self.is_stateful() && world.faults.panics(&mut world.rng) {
            // So seldom that the message is not to be blamed.
            let times = match row.what {
                What::Message(_, message) => world.panics.entry(message).or_default(),
                _ => &mut 0,
            };
            if *times + 1 < world.plan.max_attempts {
                *times += 1;
                world.saw("a bolt panics");
                return Err(Trouble::Panic);
            }
        }
        Ok(())
    }

    fn flush(&mut self) -> Result<(), Fall> {
        self.epochs.begin_call();
        let last = self.epochs.door.last.load(std::sync::atomic::Ordering::SeqCst);
        let most = {
            let mut world = self.handle.world();
            let world = &mut *world;
            if self.is_stateful() && world.faults.panics(&mut world.rng) {
                world.saw("a bolt panics when it is flushed");
                self.is_alive = false;
                return Err(Fall::Lost(format!("{}: a panic in flush", self.id)));
            }
            world.rng.usize(1..4)
        };
        let bolt = self.bolt;
        match self.call(|bench| bench.flush(bolt, last, most)) {
            Ok(more) => {
                self.out.extend(self.scratch.drain(..));
                self.to_flush = more;
            }
            Err(error) => {
                self.handle.world().violate(format!("{} cannot flush: {error}", self.id));
            }
        }
        Ok(())
    }

    pub(super) fn cut(&mut self, round: u64, task: u32, next: u64) {
        let cut = self.epochs.cut(task, next);
        // Nobody listens any more when the run is over.
        let _ = self.replies.send((round, Reply::Cut(Box::new(cut))));
    }

    pub(super) fn halt(&mut self, round: u64) {
        self.is_alive = false;
        self.is_halted = true;
        self.out.clear();
        self.wait = None;
        let _ = self.replies.send((round, Reply::Halted));
    }

    pub(super) fn reset(&mut self, epoch: u64) {
        self.epochs.reset(epoch);
        self.is_halted = false;
        self.build();
    }
}
