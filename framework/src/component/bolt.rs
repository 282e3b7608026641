//! Bolts: what is done to tuples.

use std::pin::Pin;

use super::{Inputs, Problem, Streams, TaskContext};
use crate::{
    epoch::CommitTarget,
    error::Result,
    output::Output,
    tuple::{Tuple, TupleBatch},
};

/// Whether `flush` has more to emit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Flush {
    /// Call again when the output has room.
    More,
    /// Nothing is held back.
    Done,
}

/// A bolt that works on one tuple at a time.
///
/// The engine makes one value per task from the component's factory, and a
/// new one after a panic, so what is kept in fields does not survive it.
/// Returning `Ok` acks the tuple, `Err` fails it with its reason and takes
/// back what this call has emitted.
///
/// ```
/// use squall_framework::{Bolt, Inputs, Kind, Output, Problem, Result, Schema, Streams, Tuple};
///
/// struct Shout;
///
/// impl Bolt for Shout {
///     fn declare(&self, inputs: &Inputs) -> Result<Streams, Problem> {
///         inputs.require("word")?;
///         Ok(Streams::one(Schema::new([("word", Kind::Text)])))
///     }
///
///     fn execute(&mut self, tuple: &Tuple, out: &mut Output) -> Result<()> {
///         out.emit([tuple.str("word")?.to_uppercase()])
///     }
/// }
/// ```
pub trait Bolt: 'static {
    /// What the bolt emits, given what comes in. Called without `prepare`,
    /// also by `squall validate`: it must not touch anything outside.
    ///
    /// # Errors
    /// What is wrong with the inputs or options, for example a field that an
    /// input does not have.
    fn declare(&self, inputs: &Inputs) -> Result<Streams, Problem> {
        let _ = inputs;
        Ok(Streams::none())
    }

    /// Called once per task before the first tuple, on the task's thread.
    ///
    /// # Errors
    /// The task cannot start; the supervisor tries again after a pause.
    fn prepare(&mut self, context: &TaskContext) -> Result<()> {
        let _ = context;
        Ok(())
    }

    /// Works on one tuple. Must not wait for anything outside; a bolt that
    /// has to is a [`BatchBolt`], or [`blocking`](Self::blocking).
    ///
    /// # Errors
    /// The tuple failed, with the reason and whether a retry can help.
    fn execute(&mut self, tuple: &Tuple<'_>, out: &mut Output) -> Result<()>;

    /// Called at the component's `tick` interval.
    ///
    /// # Errors
    /// Counted and shown as the component's last error.
    fn tick(&mut self, out: &mut Output) -> Result<()> {
        let _ = out;
        Ok(())
    }

    /// Emits what is held back. A bolt with state is asked at the end of every
    /// epoch, when all tuples of it are done: once or twice a second, before
    /// results are committed. What it emits belongs to that commit. Others are
    /// asked when the topology drains. Called again after [`Flush::More`] as
    /// soon as the output has room. [`Output::is_last`] says whether the input
    /// has ended.
    ///
    /// # Errors
    /// Counted and shown as the component's last error; in a bolt with state
    /// the epoch is tried again.
    fn flush(&mut self, out: &mut Output) -> Result<Flush> {
        let _ = out;
        Ok(Flush::Done)
    }

    /// Whether the bolt keeps [`State`](crate::State). Its inputs must then be
    /// grouped by `fields` or `global`, and the topology runs in epochs: what
    /// the bolt remembers, what it emits and which messages were read are
    /// committed together.
    fn stateful(&self) -> bool {
        false
    }

    /// Whether each task wants a thread of its own, because `execute` waits
    /// for a disk or a child process.
    fn blocking(&self) -> bool {
        false
    }

    /// Called once when the topology ends.
    fn close(&mut self) {}
}

/// What [`BatchBolt::execute`] gives.
pub type BoltFuture<'a> = Pin<Box<dyn Future<Output = Result<()>> + 'a>>;

