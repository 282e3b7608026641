//! What waits for the writer.

use std::collections::HashSet;
use std::mem;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex};

use crate::batch::Batch;
use crate::cell::Cell;
use crate::confirm::Answer;
use crate::error::{Error, Result};
use crate::message::DeadLetter;

/// Records of one frame.
const CONTROL_FRAME: usize = 60 << 10;
/// How long records that nobody waits for may wait for company.
const LAZY: Duration = Duration::from_millis(5);
/// How long the writer waits for as many as it had the last time.
const LINGER: Duration = Duration::from_micros(50);

/// Something that takes the writer more than copying bytes.
pub(crate) enum Op {
    Send {
        cell: Arc<Cell>,
        batch: Batch,
        /// Whose batch it is, if it is to be sent once only.
        numbered: Option<Numbered>,
        answer: Answer,
    },
    /// Messages of one queue go to the tail of another, settled here by the same frame.
    Move {
        from: Arc<Cell>,
        group: u32,
        to: Arc<Cell>,
        items: Vec<Moved>,
        /// Whether those that cannot be moved are delivered again a little later.
        again: bool,
        answer: Option<Answer>,
    },
    /// Delayed messages of one frame have become due.
    Fire { cell: Arc<Cell>, first: u64 },
}

/// What a batch is known by that is sent once only.
pub(crate) struct Numbered {
    pub(crate) producer: String,
    pub(crate) number: u64,
}

/// A message that goes to another queue.
pub(crate) struct Moved {
    pub(crate) offset: u64,
    /// Why, if it is a dead letter.
    pub(crate) dead: Option<DeadLetter>,
}

/// What one group commit takes.
#[derive(Default)]
pub(crate) struct Pending {
    pub(crate) ops: Vec<Op>,
    /// Records, a frame each.
    pub(crate) control: Vec<Vec<u8>>,
    /// The queues that they are about.
    pub(crate) touched: HashSet<u32>,
    pub(crate) answers: Vec<Answer>,
    /// Whether the records have to be on disk, or leases only.
    pub(crate) sync: bool,
    since: Option<Instant>,
    urgent: bool,
    closed: bool,
}

impl Pending {
    /// Takes all of it, and leaves it as closed as it is.
    fn take(&mut self) -> Self {
        let closed = self.closed;
        mem::replace(self, Self { closed, ..Self::default() })
    }
}

#[derive(Default)]
pub(crate) struct Inbox {
    pending: Mutex<Pending>,
    arrived: Condvar,
}

impl Inbox {
    pub(crate) fn submit(&self, op: Op) -> Result<()> {
        let mut pending = self.pending.lock();
        if pending.closed {
            return Err(Error::Closed);
        }
        pending.ops.push(op);
        // The writer is awake already for an earlier one.
        let first = !mem::replace(&mut pending.urgent, true);
        drop(pending);
        if first {
            self.arrived.notify_one();
        }
        Ok(())
    }

    /// Adds records about `queue`. They ride on the next group commit, and make it hurry only
    /// if there is an answer to be given. `sync` is false for what need not survive the power.
    pub(crate) fn record(
        &self,
        queue: u32,
        sync: bool,
        answer: Option<Answer>,
        encode: impl FnOnce(&mut Vec<u8>),
    ) -> Result<()> {
        let mut pending = self.pending.lock();
        if pending.closed {
            return Err(Error::Closed);
        }
        if pending.control.last().is_none_or(|frame| frame.len() > CONTROL_FRAME) {
            pending.control.push(Vec::new());
        }
        if let Some(frame) = pending.control.last_mut() {
            encode(frame);
        }
        pending.touched.insert(queue);
        pending.sync |= sync;
        let lazy = pending.since.is_none() && !pending.urgent;
        pending.since.get_or_insert_with(Instant::now);
        let hurry = answer.is_some() && !mem::replace(&mut pending.urgent, true);
        pending.answers.extend(answer);
        drop(pending);
        if hurry || lazy {
            self.arrived.notify_one();
        }
        Ok(())
    }

    /// Waits for work; lingers a moment where the last group had `last` submissions. `None`
    /// when the store is closed and everything has been taken; an empty group when nothing
    /// came for `patience`.
    pub(crate) fn take(&self, last: usize, patience: Duration) -> Option<Pending> {
        let mut pending = self.pending.lock();
        let idle_until = Instant::now() + patience;
        loop {
            if pending.urgent || pending.control.len() > 1 {
                break;
            }
            let until = match pending.since {
                Some(since) if since.elapsed() >= LAZY => break,
                Some(since) => since + LAZY,
                None if pending.closed => return None,
                None if Instant::now() >= idle_until => return Some(Pending::default()),
                None => idle_until,
            };
            if pending.closed {
                break;
            }
            self.arrived.wait_until(&mut pending, until);
        }
        let waiting = |pending: &Pending| pending.ops.len() + pending.answers.len();
        if waiting(&pending) < last && !pending.closed {
            // Yielding, not sleeping: a sleep of 50 us takes twice as long.
            let start = Instant::now();
            while waiting(&pending) < last && start.elapsed() < LINGER {
                drop(pending);
                thread::yield_now();
                pending = self.pending.lock();
            }
        }
        Some(pending.take())
    }

    /// What nobody will write any more.
    pub(crate) fn drain(&self) -> Pending {
        self.pending.lock().take()
    }

    /// Takes no more; what was taken is still written.
    pub(crate) fn close(&self) {
        self.pending.lock().closed = true;
        self.arrived.notify_one();
    }
}
