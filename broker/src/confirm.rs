//! The promise that something is on disk.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::thread::{self, Thread};

use parking_lot::Mutex;

use crate::error::Result;
use crate::message::MessageId;

/// The messages of one confirmed batch: their ids are consecutive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sent {
    /// The id of the first message; settles and catalogue changes have none and say 0.
    pub first: MessageId,
    /// How many messages were sent.
    pub count: u64,
}

impl Sent {
    /// The ids, in the order in which the messages were given.
    pub fn ids(self) -> impl Iterator<Item = MessageId> {
        (self.first.0..self.first.0 + self.count).map(MessageId)
    }
}

/// Answered when what was asked for has been flushed to the disk.
///
/// Wait for it with [`wait`](Self::wait), or `.await` it in any runtime. Dropping it does not
/// take back what was asked for.
#[derive(Debug)]
#[must_use = "nothing is known to be on disk before the confirmation"]
pub struct Confirm {
    slot: Arc<Slot>,
}

impl Confirm {
    /// Blocks the thread until the answer is there.
    ///
    /// # Errors
    /// Whatever kept the batch from the disk; then none of it will be delivered.
    pub fn wait(self) -> Result<Sent> {
        loop {
            {
                let mut state = self.slot.0.lock();
                match &*state {
                    State::Done(result) => return result.clone(),
                    _ => *state = State::Blocked(thread::current()),
                }
            }
            thread::park();
        }
    }

    /// The answer, if it is there already.
    #[must_use]
    pub fn poll_now(&self) -> Option<Result<Sent>> {
        match &*self.slot.0.lock() {
            State::Done(result) => Some(result.clone()),
            _ => None,
        }
    }
}

impl Future for Confirm {
    type Output = Result<Sent>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let mut state = self.slot.0.lock();
        if let State::Done(result) = &*state {
            return Poll::Ready(result.clone());
        }
        *state = State::Polled(context.waker().clone());
        Poll::Pending
    }
}

#[derive(Debug)]
enum State {
    Open,
    Blocked(Thread),
    Polled(Waker),
    Done(Result<Sent>),
}

#[derive(Debug)]
struct Slot(Mutex<State>);

/// Told what became of a submission, exactly once.
pub(crate) enum Answer {
    Slot(SlotAnswer),
    Call(Box<dyn FnOnce(Result<Sent>) + Send>),
}

/// The writer's end of a [`Confirm`].
pub(crate) struct SlotAnswer(Arc<Slot>);

impl Answer {
    pub(crate) fn slot() -> (Self, Confirm) {
        let slot = Arc::new(Slot(Mutex::new(State::Open)));
        (Self::Slot(SlotAnswer(Arc::clone(&slot))), Confirm { slot })
    }

    pub(crate) fn give(self, result: Result<Sent>) {
        match self {
            Self::Slot(slot) => slot.give(result),
            Self::Call(call) => call(result),
        }
    }
}

impl SlotAnswer {
    fn give(&self, result: Result<Sent>) {
        let before = std::mem::replace(&mut *self.0.0.lock(), State::Done(result));
        match before {
            State::Blocked(thread) => thread.unpark(),
            State::Polled(waker) => waker.wake(),
            State::Open | State::Done(_) => {}
        }
    }
}

impl Drop for SlotAnswer {
    // A writer that dies must not leave anyone waiting for ever.
    fn drop(&mut self) {
        if !matches!(&*self.0.0.lock(), State::Done(_)) {
            self.give(Err(crate::error::Error::Closed));
        }
    }
}
