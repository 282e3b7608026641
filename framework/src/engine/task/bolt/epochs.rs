//! What a bolt's task does in a topology that runs in epochs.

use std::sync::atomic::Ordering::Relaxed;

use super::BoltTask;
use crate::{
    ack::Failure,
    engine::{edge::Delivery, epochs::Reply, task::discard},
    tuple::TupleBatch,
};

impl BoltTask {
    /// Whether the bolt keeps state, so that it cannot just be built again.
    pub(super) fn is_stateful(&self) -> bool {
        self.epochs.as_ref().is_some_and(|epochs| epochs.state.is_some())
    }

    /// In epochs: drops everything that is in hand or on its way out.
    pub(crate) fn halt(&mut self, round: u64) {
        discard(self.call.take());
        discard(self.bolt.take());
        self.hand.clear();
        self.emitted_before = self.slot.stats.lock().emitted;
        self.out = Some((self.make_output)());
        self.slot.busy_since.store(0, Relaxed);
        self.patience.forget();
        if let Some(epochs) = &mut self.epochs {
            epochs.halted = true;
            // The coordinator is gone only when the engine is being dropped.
            let _ = epochs.replies.send((round, Reply::Halted));
        }
    }

    /// In epochs: begins anew, as of the last commit.
    pub(crate) fn reset(&mut self, epoch: u64) {
        self.finished = 0;
        if let Some(epochs) = &mut self.epochs {
            epochs.reset(epoch);
        }
        self.build();
    }

    /// In epochs: hands over what the epoch leaves.
    pub(crate) fn cut(&mut self, round: u64, next: u64) {
        if let Some(epochs) = &mut self.epochs {
            let cut = epochs.cut(self.slot.id, next);
            let _ = epochs.replies.send((round, Reply::Cut(Box::new(cut))));
        }
    }

    /// In epochs: the rows from `row` on wait in their place, so that their order holds.
    pub(super) fn put_back(&mut self, mut delivery: Delivery, row: usize, failure: &Failure) {
        let rest = delivery.batch.split_off(row);
        delivery.batch.recycle();
        self.hand.push_front(Delivery { batch: rest, ..delivery });
        self.patience.wait(failure);
    }

    /// In epochs: the batch waits in its place; when it was tried often, row by row, so that the
    /// guilty one is found.
    pub(super) fn call_again(
        &mut self,
        mut batch: TupleBatch,
        mut deliveries: Vec<(u32, u64)>,
        failure: &Failure,
    ) {
        let (edge, bytes) = deliveries.pop().unwrap_or_default();
        let (mut more, mut part) = (deliveries, false);
        if self.patience.is_last() && batch.len() > 1 {
            while batch.len() > 1 {
                let row = batch.split_off(batch.len() - 1);
                let more = std::mem::take(&mut more);
                self.hand.push_front(Delivery { edge, bytes, batch: row, more, part });
                part = true;
            }
            self.patience.begin_again();
        }
        self.hand.push_front(Delivery { edge, bytes, batch, more, part });
        self.patience.wait(failure);
    }
}
