//! The way from one task to another, and the inbox at its end.

use std::{
    collections::VecDeque,
    sync::{
        Arc,
        atomic::{
            AtomicU64,
            Ordering::{Relaxed, SeqCst},
        },
    },
};

use parking_lot::Mutex;

use super::{TaskSignal, clock::now_ns, credits::Credits};
use crate::tuple::TupleBatch;

/// A batch in an inbox, with the number of the edge that it came by.
#[derive(Debug)]
pub(crate) struct Delivery {
    pub(crate) edge: u32,
    pub(crate) bytes: u64,
    pub(crate) batch: TupleBatch,
    /// Set in a batch that was put together from several: the edges and bytes of the others.
    pub(crate) more: Vec<(u32, u64)>,
    /// Set in a part of a batch: whoever finishes the last part settles with the edge.
    pub(crate) part: bool,
}

/// What waits for a task. It lives outside the actor and survives its restart.
#[derive(Debug, Default)]
pub(crate) struct Inbox {
    queue: Mutex<VecDeque<Delivery>>,
}

impl Inbox {
    fn push(&self, delivery: Delivery) {
        self.queue.lock().push_back(delivery);
    }

    /// Moves everything that waits into `into`, which must be empty.
    pub(crate) fn take(&self, into: &mut VecDeque<Delivery>) {
        debug_assert!(into.is_empty());
        std::mem::swap(&mut *self.queue.lock(), into);
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.queue.lock().is_empty()
    }

    /// Tells the sources of all that waits that its line moves.
    pub(crate) fn touch(&self, now_ms: u64) {
        for delivery in &*self.queue.lock() {
            delivery.batch.origins.progress(now_ms);
        }
    }

    /// How many batches wait, without those in the task's hand.
    pub(crate) fn depth(&self) -> u64 {
        self.queue.lock().len() as u64
    }
}

/// The way from one task to another.
#[derive(Debug)]
pub(crate) struct Edge {
    /// Its number among the receiver's edges.
    pub(crate) number: u32,
    /// Which of the receiver's inputs it brings.
    pub(crate) input: u32,
    /// The tasks at its ends.
    pub(crate) from: u32,
    pub(crate) to: u32,
    inbox: Arc<Inbox>,
    receiver: Arc<TaskSignal>,
    sender: Arc<TaskSignal>,
    credits: Credits,
    rows: AtomicU64,
    /// Batches sent.
    sent: AtomicU64,
    blocked_since: AtomicU64,
    blocked_ns: AtomicU64,
}

/// The ends of an edge and their numbers.
pub(crate) struct Ends {
    pub(crate) number: u32,
    pub(crate) input: u32,
    pub(crate) from: u32,
    pub(crate) to: u32,
    pub(crate) inbox: Arc<Inbox>,
    pub(crate) receiver: Arc<TaskSignal>,
    pub(crate) sender: Arc<TaskSignal>,
}

impl Edge {
    pub(crate) fn new(ends: Ends, max_batches: u64, max_bytes: u64) -> Arc<Self> {
        Arc::new(Edge {
            number: ends.number,
            input: ends.input,
            from: ends.from,
            to: ends.to,
            inbox: ends.inbox,
            receiver: ends.receiver,
            sender: ends.sender,
            credits: Credits::new(max_batches, max_bytes),
            rows: AtomicU64::new(0),
            sent: AtomicU64::new(0),
            blocked_since: AtomicU64::new(0),
            blocked_ns: AtomicU64::new(0),
        })
    }

    /// Puts the batch into the receiver's inbox, or gives it back when the
    /// credits are used up; the sender is woken when there are some again.
    ///
    /// The receiver is woken when half of the credits are used. Before that
    /// the sender does it at the end of its turn, by `notify`: a wake-up
    /// between threads costs as much as some hundred tuples. True when it is
    /// still to be done.
    pub(crate) fn send(&self, mut batch: TupleBatch) -> Result<bool, TupleBatch> {
        let bytes = batch.bytes() as u64;
        if !self.credits.take(bytes) {
            if self.blocked_since.load(Relaxed) == 0 {
                self.blocked_since.store(now_ns(), Relaxed);
            }
            return Err(batch);
        }
        self.unblock();
        self.rows.store(self.rows.load(Relaxed) + batch.len() as u64, Relaxed);
        batch.address(self.input, self.number);
        self.sent.store(self.sent.load(Relaxed) + 1, SeqCst);
        self.inbox.push(Delivery {
            edge: self.number,
            bytes,
            batch,
            more: Vec::new(),
            part: false,
        });
        if self.credits.half_used() {
            self.receiver.notify();
            return Ok(false);
        }
        Ok(true)
    }

    /// Wakes the receiver if it sleeps.
    pub(crate) fn notify(&self) {
        self.receiver.notify();
    }

    fn unblock(&self) {
        let since = self.blocked_since.load(Relaxed);
        if since != 0 {
            self.blocked_since.store(0, Relaxed);
            let blocked = self.blocked_ns.load(Relaxed) + now_ns().saturating_sub(since);
            self.blocked_ns.store(blocked, Relaxed);
        }
    }

    /// The receiver is done with a delivery of this many bytes.
    pub(crate) fn give_back(&self, bytes: u64) {
        if self.credits.give(bytes) {
            self.sender.notify();
        }
    }

    /// Rows sent since the start.
    pub(crate) fn rows(&self) -> u64 {
        self.rows.load(Relaxed)
    }

    /// Batches sent since the start or the last reset.
    pub(crate) fn sent(&self) -> u64 {
        self.sent.load(SeqCst)
    }

    /// Forgets all that is on its way. Only while both ends are halted.
    pub(crate) fn reset(&self) {
        self.credits.reset();
        self.sent.store(0, SeqCst);
        self.unblock();
    }

    /// Batches and bytes sent and not finished.
    pub(crate) fn in_flight(&self) -> (u64, u64) {
        self.credits.in_flight()
    }

    /// Nanoseconds that the sender has waited for this edge.
    pub(crate) fn blocked_ns(&self) -> u64 {
        let now = match self.blocked_since.load(Relaxed) {
            0 => 0,
            since => now_ns().saturating_sub(since),
        };
        self.blocked_ns.load(Relaxed) + now
    }

    /// Whether the sender waits for this edge now.
    pub(crate) fn is_blocked(&self) -> bool {
        self.blocked_since.load(Relaxed) != 0
    }
}
