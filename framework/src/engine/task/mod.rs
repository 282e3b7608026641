//! Tasks: the actor that runs one bolt or spout, a turn at a time.

mod actor;
mod bolt;
mod call;
mod patience;
mod retry;
mod spout;

use std::{
    any::Any,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::mpsc::Sender,
};

pub(crate) use actor::{Body, Control, TaskActor};
pub(crate) use bolt::BoltTask;
pub(crate) use patience::Patience;
pub use retry::{DeadLetter, DeadLetters, RetryPolicy};
pub(crate) use spout::{SpoutLimits, SpoutTask};

/// How a turn ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Turn {
    /// There is more to do at once.
    Again,
    /// Nothing to do until somebody notifies the task.
    Idle,
}

/// What a task tells the supervisor.
#[derive(Debug)]
pub(crate) struct Fallen {
    pub(crate) task: u32,
    pub(crate) panicked: bool,
    pub(crate) reason: String,
    /// In epochs: something of the epoch in hand is lost with it.
    pub(crate) lost: bool,
}

/// How tasks reach the supervisor.
pub(crate) type Reports = Sender<Fallen>;

/// A turn ends after this many batches ...
pub(crate) const TURN_BATCHES: usize = 16;
/// ... or after this many nanoseconds, so that neighbours on the thread are served.
pub(crate) const TURN_NS: u64 = 500_000;

/// Drops a component. A panic in its `Drop` must not end the task's actor,
/// which nobody would build again.
pub(crate) fn discard<T>(component: T) {
    if let Err(panic) = catch_unwind(AssertUnwindSafe(|| drop(component))) {
        tracing::warn!(reason = %panic_text(&*panic), "a component panicked while it was dropped");
    }
}

/// The text of a panic.
pub(crate) fn panic_text(panic: &(dyn Any + Send)) -> String {
    if let Some(text) = panic.downcast_ref::<&str>() {
        (*text).to_owned()
    } else if let Some(text) = panic.downcast_ref::<String>() {
        text.clone()
    } else {
        "a panic without a text".to_owned()
    }
}