/// A bolt that works on whole batches and may wait: a sink, a lookup.
///
/// While the future is pending the task takes nothing else and its thread
/// serves other tasks. `Ok` acks every row except those given to
/// [`Output::fail`]; `Err` fails them all.
pub trait BatchBolt: 'static {
    /// As [`Bolt::declare`].
    ///
    /// # Errors
    /// As [`Bolt::declare`].
    fn declare(&self, inputs: &Inputs) -> Result<Streams, Problem> {
        let _ = inputs;
        Ok(Streams::none())
    }

    /// As [`Bolt::prepare`].
    ///
    /// # Errors
    /// As [`Bolt::prepare`].
    fn prepare(&mut self, context: &TaskContext) -> Result<()> {
        let _ = context;
        Ok(())
    }

    /// Works on a batch. Rows emitted with [`Output::emit_from`] are anchored
    /// to the rows they name.
    ///
    /// ```
    /// # use squall_framework::*;
    /// # struct Sink;
    /// impl BatchBolt for Sink {
    ///     fn execute<'a>(&'a mut self, batch: &'a TupleBatch, out: &'a mut Output) -> BoltFuture<'a> {
    ///         Box::pin(async move {
    ///             for tuple in batch.rows() {
    ///                 if tuple.int("price")? < 0 {
    ///                     out.fail(tuple.row(), Error::data("a negative price"));
    ///                 }
    ///             }
    ///             Ok(()) // after the write has been confirmed
    ///         })
    ///     }
    /// }
    /// ```
    fn execute<'a>(&'a mut self, batch: &'a TupleBatch, out: &'a mut Output) -> BoltFuture<'a>;

    /// How many rows a call should have at best: batches that wait are put
    /// together up to this number, so that a sink can write a thousand rows
    /// in one statement.
    fn rows_per_call(&self) -> usize {
        1
    }

    /// Whether, in epochs, all that leaves by this bolt leaves after the
    /// commit, as messages that it gives to the
    /// [`Collector`](crate::Collector).
    fn sends_after_commit(&self) -> bool {
        false
    }

    /// As [`Bolt::blocking`].
    fn blocking(&self) -> bool {
        false
    }

    /// The store that the bolt's rows go to, for a sink whose rows can be
    /// committed together with the positions of the sources. Called without
    /// `prepare`, also by `squall validate`: it must not touch anything outside.
    fn commits_to(&self) -> Option<CommitTarget> {
        None
    }

    /// As [`Bolt::close`].
    fn close(&mut self) {}
}

/// A bolt of either kind.
pub enum AnyBolt {
    /// Works on one tuple at a time.
    Row(Box<dyn Bolt>),
    /// Works on whole batches and may wait.
    Batch(Box<dyn BatchBolt>),
}

impl AnyBolt {
    /// As [`Bolt::declare`].
    ///
    /// # Errors
    /// As [`Bolt::declare`].
    pub fn declare(&self, inputs: &Inputs) -> Result<Streams, Problem> {
        match self {
            AnyBolt::Row(bolt) => bolt.declare(inputs),
            AnyBolt::Batch(bolt) => bolt.declare(inputs),
        }
    }

    /// As [`Bolt::blocking`].
    #[must_use]
    pub fn blocking(&self) -> bool {
        match self {
            AnyBolt::Row(bolt) => bolt.blocking(),
            AnyBolt::Batch(bolt) => bolt.blocking(),
        }
    }

    /// As [`Bolt::stateful`].
    #[must_use]
    pub fn stateful(&self) -> bool {
        match self {
            AnyBolt::Row(bolt) => bolt.stateful(),
            AnyBolt::Batch(_) => false,
        }
    }

    /// As [`BatchBolt::commits_to`].
    #[must_use]
    pub fn commits_to(&self) -> Option<CommitTarget> {
        match self {
            AnyBolt::Row(_) => None,
            AnyBolt::Batch(bolt) => bolt.commits_to(),
        }
    }

    /// As [`BatchBolt::sends_after_commit`].
    #[must_use]
    pub fn sends_after_commit(&self) -> bool {
        match self {
            AnyBolt::Row(_) => false,
            AnyBolt::Batch(bolt) => bolt.sends_after_commit(),
        }
    }

    pub(crate) fn prepare(&mut self, context: &TaskContext) -> Result<()> {
        match self {
            AnyBolt::Row(bolt) => bolt.prepare(context),
            AnyBolt::Batch(bolt) => bolt.prepare(context),
        }
    }

    pub(crate) fn close(&mut self) {
        match self {
            AnyBolt::Row(bolt) => bolt.close(),
            AnyBolt::Batch(bolt) => bolt.close(),
        }
    }
}
