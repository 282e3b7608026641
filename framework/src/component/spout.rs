//! Spouts: where tuples come from.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use super::{Problem, Streams, TaskContext};
use crate::{ack::Failure, epoch::ReplayableSource, error::Result, output::SpoutOutput};

/// What a spout has after a call of `next`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    /// There may be more at once.
    More,
    /// Nothing for now; [`TaskContext::waker`] says when, or the engine asks
    /// again after `idle_poll` (100 ms).
    Idle,
    /// Nothing before this moment, to within some tens of microseconds.
    At(Instant),
    /// Nothing ever again.
    Done,
}

/// What the engine decided about a failed message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// It is to be tried again after this long. `counts` says whether this
    /// delivery is to count as an attempt: one that a restart of ours cut
    /// short does not.
    Retry {
        /// How long to wait before the next delivery.
        after: Duration,
        /// Whether this delivery was an attempt.
        counts: bool,
    },
    /// It is a dead letter.
    Dead,
}

/// A message that failed.
#[derive(Debug, Clone)]
pub struct Failed {
    /// The number under which the spout emitted it.
    pub id: u64,
    /// How often it has been delivered, this time included.
    pub attempt: u32,
    /// Who failed it and why.
    pub failure: Failure,
    /// What becomes of it.
    pub verdict: Verdict,
}

/// A source of tuples. Called on one thread, never while its output is blocked.
pub trait Spout: 'static {
    /// What the spout emits. Called without `prepare`, also by
    /// `squall validate`: it must not touch anything outside.
    ///
    /// # Errors
    /// What is wrong with the options.
    fn declare(&self) -> Result<Streams, Problem>;

    /// Called once per task before the first `next`.
    ///
    /// # Errors
    /// The task cannot start; the supervisor tries again after a pause.
    fn prepare(&mut self, context: &TaskContext) -> Result<()> {
        let _ = context;
        Ok(())
    }

    /// Emits up to [`SpoutOutput::room`] messages. Must not wait, unless the
    /// spout is [`blocking`](Self::blocking).
    ///
    /// # Errors
    /// The source cannot be read; the engine asks again after a pause and
    /// shows the reason.
    fn next(&mut self, out: &mut SpoutOutput) -> Result<Next>;

    /// These messages are done in the whole topology.
    ///
    /// # Errors
    /// Counted and shown as the component's last error.
    fn ack(&mut self, ids: &[u64]) -> Result<()> {
        let _ = ids;
        Ok(())
    }

    /// These messages failed. Only a spout that [`replays`](Self::replays)
    /// has to do something about it.
    ///
    /// # Errors
    /// Counted and shown as the component's last error.
    fn fail(&mut self, failed: &[Failed]) -> Result<()> {
        let _ = failed;
        Ok(())
    }

    /// Whether the spout brings failed messages back by itself, as a durable
    /// queue does. Otherwise the engine keeps each message until it is
    /// settled and emits it again.
    fn replays(&self) -> bool {
        false
    }

    /// The source behind the spout, if it can go back: a topology that runs in
    /// epochs needs one. Asked of a spout that was not prepared, once per run
    /// and component; the coordinator claims it, and the tasks find it in
    /// [`TaskContext::source`]. A spout that finds one there reads from it and
    /// is told neither of acks nor of failures.
    fn source(&self) -> Option<Arc<dyn ReplayableSource>> {
        None
    }

    /// Whether each task wants a thread of its own.
    fn blocking(&self) -> bool {
        false
    }

    /// Called once when the topology ends, after everything was settled that
    /// could be.
    fn close(&mut self) {}
}
