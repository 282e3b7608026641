//! A queue, and the source that a run claims of it.

use std::{
    any::Any,
    ops::Range,
    sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed},
};

use fastrand::Rng;
use parking_lot::Mutex;

use super::{
    faults::Extent,
    world::{Handle, World},
};
use crate::{
    epoch::{ReplayableSource, SourceClaim, SourceDead},
    error::{Error, ErrorKind, Result},
};

/// What a queue has on disk.
#[derive(Debug, Default)]
pub(super) struct Queue {
    /// The messages in the order of their offsets, as numbers of all messages.
    pub(super) messages: Vec<usize>,
    pub(super) settled: Vec<bool>,
    pub(super) dead: Vec<SourceDead>,
    generation: u64,
    /// The highest run that has claimed it.
    holder: u64,
    /// The highest floor that anybody was told of: what is settled above it may be forgotten.
    told: u64,
}

impl Queue {
    pub(super) fn send(&mut self, message: usize) {
        self.messages.push(message);
        self.settled.push(false);
    }

    pub(super) fn floor(&self) -> u64 {
        self.settled.iter().take_while(|settled| **settled).count() as u64
    }

    /// All messages are to be read again.
    pub(super) fn rewind(&mut self) {
        self.settled.fill(false);
        self.generation += 1;
    }

    /// Of what is settled only the floor is sure, and what became a dead letter.
    fn forget(&mut self, rng: &mut Rng) {
        for offset in self.told as usize..self.settled.len() {
            let dead = self.dead.iter().any(|dead| dead.offset == offset as u64);
            self.settled[offset] &= dead || rng.bool();
        }
    }

    pub(super) fn is_done(&self) -> bool {
        self.settled.iter().all(|settled| *settled)
    }
}

/// Messages of a spout whose source cannot go back: who reads one has the only copy.
#[derive(Debug, Default)]
pub(super) struct Kept {
    pub(super) messages: Vec<usize>,
    /// Which process has read it.
    pub(super) read_by: Vec<usize>,
}

impl Kept {
    pub(super) fn read(&mut self, process: usize) -> Option<(u64, usize)> {
        let offset = self.read_by.len();
        let message = *self.messages.get(offset)?;
        self.read_by.push(process);
        Some((offset as u64, message))
    }

    pub(super) fn is_read(&self) -> bool {
        self.read_by.len() == self.messages.len()
    }
}

/// What a run knows of a queue without asking: it looks which messages are settled when it claims
/// the queue or goes back, and then only at what follows.
#[derive(Debug, Default)]
struct Ahead {
    settled: Vec<bool>,
    cursor: usize,
}

impl Ahead {
    fn go_back(&mut self, queue: &Queue) {
        self.settled.clone_from(&queue.settled);
        self.cursor = 0;
    }

    /// The next offset that is to be read, if there is one below `end`.
    fn skip_settled(&mut self, end: usize) -> Option<usize> {
        while self.settled.get(self.cursor).copied().unwrap_or_default() {
            self.cursor += 1;
        }
        (self.cursor < end).then_some(self.cursor)
    }
}

/// What a run has of a queue.
pub(super) struct SimSource {
    handle: Handle,
    queue: usize,
    incarnation: AtomicU64,
    ahead: Mutex<Ahead>,
    /// The floor that this run was told of last, and how often that was.
    told: Mutex<(u64, u32)>,
    /// It was told that another run has the queue.
    is_lost: AtomicBool,
}

impl SimSource {
    pub(super) fn new(handle: Handle, queue: usize) -> Self {
        let (incarnation, ahead, told, is_lost) = Default::default();
        SimSource { handle, queue, incarnation, ahead, told, is_lost }
    }

    /// Reads up to so many messages: their offsets, and their numbers.
    pub(super) fn read(&self, most: usize) -> Vec<(u64, usize)> {
        let world = self.handle.world();
        let queue = &world.queues[self.queue];
        if queue.holder != self.incarnation.load(Relaxed) {
            return Vec::new();
        }
        let (mut ahead, mut read) = (self.ahead.lock(), Vec::new());
        while read.len() < most
            && let Some(offset) = ahead.skip_settled(queue.messages.len())
        {
            read.push((offset as u64, queue.messages[offset]));
            ahead.cursor += 1;
        }
        read
    }

