//! A task as the rest of the engine sees it.

use std::sync::{
    Arc,
    atomic::{AtomicBool, AtomicU64, Ordering::Relaxed, Ordering::SeqCst},
};

use parking_lot::Mutex;

use super::{
    TaskSignal,
    edge::{Edge, Inbox},
    stats::TaskStats,
};

/// What a task is doing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum TaskStatus {
    Starting,
    Running,
    /// Waits to be built again, after this reason.
    Restarting(String),
    /// Will not be built again.
    Failed(String),
    Stopped,
}

/// The part of a task that outlives its bolt and that other threads look at.
pub(crate) struct Slot {
    pub(crate) id: u32,
    pub(crate) component: Arc<str>,
    pub(crate) index: usize,
    pub(crate) is_spout: bool,
    /// Which arbiter it runs on.
    pub(crate) thread: usize,
    pub(crate) signal: Arc<TaskSignal>,
    pub(crate) inbox: Arc<Inbox>,
    pub(crate) in_edges: Vec<Arc<Edge>>,
    pub(crate) status: Mutex<TaskStatus>,
    pub(crate) stats: Mutex<TaskStats>,
    /// Since when it has been inside one call, in nanoseconds of the engine's
    /// clock; 0 when it is not.
    pub(crate) busy_since: AtomicU64,
    /// Batches in the task's hand, besides those in its inbox.
    pub(crate) in_hand: AtomicU64,
    /// Batches that it has worked on and whose outcome is on its way.
    pub(crate) finished: AtomicU64,
    /// For a spout in epochs: the number of the door for which it has come to rest.
    pub(crate) at_rest: AtomicU64,
    tick: AtomicBool,
    housekeeping: AtomicBool,
    /// A bolt is to emit what it holds back; set until it has.
    flush: AtomicBool,
}

impl Slot {
    pub(crate) fn new(
        id: u32,
        component: Arc<str>,
        index: usize,
        is_spout: bool,
        thread: usize,
        ends: (Arc<TaskSignal>, Arc<Inbox>),
        in_edges: Vec<Arc<Edge>>,
    ) -> Arc<Self> {
        Arc::new(Slot {
            id,
            component,
            index,
            is_spout,
            thread,
            signal: ends.0,
            inbox: ends.1,
            in_edges,
            status: Mutex::new(TaskStatus::Starting),
            stats: Mutex::new(TaskStats::new()),
            busy_since: AtomicU64::new(0),
            in_hand: AtomicU64::new(0),
            finished: AtomicU64::new(0),
            at_rest: AtomicU64::new(0),
            tick: AtomicBool::new(false),
            housekeeping: AtomicBool::new(false),
            flush: AtomicBool::new(false),
        })
    }

    /// Asks for a tick; at most one is pending.
    pub(crate) fn request_tick(&self) {
        self.tick.store(true, Relaxed);
        self.signal.notify();
    }

    pub(crate) fn take_tick(&self) -> bool {
        self.tick.load(Relaxed) && self.tick.swap(false, Relaxed)
    }

    /// Asks the task to look at its time-outs.
    pub(crate) fn request_housekeeping(&self) {
        self.housekeeping.store(true, Relaxed);
        self.signal.notify();
    }

    pub(crate) fn take_housekeeping(&self) -> bool {
        self.housekeeping.load(Relaxed) && self.housekeeping.swap(false, Relaxed)
    }

    /// Asks a bolt to emit what it holds back. It is not idle until it has.
    pub(crate) fn request_flush(&self) {
        self.flush.store(true, SeqCst);
        self.signal.notify();
    }

    pub(crate) fn is_to_flush(&self) -> bool {
        self.flush.load(SeqCst)
    }

    pub(crate) fn flush_is_done(&self) {
        self.flush.store(false, SeqCst);
    }

    pub(crate) fn set_status(&self, status: TaskStatus) {
        *self.status.lock() = status;
    }

    pub(crate) fn set_error(&self, error: String) {
        self.stats.lock().last_error = Some(error);
    }

    /// Whether nothing waits for it and nothing is in its hand.
    ///
    /// The order matters. What a turn has taken from the inbox is seen again
    /// only when the turn is over, in the hand or in the inboxes behind; so
    /// the inbox is looked at first and the turn after it. A spout may be
    /// inside `next` for long and have nothing: its turns do not count.
    pub(crate) fn is_idle(&self) -> bool {
        !self.is_to_flush()
            && self.inbox.is_empty()
            && (self.is_spout || self.signal.gate().is_idle())
            && self.in_hand.load(Relaxed) == 0
    }
}
