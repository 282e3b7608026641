//! Where components put what they emit.

mod grouping;
mod spout;
mod stream;
mod target;

use std::sync::Arc;

pub use grouping::{CustomGrouping, Grouping};
pub(crate) use spout::SourceBatch;
pub use spout::SpoutOutput;
pub(crate) use stream::{StreamOut, Subscriber};
pub(crate) use target::Target;

use crate::{
    ack::Failure,
    component::Streams,
    error::{Error, Result},
    tuple::{IntoRow, ValueRef},
};
use target::Anchor;

/// Where a bolt emits. What is emitted is anchored to the tuple in hand: the
/// source message is done only when all that came of it is.
pub struct Output {
    pub(crate) streams: Vec<StreamOut>,
    pub(crate) component: Arc<str>,
    pub(crate) anchor: Anchor,
    /// Rows of the batch in hand that the bolt has failed, with the reason.
    pub(crate) failed: Vec<(u32, Failure)>,
    names: Streams,
    last: bool,
}

impl Output {
    pub(crate) fn new(
        component: Arc<str>,
        names: Streams,
        streams: Vec<StreamOut>,
        tracked: bool,
    ) -> Self {
        Output {
            streams,
            component,
            anchor: Anchor::new(tracked),
            failed: Vec::new(),
            names,
            last: false,
        }
    }

    /// Emits a tuple to the default stream.
    ///
    /// ```
    /// # use squall_framework::{Output, Result};
    /// fn both(out: &mut Output) -> Result<()> {
    ///     out.emit(["one field"])?;
    ///     out.emit(("several", 2, 0.5))
    /// }
    /// ```
    ///
    /// # Errors
    /// The row does not have as many values as the stream has fields, or the
    /// bolt has declared no stream.
    #[inline]
    pub fn emit(&mut self, row: impl IntoRow) -> Result<()> {
        row.with(|row| self.emit_row(0, row))
    }

    /// Emits a tuple to the stream of this index, see [`stream`](Self::stream).
    ///
    /// # Errors
    /// As [`emit`](Self::emit).
    #[inline]
    pub fn emit_to(&mut self, stream: usize, row: impl IntoRow) -> Result<()> {
        row.with(|row| self.emit_row(stream, row))
    }

    /// Emits a tuple to one task, for inputs with `grouping: direct`.
    ///
    /// # Errors
    /// As [`emit`](Self::emit), or no subscriber with direct grouping has
    /// such a task.
    pub fn emit_direct(&mut self, stream: usize, task: u32, row: impl IntoRow) -> Result<()> {
        row.with(|row| {
            let out = self.streams.get_mut(stream).ok_or_else(|| no_stream(stream))?;
            out.emit_direct(task, row, &self.anchor)
        })
    }

    /// Emits a tuple that was made of these rows of the batch in hand: all of
    /// them are done only when it is. For bolts that work on whole batches.
    ///
    /// # Errors
    /// As [`emit`](Self::emit).
    pub fn emit_from(&mut self, rows: &[usize], row: impl IntoRow) -> Result<()> {
        self.emit_from_to(0, rows, row)
    }

    /// As [`emit_from`](Self::emit_from), to the stream of this index.
    ///
    /// # Errors
    /// As [`emit`](Self::emit).
    pub fn emit_from_to(&mut self, stream: usize, rows: &[usize], row: impl IntoRow) -> Result<()> {
        self.anchor.set_rows(rows);
        row.with(|row| self.emit_row(stream, row))
    }

    /// Fails a row of the batch in hand. For bolts that work on whole batches.
    pub fn fail(&mut self, row: usize, error: impl Into<Error>) {
        let failure = Failure::of(&error.into(), &self.component);
        self.failed.push((row as u32, failure));
    }

    /// For `flush`: whether the input has ended, so that windows which wait for
    /// later tuples need wait no more. It may still go on in a later run.
    #[must_use]
    pub fn is_last(&self) -> bool {
        self.last
    }

    pub(crate) fn set_last(&mut self, last: bool) {
        self.last = last;
    }

    /// The index of the stream of this name.
    #[must_use]
    pub fn stream(&self, name: &str) -> Option<usize> {
        self.names.all().iter().position(|stream| stream.name == name)
    }

    /// The ids of the tasks that direct emits to this stream can reach.
    #[must_use]
    pub fn direct_tasks(&self, stream: usize) -> Vec<u32> {
        self.streams.get(stream).map_or_else(Vec::new, StreamOut::direct_tasks)
    }

    #[inline]
    pub(crate) fn emit_row(&mut self, stream: usize, row: &[ValueRef<'_>]) -> Result<()> {
        match self.streams.get_mut(stream) {
            Some(out) => out.emit(row, &self.anchor),
            None => Err(no_stream(stream)),
        }
    }

    /// Sends what is still being filled, and tries again what was blocked.
    pub(crate) fn flush(&mut self) {
        for target in self.targets() {
            target.flush();
        }
    }

    /// Tries again what was blocked. True when nothing is left.
    pub(crate) fn unblock(&mut self) -> bool {
        let mut free = true;
        for target in self.targets() {
            free &= target.unblock();
        }
        free
    }

    /// Drops everything that has not been sent.
    pub(crate) fn drop_all(&mut self) {
        for target in self.targets() {
            target.drop_all();
        }
    }

    /// Takes back what the call in hand has emitted and not yet sent.
    pub(crate) fn roll_back(&mut self) {
        let call = self.anchor.call();
        for stream in &mut self.streams {
            stream.roll_back(call);
        }
    }

    /// Tells the sources of all that waits here that its line moves.
    pub(crate) fn touch(&self, now_ms: u64) {
        let subscribers = self.streams.iter().flat_map(|stream| &stream.subscribers);
        for target in subscribers.flat_map(|subscriber| &subscriber.targets) {
            target.touch(now_ms);
        }
    }

    pub(crate) fn is_blocked(&self) -> bool {
        self.streams.iter().any(StreamOut::is_blocked)
    }

    pub(crate) fn emitted(&self) -> u64 {
        self.streams.iter().map(|stream| stream.emitted).sum()
    }

    fn targets(&mut self) -> impl Iterator<Item = &mut Target> {
        self.streams.iter_mut().flat_map(|s| &mut s.subscribers).flat_map(|s| &mut s.targets)
    }
}

impl std::fmt::Debug for Output {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Output").field("component", &self.component).finish_non_exhaustive()
    }
}

fn no_stream(stream: usize) -> Error {
    Error::data(match stream {
        0 => "emits, but declares no stream; return one from `declare`".to_owned(),
        n => format!("emits to stream {n}, which `declare` does not name"),
    })
}
