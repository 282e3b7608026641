//! A queue as a source that can go back, for a topology that runs in epochs.

use std::{
    any::Any,
    ops::Range,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use parking_lot::Mutex;
use squall_broker::{Claim, Frame, Queue, Store};
use squall_framework::{
    Error, Next, ReplayableSource, Result, SourceClaim, SourceDead, SpoutOutput,
};

use super::{Start, find_queue, frames::Frames, of_broker};
use crate::replay::Replay;

/// While a group is looked through: so many messages and bytes at a time.
const MESSAGES_PER_LOOK: usize = 100_000;
const BYTES_PER_LOOK: usize = 16 << 20;

/// A group of a queue that one run of a topology reads alone. The spout reads, the coordinator of
/// commits settles; messages that a bolt cannot work on go to the queue's dead letters only with
/// the commit that counts them as dealt with.
pub(crate) struct QueueSource {
    queue: String,
    group: Option<String>,
    start: Start,
    claim: Mutex<Option<Arc<Claim>>>,
    frames: Mutex<Frames>,
    /// What the queue has confirmed.
    floor: AtomicU64,
}

impl QueueSource {
    /// A source that claims `group` of `queue`, by default the one that has the topology's name.
    pub(crate) fn new(queue: &str, group: Option<&str>, start: Start) -> Self {
        Self {
            queue: queue.to_owned(),
            group: group.map(str::to_owned),
            start,
            claim: Mutex::default(),
            frames: Mutex::default(),
            floor: AtomicU64::new(0),
        }
    }

    fn claimed(&self) -> Result<Arc<Claim>> {
        let claim = self.claim.lock().clone();
        claim.ok_or_else(|| Error::retry(format!("queue `{}` is not claimed", self.queue)))
    }

    /// Calls `wake` when there may be messages again after there were none.
    pub(crate) fn on_ready(&self, wake: impl Fn() + Send + Sync + 'static) -> Result<()> {
        self.claimed()?.on_ready(wake);
        Ok(())
    }

    /// Emits the next messages.
    pub(crate) fn next(&self, out: &mut SpoutOutput) -> Result<Next> {
        let claim = self.claimed()?;
        let mut frames = self.frames.lock();
        if out.room() > 0 && !frames.fill(&claim, out.room())? {
            return Ok(Next::Idle);
        }
        frames.emit(out, false)?;
        Ok(Next::More)
    }

    fn note_floor(&self, claim: &Claim) -> Result<()> {
        self.floor.store(claim.floor().map_err(of_broker)?, Ordering::Relaxed);
        Ok(())
    }
}

impl ReplayableSource for QueueSource {
    fn claim(&self, claim: &SourceClaim) -> Result<String> {
        let store = claim.resources.get::<Store>();
        let queue = find_queue(store.as_deref(), &self.queue)?;
        let own = self.group.as_deref().unwrap_or(&claim.topology);
        let taken = match claim.resources.get::<Replay>() {
            None => {
                self.start.make_group(&queue, own)?;
                queue.claim(own, &claim.topology, claim.incarnation).map_err(refused)?
            }
            Some(replay) => replay_group(&queue, own, &replay, claim)?,
        };
        // What a run before had failed, to be tried again later, is due now as all else.
        taken.release_all().map_err(of_broker)?;
        let identity = taken.identity();
        let mut frames = self.frames.lock();
        frames.clear();
        self.note_floor(&taken)?;
        let old = self.claim.lock().replace(Arc::new(taken));
        drop((frames, old));
        Ok(identity)
    }

    fn settle(&self, ranges: &[Range<u64>]) -> Result<()> {
        let claim = self.claimed()?;
        if !ranges.is_empty() {
            let confirm = claim.settle_confirmed(ranges).map_err(of_broker)?;
            confirm.wait().map_err(of_broker)?;
        }
        self.note_floor(&claim)
    }

    fn dead_letter(&self, dead: &[SourceDead]) -> Result<()> {
        let claim = self.claimed()?;
        if !dead.is_empty() {
            let letters: Vec<(u64, &str, &str)> =
                dead.iter().map(|dead| (dead.offset, &*dead.reason, &*dead.by)).collect();
            let confirm = claim.dead_letters(&letters).map_err(of_broker)?;
            confirm.wait().map_err(of_broker)?;
        }
        self.note_floor(&claim)
    }

    fn floor(&self) -> u64 {
        self.floor.load(Ordering::Relaxed)
    }

    fn rewind(&self) -> Result<()> {
        // With what was read held, so that nothing of before is emitted behind this.
        let mut frames = self.frames.lock();
        self.claimed()?.release_all().map_err(of_broker)?;
        frames.clear();
        Ok(())
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}

/// Claims a group that reads once more what the queue keeps.
fn replay_group(queue: &Queue, own: &str, replay: &Replay, claim: &SourceClaim) -> Result<Claim> {
    let suffix = &replay.group_suffix;
    let group = if own.ends_with(suffix) { own.to_owned() } else { format!("{own}{suffix}") };
    let left = match replay.only_settled {
        true => unsettled(queue, own)?,
        false => Vec::new(),
    };
    Start::At(replay.from_ms).make_group(queue, &group)?;
    let taken = queue.claim(&group, &claim.topology, claim.incarnation).map_err(refused)?;
    if !left.is_empty() {
        taken.settle_confirmed(&left).and_then(|confirm| confirm.wait()).map_err(of_broker)?;
    }
    Ok(taken)
}

/// What the group has not dealt with.
fn unsettled(queue: &Queue, group: &str) -> Result<Vec<Range<u64>>> {
    let (owner, incarnation) = queue.last_claim(group).unwrap_or_else(|| (group.to_owned(), 1));
    let claim = queue.claim(group, &owner, incarnation).map_err(refused)?;
    let mut ranges: Vec<Range<u64>> = Vec::new();
    loop {
        let frames = claim.read(MESSAGES_PER_LOOK, BYTES_PER_LOOK).map_err(of_broker)?;
        if frames.is_empty() {
            return Ok(ranges);
        }
        for offset in frames.iter().flat_map(Frame::offsets) {
            match ranges.last_mut() {
                Some(last) if last.end == offset => last.end += 1,
                _ => ranges.push(offset..offset + 1),
            }
        }
    }
}

/// Why a claim was refused, in the words of topologies.
fn refused(error: squall_broker::Error) -> Error {
    match error {
        squall_broker::Error::OldIncarnation { queue, group, owner, ours, current } => {
            Error::retry(format!(
                "run {current} of `{owner}` has read queue `{queue}` as group `{group}`, and this is run {ours}: if a newer run is under way, end this one; if there is none, the store with the results, which counts the runs, was made anew or is another one: use the store of the earlier runs, or give the spout another `group`"
            ))
        }
        error => of_broker(error),
    }
}
