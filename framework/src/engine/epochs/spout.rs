//! What a spout's task has of the epochs.

use std::{
    collections::{HashMap, VecDeque},
    ops::Range,
    sync::Arc,
};

use super::{
    door::Door,
    task::{Cut, DeadQueue, Replies, Reply},
};
use crate::{
    ack::{Failure, FailureKind},
    epoch::{OutboxMessage, SourceDead},
    output::SourceBatch,
    tuple::Value,
};

/// A message that the engine emits again: its id, its stream, its values.
pub(crate) type Kept = (u64, usize, Vec<Value>);

/// How the messages of an epoch ended.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Ended {
    epoch: u64,
    pub(crate) done: u64,
    pub(crate) dead: u64,
}

/// The part of a spout's task that has to do with epochs.
pub(crate) struct SpoutEpochs {
    pub(crate) door: Arc<Door>,
    pub(crate) replies: Replies,
    pub(crate) dead_letters: Arc<DeadQueue>,
    pub(crate) halted: bool,
    /// Its place among the spouts.
    place: usize,
    /// Messages of a source that cannot go back, until their epoch is committed.
    kept: VecDeque<(u64, SourceBatch)>,
    /// What the epoch in hand leaves.
    cut: Cut,
    /// The epoch handed over last, which may not be committed yet.
    handed: Ended,
    /// How often a message was in hand when a bolt with state panicked, and how.
    panics: HashMap<u64, (u32, Failure)>,
    max_attempts: u32,
}

impl SpoutEpochs {
    pub(crate) fn new(
        door: Arc<Door>,
        replies: Replies,
        dead_letters: Arc<DeadQueue>,
        place: usize,
        max_attempts: u32,
    ) -> Self {
        SpoutEpochs {
            door,
            replies,
            dead_letters,
            halted: false,
            place,
            kept: VecDeque::new(),
            cut: Cut::default(),
            handed: Ended::default(),
            panics: HashMap::new(),
            max_attempts,
        }
    }

    /// Takes leave to hand out up to `messages` messages.
    pub(crate) fn take(&self, messages: usize) -> usize {
        if self.door.admits(self.place) { self.door.take(messages) } else { 0 }
    }

    /// Whether the next message is a dead letter, because it has killed the process.
    pub(crate) fn is_condemned(&self) -> bool {
        self.door.condemns(self.place)
    }

    /// These messages are done.
    pub(crate) fn done(&mut self, ids: &[u64]) {
        self.cut.done += ids.len() as u64;
        add(&mut self.cut.read, ids);
    }

    /// A message becomes a dead letter: of its source, or a letter of ours where that has none.
    pub(crate) fn fail(&mut self, id: u64, failure: &Failure, letter: Option<OutboxMessage>) {
        // Should the epoch be given up: this is known of it.
        self.remember(id, failure);
        self.cut.failed += 1;
        self.cut.reason = Some(failure.to_string());
        add(&mut self.cut.read, &[id]);
        match letter {
            Some(letter) => self.cut.collected.messages.push(letter),
            None => self.cut.dead.push(SourceDead {
                offset: id,
                reason: failure.reason.to_string(),
                by: failure.component.to_string(),
            }),
        }
    }

    /// Hands over what the epoch leaves, and goes on with the next one.
    pub(crate) fn hand_over(&mut self, round: u64, task: u32, next: u64) {
        let cut = Cut { task, ..std::mem::take(&mut self.cut) };
        let epoch = next.saturating_sub(1);
        self.handed = Ended { epoch, done: cut.done, dead: cut.failed };
        self.panics.clear();
        // The epoch before this one was committed before this one was sealed.
        self.committed(next.saturating_sub(2));
        // The coordinator is gone only when the engine is being dropped.
        let _ = self.replies.send((round, Reply::Cut(Box::new(cut))));
    }

    /// Keeps messages that the source cannot bring back, until their epoch is committed. The epoch
    /// is the door's: what an epoch without anything to commit was to be is still to come.
    pub(crate) fn keep(&mut self, batch: SourceBatch) {
        self.kept.push_back((self.door.epoch(), batch));
    }

    /// Keeps messages of an epoch that begins anew.
    pub(crate) fn keep_lost(&mut self, batch: SourceBatch) {
        self.kept.push_back((u64::MAX, batch));
    }

    /// What was kept of epochs that are committed is not needed any more.
    fn committed(&mut self, epoch: u64) {
        while self.kept.front().is_some_and(|(of, _)| *of <= epoch) {
            self.kept.pop_front();
        }
    }

