//! The handle that the batches derived from one source batch share.

use std::sync::{
    Arc, Weak,
    atomic::{AtomicBool, AtomicU64, Ordering::Relaxed, Ordering::SeqCst},
};

use parking_lot::Mutex;

use super::{Failure, FailureKind};
use crate::engine::{TaskSignal, now_ms};

/// A source batch has ended: its messages at these places failed, the others
/// are done.
#[derive(Debug)]
pub(crate) struct Settled {
    pub(crate) batch: u64,
    /// Place and reason; a place may be listed more than once.
    pub(crate) failures: Vec<(u32, Failure)>,
    /// Set when the whole batch ran out of time.
    pub(crate) expired: Option<Failure>,
}

/// Where a spout's task finds which of its source batches have ended.
#[derive(Debug)]
pub(crate) struct Settlements {
    queue: Mutex<Vec<Settled>>,
    spout: Arc<TaskSignal>,
    /// Set while the spout's task waits for credits: those wake it, and it
    /// need not be woken for each batch that ends.
    quiet: AtomicBool,
}

impl Settlements {
    pub(crate) fn new(spout: Arc<TaskSignal>) -> Arc<Self> {
        Arc::new(Settlements {
            queue: Mutex::new(Vec::new()),
            spout,
            quiet: AtomicBool::new(false),
        })
    }

    fn push(&self, settled: Settled) {
        self.queue.lock().push(settled);
        if !self.quiet.load(SeqCst) {
            self.spout.notify();
        }
    }

    /// Whether the spout's task is woken by something else for sure. True
    /// when that has just ended and there is something of which the task was
    /// not told.
    pub(crate) fn set_quiet(&self, quiet: bool) -> bool {
        if self.quiet.load(Relaxed) == quiet {
            return false;
        }
        self.quiet.store(quiet, SeqCst);
        !quiet && !self.is_empty()
    }

    /// Moves everything that has ended into `into`, which must be empty.
    pub(crate) fn take(&self, into: &mut Vec<Settled>) {
        debug_assert!(into.is_empty());
        std::mem::swap(&mut *self.queue.lock(), into);
    }

    /// Takes back what the spout could not be told.
    pub(crate) fn put_back(&self, untold: impl Iterator<Item = Settled>) {
        self.queue.lock().extend(untold);
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.queue.lock().is_empty()
    }
}

/// A hold on a source batch. As long as one exists the batch has not ended.
#[derive(Debug, Clone)]
pub(crate) struct Source(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    batch: u64,
    settlements: Arc<Settlements>,
    failures: Mutex<Vec<(u32, Failure)>>,
    /// When a derived batch was last finished, in milliseconds of the engine's clock.
    progress: AtomicU64,
    /// Set by whoever settles first: the last hold, or the time-out.
    settled: AtomicBool,
}

impl Source {
    pub(crate) fn new(batch: u64, settlements: Arc<Settlements>) -> Self {
        Source(Arc::new(Inner {
            batch,
            settlements,
            failures: Mutex::new(Vec::new()),
            progress: AtomicU64::new(now_ms()),
            settled: AtomicBool::new(false),
        }))
    }

    pub(crate) fn same(&self, other: &Source) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }

    pub(crate) fn fail(&self, place: u32, failure: Failure) {
        self.0.failures.lock().push((place, failure));
    }

    /// Says that a derived batch was finished, so the message time-out starts again.
    pub(crate) fn progress(&self, now_ms: u64) {
        self.0.progress.store(now_ms, Relaxed);
    }

    pub(crate) fn watch(&self) -> SourceWatch {
        SourceWatch(Arc::downgrade(&self.0))
    }
}

impl Drop for Inner {
    /// The last hold is gone: the batch has ended.
    fn drop(&mut self) {
        if !*self.settled.get_mut() {
            self.settlements.push(Settled {
                batch: self.batch,
                failures: std::mem::take(self.failures.get_mut()),
                expired: None,
            });
        }
    }
}

/// Lets the spout's task see a source batch without holding it.
#[derive(Debug)]
pub(crate) struct SourceWatch(Weak<Inner>);

impl SourceWatch {
    /// Fails the whole batch if nothing of it was finished since `since`, in
    /// milliseconds of the engine's clock. What arrives later is ignored.
    pub(crate) fn expire(&self, since: u64, component: &Arc<str>, limit: &str) -> bool {
        let Some(inner) = self.0.upgrade() else { return false };
        if inner.progress.load(Relaxed) > since || inner.settled.swap(true, SeqCst) {
            return false;
        }
        let reason = format!("no progress for {limit}");
        inner.settlements.push(Settled {
            batch: inner.batch,
            failures: std::mem::take(&mut inner.failures.lock()),
            expired: Some(Failure::new(FailureKind::Timeout, component, reason)),
        });
        true
    }
}
