//! A queue as the threads share it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use parking_lot::{Condvar, Mutex, MutexGuard};

use crate::error::{Error, Result};
use crate::state::QueueState;

pub(crate) struct Cell {
    pub(crate) id: u32,
    pub(crate) name: String,
    state: Mutex<QueueState>,
    /// Whether the ledger does not know all of it.
    dirty: AtomicBool,
    /// Notified when messages have come.
    pub(crate) arrived: Condvar,
}

/// Callbacks to be called once no lock is held.
#[derive(Default)]
#[must_use = "callbacks want to be called"]
pub(crate) struct Wakes(Vec<Arc<dyn Fn() + Send + Sync>>);

impl Wakes {
    pub(crate) fn call(self) {
        for callback in self.0 {
            callback();
        }
    }

    pub(crate) fn extend(&mut self, other: Self) {
        self.0.extend(other.0);
    }
}

impl Cell {
    pub(crate) fn new(state: QueueState) -> Arc<Self> {
        let (id, name) = (state.id, state.name.clone());
        let dirty = AtomicBool::new(true);
        Arc::new(Self { id, name, state: Mutex::new(state), dirty, arrived: Condvar::new() })
    }

    /// The state, to look at.
    pub(crate) fn look(&self) -> MutexGuard<'_, QueueState> {
        self.state.lock()
    }

    /// The state, to change.
    pub(crate) fn change(&self) -> MutexGuard<'_, QueueState> {
        let state = self.state.lock();
        self.dirty.store(true, Ordering::Relaxed);
        state
    }

    /// As [`change`](Self::change), refused when the queue is gone.
    pub(crate) fn live(&self) -> Result<MutexGuard<'_, QueueState>> {
        let state = self.change();
        if state.deleted { Err(Error::QueueDeleted(self.name.clone())) } else { Ok(state) }
    }

    /// The state, if the ledger does not know all of it; taken as known from now on.
    pub(crate) fn take_dirty(&self) -> Option<MutexGuard<'_, QueueState>> {
        self.dirty.swap(false, Ordering::Relaxed).then(|| self.state.lock())
    }

    /// Tells those who wait that there may be something to read.
    pub(crate) fn wake(&self, state: &mut QueueState) -> Wakes {
        self.arrived.notify_all();
        let mut wakes = Wakes::default();
        for session in state.groups.values_mut().filter_map(|group| group.session.as_mut()) {
            if std::mem::take(&mut session.starving) {
                wakes.0.extend(session.callback.clone());
            }
        }
        wakes
    }
}