    /// Why a message was given up in an epoch that begins anew.
    pub(crate) fn remember(&mut self, id: u64, failure: &Failure) {
        if failure.kind == FailureKind::Panic {
            let known = self.panics.entry(id).or_insert_with(|| (0, failure.clone()));
            *known = (known.0 + 1, failure.clone());
        }
    }

    /// Messages that must not be handed out again: a bolt with state panicked on them too often.
    pub(crate) fn poison(&self) -> HashMap<u64, Failure> {
        let often = self.panics.iter().filter(|(_, (times, _))| *times >= self.max_attempts);
        often.map(|(id, (_, failure))| (*id, failure.clone())).collect()
    }

    /// What ended since the last commit and is taken back when this epoch begins anew.
    pub(crate) fn taken_back(&self, epoch: u64) -> Ended {
        let handed = if self.handed.epoch >= epoch { self.handed } else { Ended::default() };
        Ended { epoch, done: self.cut.done + handed.done, dead: self.cut.failed + handed.dead }
    }

    /// Forgets the epoch in hand, and gives the messages that are to be emitted again: those that
    /// the source does not bring back by itself.
    pub(crate) fn begin_anew(&mut self, epoch: u64, goes_back: bool) -> Vec<Kept> {
        self.cut = Cut::default();
        self.handed = Ended::default();
        self.halted = false;
        if goes_back {
            self.kept.clear();
            return Vec::new();
        }
        self.committed(epoch.saturating_sub(1));
        let mut again = Vec::new();
        for (_, batch) in self.kept.drain(..) {
            for (place, id) in batch.ids.iter().enumerate() {
                again.extend(batch.kept(place).map(|(stream, values)| (*id, stream, values)));
            }
        }
        again
    }
}

/// Adds offsets to ranges; most come in rising order.
fn add(ranges: &mut Vec<Range<u64>>, ids: &[u64]) {
    for &id in ids {
        match ranges.last_mut() {
            Some(last) if last.end == id => last.end += 1,
            _ => ranges.push(id..id + 1),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tuple::{Kind, Schema, ValueRef};

    fn batch(id: u64) -> SourceBatch {
        let mut batch = SourceBatch::default();
        batch.ids.push(id);
        batch.keep(&[Schema::new([("n", Kind::Int)])], 0, &[ValueRef::Int(id as i64)]);
        batch
    }

    #[test]
    fn what_a_source_cannot_bring_back_is_kept_until_its_epoch_is_committed() {
        let door = Door::shut_door();
        let (replies, _answers) = std::sync::mpsc::channel();
        let dead = DeadQueue { topology: "t".into(), queue: "dead".into() };
        let mut spout = SpoutEpochs::new(door.clone(), replies, Arc::new(dead), 0, 3);
        let ids = |again: Vec<Kept>| again.into_iter().map(|(id, ..)| id).collect::<Vec<_>>();
        // Epoch 1 has nothing to commit: what comes next belongs to epoch 1 as well.
        door.open(1, 10);
        spout.hand_over(1, 0, 2);
        door.shut();
        door.open(1, 10);
        spout.keep(batch(10));
        spout.hand_over(2, 0, 2);
        door.shut();
        // Epoch 2 is sealed when epoch 1 is committed; it is given up after the spout handed over.
        door.open(2, 10);
        spout.keep(batch(20));
        spout.hand_over(3, 0, 3);
        spout.keep_lost(batch(21));
        assert_eq!(ids(spout.begin_anew(2, false)), [20, 21]);
        assert!(spout.begin_anew(2, false).is_empty());
    }

    #[test]
    fn a_message_on_which_a_bolt_panics_too_often_is_known() {
        let (replies, _answers) = std::sync::mpsc::channel();
        let dead = DeadQueue { topology: "t".into(), queue: "dead".into() };
        let mut spout = SpoutEpochs::new(Door::shut_door(), replies, Arc::new(dead), 0, 2);
        let failure = |kind| Failure::new(kind, &"bolt".into(), "no");
        // Once it had ended when the epoch was given up, once it was still on its way.
        spout.fail(1, &failure(FailureKind::Panic), None);
        spout.fail(2, &failure(FailureKind::Data), None);
        spout.begin_anew(5, true);
        assert!(spout.poison().is_empty());
        spout.remember(1, &failure(FailureKind::Panic));
        spout.remember(2, &failure(FailureKind::Data));
        spout.begin_anew(5, true);
        assert_eq!(spout.poison().into_keys().collect::<Vec<_>>(), [1]);
        spout.hand_over(1, 0, 6);
        assert!(spout.poison().is_empty(), "another epoch");
    }
}
