//! How a task is woken from anywhere.

use std::{
    sync::Arc,
    task::{Wake, Waker},
};

use futures_util::task::AtomicWaker;

use super::gate::Gate;

/// The wake-up side of a task: the gate, and the waker of the actor behind it.
#[derive(Debug)]
pub(crate) struct TaskSignal {
    gate: Gate,
    actor: AtomicWaker,
}

impl TaskSignal {
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(TaskSignal { gate: Gate::new(), actor: AtomicWaker::new() })
    }

    /// There is something to do. To be called after it can be seen.
    pub(crate) fn notify(&self) {
        if self.gate.notify() {
            self.actor.wake();
        }
    }

    /// A turn begins; `waker` wakes the actor that runs it.
    pub(crate) fn begin(&self, waker: &Waker) {
        self.actor.register(waker);
        self.gate.begin();
    }

    pub(crate) fn gate(&self) -> &Gate {
        &self.gate
    }

    /// This signal as a waker, for code that knows nothing of tasks.
    pub(crate) fn waker(self: &Arc<Self>) -> Waker {
        Waker::from(Arc::new(Handle(self.clone())))
    }
}

struct Handle(Arc<TaskSignal>);

impl Wake for Handle {
    fn wake(self: Arc<Self>) {
        self.0.notify();
    }
}