    /// Whether there is something to read.
    pub(super) fn has_more(&self) -> bool {
        let world = self.handle.world();
        let queue = &world.queues[self.queue];
        queue.holder == self.incarnation.load(Relaxed)
            && self.ahead.lock().skip_settled(queue.messages.len()).is_some()
    }

    fn held<'w>(&self, world: &'w mut World) -> Result<&'w mut Queue> {
        let (queue, ours) = (&mut world.queues[self.queue], self.incarnation.load(Relaxed));
        if queue.holder == ours {
            return Ok(queue);
        }
        Err(Error::data(format!("run {} has the queue, not run {ours}", queue.holder)))
    }

    /// A run that has heard that its claim is lost must not go on.
    fn heed(&self, done: Result<()>) -> Result<()> {
        if done.as_ref().is_err_and(|error| error.kind() == ErrorKind::Data) {
            let again = self.is_lost.swap(true, Relaxed);
            let mut world = self.handle.world();
            world.saw("fenced at the queue");
            world.check(!again, || "a run lost its queue and goes on settling".to_owned());
        }
        done
    }

    /// Settles some of these offsets, as many as `extent` says, and says which were not settled.
    fn settle_some(
        &self,
        world: &mut World,
        offsets: impl Iterator<Item = u64>,
        extent: Extent,
    ) -> Result<Vec<u64>> {
        self.held(world)?;
        let mut fresh = Vec::new();
        for offset in offsets {
            if extent == Extent::Part && world.rng.bool() {
                continue;
            }
            let message = world.queues[self.queue].messages[offset as usize];
            let done = world.done[message];
            world.check(done, || format!("offset {offset} was settled before it was committed"));
            if !std::mem::replace(&mut world.queues[self.queue].settled[offset as usize], true) {
                fresh.push(offset);
            }
        }
        Ok(fresh)
    }
}

impl ReplayableSource for SimSource {
    fn claim(&self, claim: &SourceClaim) -> Result<String> {
        self.handle.call("queue.claim", Error::retry, |world, _| {
            if world.faults.on && world.rng.u8(..8) == 0 {
                world.saw("the queue forgets");
                let World { queues, rng, .. } = world;
                queues[self.queue].forget(rng);
            }
            let queue = &mut world.queues[self.queue];
            if queue.holder > claim.incarnation {
                let holder = queue.holder;
                return Err(Error::data(format!("run {holder} has the queue")));
            }
            queue.holder = claim.incarnation;
            self.incarnation.store(claim.incarnation, Relaxed);
            self.ahead.lock().go_back(queue);
            Ok(format!("queue {}, generation {}", self.queue, queue.generation + 1))
        })
    }

    fn settle(&self, ranges: &[Range<u64>]) -> Result<()> {
        let done = self.handle.call("queue.settle", Error::retry, |world, extent| {
            world.tell(|| format!("settle {ranges:?} of queue {}", self.queue));
            self.settle_some(world, ranges.iter().cloned().flatten(), extent).map(|_| ())
        });
        self.heed(done)
    }

    fn dead_letter(&self, dead: &[SourceDead]) -> Result<()> {
        let done = self.handle.call("queue.dead_letter", Error::retry, |world, extent| {
            world.tell(|| format!("dead letters {dead:?} of queue {}", self.queue));
            let fresh = self.settle_some(world, dead.iter().map(|dead| dead.offset), extent)?;
            let letters = dead.iter().filter(|letter| fresh.contains(&letter.offset)).cloned();
            world.queues[self.queue].dead.extend(letters);
            Ok(())
        });
        self.heed(done)
    }

    fn floor(&self) -> u64 {
        let mut world = self.handle.world();
        let World { queues, rng, .. } = &mut *world;
        let (queue, told) = (&mut queues[self.queue], &mut *self.told.lock());
        // What a run knows of the floor may be old.
        *told = match told.1 < 2 && rng.bool() {
            true => (told.0, told.1 + 1),
            false => (queue.floor(), 0),
        };
        queue.told = queue.told.max(told.0);
        told.0
    }

    fn rewind(&self) -> Result<()> {
        self.handle.call("queue.rewind", Error::retry, |world, _| {
            let queue = self.held(world)?;
            self.ahead.lock().go_back(queue);
            Ok(())
        })
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}
