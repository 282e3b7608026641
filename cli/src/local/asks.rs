//! What is asked of the topology that runs in this process.

use std::{
    collections::VecDeque,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::SeqCst},
        mpsc::{Sender, channel},
    },
    time::Duration,
};

use std::sync::{Mutex, PoisonError};

use super::Reply;

/// Whoever asks waits no longer than this.
const PATIENCE: Duration = Duration::from_secs(120);

/// What can be asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Rebalance {
    pub(crate) topology: String,
    pub(crate) component: String,
    pub(crate) tasks: usize,
}

/// An ask, and where its answer goes.
#[derive(Debug)]
pub(crate) struct Ask {
    pub(crate) what: Rebalance,
    answer: Sender<Reply>,
}

impl Ask {
    pub(crate) fn answer(self, reply: Reply) {
        // Who does not wait any more need not be told.
        let _ = self.answer.send(reply);
    }
}

/// Between the socket's connections and the topology that runs. Clones share it.
#[derive(Debug, Clone, Default)]
pub(crate) struct Asks(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    heard: AtomicBool,
    waiting: Mutex<VecDeque<Ask>>,
}

impl Asks {
    /// From now on somebody listens.
    pub(crate) fn listen(&self) {
        self.0.heard.store(true, SeqCst);
    }

    /// The next ask, if there is one.
    pub(crate) fn take(&self) -> Option<Ask> {
        self.0.waiting.lock().unwrap_or_else(PoisonError::into_inner).pop_front()
    }

    /// Asks and waits for the answer.
    pub(super) fn ask(&self, what: Rebalance) -> Reply {
        if !self.0.heard.load(SeqCst) {
            return refused("no topology runs in this data folder");
        }
        let (answer, answered) = channel();
        let mut waiting = self.0.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        waiting.push_back(Ask { what, answer });
        drop(waiting);
        answered
            .recv_timeout(PATIENCE)
            .unwrap_or_else(|_| refused("the topology has not answered in time"))
    }
}

pub(crate) fn refused(message: impl Into<String>) -> Reply {
    Reply::Refused { message: message.into(), help: None }
}
