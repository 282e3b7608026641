//! The wake-up rule: whoever brings work to a task wakes it only when nobody
//! else has, and a task never sleeps on work.
//!
//! All operations are exchanges, so that they have one order that both sides
//! agree on. The order of the operations is what makes it right, and a model checker
//! goes through all of them: `cargo test -p squall-framework --features loom loom`.

#[cfg(all(test, feature = "loom"))]
use loom::sync::atomic::{AtomicU8, Ordering::SeqCst};
#[cfg(not(all(test, feature = "loom")))]
use std::sync::atomic::{AtomicU8, Ordering::SeqCst};

const IDLE: u8 = 0;
const QUEUED: u8 = 1;
const RUNNING: u8 = 2;

/// Whether a task sleeps, is about to run, or runs.
#[derive(Debug)]
pub(crate) struct Gate(AtomicU8);

impl Gate {
    /// A new task is queued: its first turn looks for work.
    pub(crate) fn new() -> Self {
        Gate(AtomicU8::new(QUEUED))
    }

    /// To be called after the work was put where the task looks. True for the
    /// one caller that must wake the task.
    pub(crate) fn notify(&self) -> bool {
        self.0.swap(QUEUED, SeqCst) == IDLE
    }

    /// The task's turn begins.
    pub(crate) fn begin(&self) {
        self.0.swap(RUNNING, SeqCst);
    }

    /// The turn ends with work left: the task must wake itself.
    pub(crate) fn again(&self) {
        self.0.swap(QUEUED, SeqCst);
    }

    /// Whether the task sleeps: its last turn is over and nobody has woken it.
    pub(crate) fn is_idle(&self) -> bool {
        self.0.load(SeqCst) == IDLE
    }

    /// The turn ends because no work was seen. True when somebody has called
    /// `notify` since it began: the task stays queued and must wake itself.
    pub(crate) fn finish(&self) -> bool {
        self.0.compare_exchange(RUNNING, IDLE, SeqCst, SeqCst).is_err()
    }
}
