//! What a spout's task does in a topology that runs in epochs.

use std::cmp::Reverse;

use super::{Again, ByDue, SpoutEpochs, SpoutTask};
use crate::{
    ack::{Failure, FailureKind, Settled},
    engine::{
        epochs::{Ended, Reply},
        task::discard,
    },
    output::SourceBatch,
};

impl SpoutTask {
    /// In epochs: notes which messages are done and which become dead letters with the commit.
    pub(super) fn settle_in_epoch(&mut self, batch: &SourceBatch, settled: Settled, latency: u64) {
        let mut failures: Vec<Option<Failure>> = vec![None; batch.ids.len()];
        for (place, failure) in settled.failures {
            if let Some(known) = failures.get_mut(place as usize) {
                known.get_or_insert(failure);
            }
        }
        let done: Vec<u64> = batch
            .ids
            .iter()
            .zip(&failures)
            .filter(|(_, f)| f.is_none())
            .map(|(id, _)| *id)
            .collect();
        self.counts.latencies.push((latency, done.len() as u64));
        self.acked(&done);
        let Some(epochs) = &mut self.epochs else { return };
        for (place, failure) in failures.into_iter().enumerate() {
            let Some(failure) = failure else { continue };
            let id = batch.ids[place];
            self.counts.failed += 1;
            self.counts.dead += 1;
            tracing::warn!(spout = %self.slot.component, id, reason = %failure,
                "dead letter, with the commit of its epoch");
            let letter =
                batch.kept_row(place).map(|tuple| epochs.dead_letters.letter(&tuple, &failure));
            epochs.fail(id, &failure, letter);
        }
    }

    /// In epochs: hands over what the epoch leaves.
    pub(crate) fn cut(&mut self, round: u64, next: u64) {
        self.settle();
        if let Some(epochs) = &mut self.epochs {
            self.out.poison.clear();
            epochs.hand_over(round, self.slot.id, next);
        }
    }

    /// In epochs: when the next message kills the process, it becomes a dead letter at once.
    pub(super) fn condemn(&mut self) {
        let condemned = self.epochs.as_ref().is_some_and(SpoutEpochs::is_condemned);
        self.out.condemned = condemned.then(|| {
            let reason =
                "killed the worker: the process ended each time that this message was worked on";
            Failure::new(FailureKind::Panic, &self.slot.component, reason)
        });
    }

    /// In epochs: drops everything that is in hand or on its way out.
    pub(crate) fn halt(&mut self, round: u64) {
        discard(self.spout.take());
        self.out.halt();
        if let Some(epochs) = &mut self.epochs {
            epochs.halted = true;
            let _ = epochs.replies.send((round, Reply::Halted));
        }
    }

    /// In epochs: begins anew behind the last commit. Nothing of what was on its way is left, so
    /// all that ended has ended.
    pub(crate) fn reset(&mut self, epoch: u64) {
        let mut settled = std::mem::take(&mut self.settled);
        self.settlements.take(&mut settled);
        let Some(epochs) = &mut self.epochs else { return };
        for settled in settled.drain(..) {
            let Some(batch) = self.out.ended(settled.batch) else { continue };
            for (place, failure) in &settled.failures {
                if let Some(id) = batch.ids.get(*place as usize) {
                    epochs.remember(*id, failure);
                }
            }
            epochs.keep_lost(batch);
        }
        self.settled = settled;
        self.out.forget();
        let back = epochs.taken_back(epoch);
        let again = epochs.begin_anew(epoch, self.context.source.is_some());
        self.out.poison = epochs.poison();
        for (id, stream, values) in again {
            self.again.push(Reverse(ByDue(Again {
                due_ns: 0,
                id,
                attempt: 1,
                stream,
                values,
                dead: None,
            })));
        }
        self.take_back(back);
        self.build();
    }

    /// What ended in an epoch that begins anew comes again, and is counted when it ends for good.
    fn take_back(&mut self, back: Ended) {
        let mut stats = self.slot.stats.lock();
        stats.acked = (stats.acked + self.counts.acked).saturating_sub(back.done);
        stats.dead = (stats.dead + self.counts.dead).saturating_sub(back.dead);
        stats.retried += back.done + back.dead;
        (self.counts.acked, self.counts.dead) = (0, 0);
    }
}
