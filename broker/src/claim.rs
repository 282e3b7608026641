//! Reading a queue alone.

use std::ops::Range;
use std::time::Duration;

use crate::confirm::Confirm;
use crate::delivery::Frame;
use crate::error::{Error, Result};
use crate::position::Position;

/// Exclusive use of one group of one queue: messages come in order, without a visibility
/// timeout, and are settled by offset. Dropping the claim releases it; what was read and not
/// settled comes again to the next one.
///
/// All methods may be called from several threads. After a higher incarnation took over, they
/// say [`Error::Fenced`].
#[derive(Debug)]
pub struct Claim {}

impl Claim {
    /// The next messages, at most `max_messages` and (but for the first message) `max_bytes`
    /// of the log: those that are due for a retry first, then new ones in order. Empty when
    /// there are none now: then the [`on_ready`](Self::on_ready) callback is called once there
    /// are. Does not wait.
    ///
    /// # Errors
    /// [`Error::Fenced`], or what the disk says. Damage does not stop reading: it is reported
    /// by [`Store::damage`](crate::Store::damage) and counted as lost.
    pub fn read(&self, max_messages: usize, max_bytes: usize) -> Result<Vec<Frame>> {
        let _ = (max_messages, max_bytes);
        Err(Error::Closed)
    }

    /// Replaces the callback that says that reading is worthwhile again. It is called from
    /// any thread, with no lock held, at most once for each `read` that gave nothing; it must
    /// be quick.
    pub fn on_ready(&self, callback: impl Fn() + Send + Sync + 'static) {
        let _ = callback;
    }

    /// Settles messages by their offsets; those that are settled already count as settled. The
    /// record rides on the next group commit; wait for the confirmation only if it matters.
    ///
    /// # Errors
    /// [`Error::Fenced`], [`Error::Closed`].
    pub fn settle(&self, ranges: &[Range<u64>]) -> Result<()> {
        let _ = ranges;
        Err(Error::Closed)
    }

    /// As [`settle`](Self::settle), with a confirmation when it is on disk.
    ///
    /// # Errors
    /// As [`settle`](Self::settle).
    pub fn settle_confirmed(&self, ranges: &[Range<u64>]) -> Result<Confirm> {
        let _ = ranges;
        Err(Error::Closed)
    }

    /// Has a message delivered again after `delay`. With `count_attempt` false this delivery
    /// does not count: the message was not at fault.
    ///
    /// # Errors
    /// [`Error::Fenced`], [`Error::Closed`].
    pub fn fail(&self, offset: u64, delay: Duration, reason: &str, count_attempt: bool) -> Result<()> {
        let _ = (offset, delay, reason, count_attempt);
        Err(Error::Closed)
    }

    /// Moves a message to the dead-letter queue: the one of the queue's attributes, else
    /// `NAME.dead`, created if there is none. The move is one record, so the message is never
    /// in both or neither. `by` names the bolt.
    ///
    /// # Errors
    /// [`Error::Fenced`], [`Error::Closed`].
    pub fn dead_letter(&self, offset: u64, reason: &str, by: &str) -> Result<Confirm> {
        let _ = (offset, reason, by);
        Err(Error::Closed)
    }

    /// Has everything that was read and not settled delivered again, in order and at once,
    /// without counting the attempt.
    ///
    /// # Errors
    /// [`Error::Fenced`], [`Error::Closed`].
    pub fn release_all(&self) -> Result<()> {
        Err(Error::Closed)
    }

    /// A position for `ranges`, to be stored elsewhere.
    #[must_use]
    pub fn position(&self, ranges: Vec<Range<u64>>) -> Position {
        Position { queue: String::new(), group: String::new(), generation: 0, ranges }
    }

    /// Settles what a stored position says was dealt with.
    ///
    /// # Errors
    /// [`Error::ForeignPosition`] when it is of another life of the queue; besides as
    /// [`settle`](Self::settle).
    pub fn settle_position(&self, position: &Position) -> Result<Confirm> {
        let _ = position;
        Err(Error::Closed)
    }
}
