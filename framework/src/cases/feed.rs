//! The spout of a test: it emits what the test gives to it, when the test does.

use std::{collections::VecDeque, sync::Arc, task::Waker};

use parking_lot::Mutex;

use crate::{
    component::{Next, Problem, Spout, Streams, TaskContext},
    error::Result,
    output::SpoutOutput,
    tuple::Value,
};

/// Tuples on their way into a test's spout; the test and the spout share it.
#[derive(Clone, Default)]
pub(super) struct Feed(Arc<Mutex<Inner>>);

#[derive(Default)]
struct Inner {
    waiting: VecDeque<(usize, Vec<Value>)>,
    given: u64,
    emitted: u64,
    waker: Option<Waker>,
}

impl Feed {
    /// Gives the spout tuples for one of its streams.
    pub(super) fn give(&self, stream: usize, tuples: impl IntoIterator<Item = Vec<Value>>) {
        let mut inner = self.0.lock();
        let before = inner.waiting.len();
        inner.waiting.extend(tuples.into_iter().map(|tuple| (stream, tuple)));
        inner.given += (inner.waiting.len() - before) as u64;
        if let Some(waker) = &inner.waker {
            waker.wake_by_ref();
        }
    }

    /// How many tuples it was given so far.
    pub(super) fn given(&self) -> u64 {
        self.0.lock().given
    }

    /// A spout that emits them.
    pub(super) fn spout(&self, streams: &Streams) -> FeedSpout {
        FeedSpout { feed: self.clone(), streams: streams.clone() }
    }
}

/// Emits what comes by its feed.
pub(super) struct FeedSpout {
    feed: Feed,
    streams: Streams,
}

impl Spout for FeedSpout {
    fn declare(&self) -> Result<Streams, Problem> {
        Ok(self.streams.clone())
    }

    fn prepare(&mut self, context: &TaskContext) -> Result<()> {
        self.feed.0.lock().waker = Some(context.waker());
        Ok(())
    }

    fn next(&mut self, out: &mut SpoutOutput) -> Result<Next> {
        let mut inner = self.feed.0.lock();
        while out.room() > 0 {
            let Some((stream, tuple)) = inner.waiting.pop_front() else { return Ok(Next::Idle) };
            out.emit_again(stream, inner.emitted, 1, &tuple[..])?;
            inner.emitted += 1;
        }
        Ok(Next::More)
    }
}
