//! What every store of queues can do: the durable one, the one in memory, and later ones.

use std::ops::Range;
use std::time::Duration;

use crate::attributes::QueueAttributes;
use crate::claim::Claim;
use crate::delivery::{Delivered, Peeked, Received};
use crate::error::Result;
use crate::message::{Handle, Message, MessageId};
use crate::stats::QueueStats;
use crate::store::Store;

/// A store of queues, by names. One suite of tests says what each method has to do and runs over
/// every implementation; the methods of [`Store`], [`Queue`](crate::Queue) and
/// [`Group`](crate::Group) say the same in words, with the errors.
#[allow(clippy::missing_errors_doc)]
pub trait QueueStore: Send + Sync {
    /// Creates a queue; fine if there is one with these attributes.
    fn create_queue(&self, name: &str, attributes: &QueueAttributes) -> Result<()>;
    /// Deletes a queue with everything in it.
    fn delete_queue(&self, name: &str) -> Result<()>;
    /// The names of all queues, sorted.
    fn list(&self) -> Vec<String>;
    /// The attributes of a queue.
    fn attributes(&self, queue: &str) -> Result<QueueAttributes>;
    /// Changes the attributes of a queue.
    fn set_attributes(&self, queue: &str, attributes: &QueueAttributes) -> Result<()>;
    /// Sends messages and waits until they are safe.
    fn send(&self, queue: &str, messages: &[Message]) -> Result<Vec<MessageId>>;
    /// Sends messages unless the queue has had this number of the producer or a higher one; gives
    /// the ids of those that were sent now.
    fn send_once(
        &self,
        queue: &str,
        messages: &[Message],
        producer: &str,
        number: u64,
    ) -> Result<Vec<MessageId>>;
    /// The highest number that a producer has sent once.
    fn last_number(&self, queue: &str, producer: &str) -> Result<Option<u64>>;
    /// Makes a group that starts at a time, and is given what others have settled since.
    fn group_from(&self, queue: &str, group: &str, from_ms: u64) -> Result<()>;
    /// Leases messages, without waiting.
    fn receive(
        &self,
        queue: &str,
        group: &str,
        max: usize,
        visibility: Option<Duration>,
    ) -> Result<Vec<Received>>;
    /// Deletes leased messages.
    fn delete(&self, queue: &str, group: &str, handles: &[Handle]) -> Result<()>;
    /// Makes a leased message visible after another time.
    fn change_visibility(
        &self,
        queue: &str,
        group: &str,
        handle: Handle,
        visibility: Duration,
    ) -> Result<()>;
    /// Looks at messages that are not settled.
    fn peek(&self, queue: &str, group: &str, max: usize) -> Result<Vec<Peeked>>;
    /// Settles everything for all groups.
    fn purge(&self, queue: &str) -> Result<u64>;
    /// Sends dead letters back to where they came from, or to `to`.
    fn redrive(&self, queue: &str, to: Option<&str>) -> Result<u64>;
    /// Makes settled messages visible again.
    fn rewind(&self, queue: &str, from_ms: u64) -> Result<()>;
    /// A queue at this moment.
    fn stats(&self, queue: &str) -> Result<QueueStats>;
    /// Claims a group exclusively; dropping the claim releases it.
    fn claim(
        &self,
        queue: &str,
        group: &str,
        owner: &str,
        incarnation: u64,
    ) -> Result<Box<dyn QueueClaim>>;
    /// Does what is due by a manual clock.
    fn tick(&self);
}

/// An exclusive claim on a group of a [`QueueStore`]; as [`Claim`].
#[allow(clippy::missing_errors_doc)]
pub trait QueueClaim: Send {
    /// The next messages.
    fn read(&self, max: usize) -> Result<Vec<Delivered>>;
    /// Settles messages by offset and waits until that is safe.
    fn settle(&self, ranges: &[Range<u64>]) -> Result<()>;
    /// Has a message delivered again.
    fn fail(&self, offset: u64, delay: Duration, reason: &str, count_attempt: bool) -> Result<()>;
    /// Moves a message to the dead-letter queue.
    fn dead_letter(&self, offset: u64, reason: &str, by: &str) -> Result<()>;
    /// Moves several messages (offset, reason, by) to the dead-letter queue.
    fn dead_letters(&self, dead: &[(u64, &str, &str)]) -> Result<()>;
    /// Everything below is settled.
    fn floor(&self) -> Result<u64>;
    /// Has everything that was read and not settled delivered again.
    fn release_all(&self) -> Result<()>;
}

impl QueueStore for Store {
    fn create_queue(&self, name: &str, attributes: &QueueAttributes) -> Result<()> {
        Store::create_queue(self, name, attributes).map(|_| ())
    }
    fn delete_queue(&self, name: &str) -> Result<()> {
        Store::delete_queue(self, name)
    }
    fn list(&self) -> Vec<String> {
        Store::list(self)
    }
    fn attributes(&self, queue: &str) -> Result<QueueAttributes> {
        Ok(self.queue(queue)?.attributes())
    }
    fn set_attributes(&self, queue: &str, attributes: &QueueAttributes) -> Result<()> {
        self.queue(queue)?.set_attributes(attributes)
    }
    fn send(&self, queue: &str, messages: &[Message]) -> Result<Vec<MessageId>> {
        self.queue(queue)?.send(messages)
    }
    fn send_once(
        &self,
        queue: &str,
        messages: &[Message],
        producer: &str,
        number: u64,
    ) -> Result<Vec<MessageId>> {
        let batch = messages.iter().cloned().collect();
        let sent = self.queue(queue)?.send_once(batch, producer, number)?.wait()?;
        Ok(sent.ids().collect())
    }
    fn last_number(&self, queue: &str, producer: &str) -> Result<Option<u64>> {
        Ok(self.queue(queue)?.last_number(producer))
    }
    fn group_from(&self, queue: &str, group: &str, from_ms: u64) -> Result<()> {
        self.queue(queue)?.group_from(group, from_ms).map(|_| ())
    }
    fn receive(
        &self,
        queue: &str,
        group: &str,
        max: usize,
        visibility: Option<Duration>,
    ) -> Result<Vec<Received>> {
        self.queue(queue)?.group(group)?.receive_wait(max, visibility, Duration::ZERO)
    }
    fn delete(&self, queue: &str, group: &str, handles: &[Handle]) -> Result<()> {
        self.queue(queue)?.group(group)?.delete(handles)
    }
    fn change_visibility(
        &self,
        queue: &str,
        group: &str,
        handle: Handle,
        visibility: Duration,
    ) -> Result<()> {
        self.queue(queue)?.group(group)?.change_visibility(handle, visibility)
    }
    fn peek(&self, queue: &str, group: &str, max: usize) -> Result<Vec<Peeked>> {
        self.queue(queue)?.group(group)?.peek(max)
    }
    fn purge(&self, queue: &str) -> Result<u64> {
        self.queue(queue)?.purge()
    }
    fn redrive(&self, queue: &str, to: Option<&str>) -> Result<u64> {
        self.queue(queue)?.redrive(to)
    }
    fn rewind(&self, queue: &str, from_ms: u64) -> Result<()> {
        self.queue(queue)?.rewind(from_ms)
    }
    fn stats(&self, queue: &str) -> Result<QueueStats> {
        self.queue(queue)?.stats()
    }
    fn claim(
        &self,
        queue: &str,
        group: &str,
        owner: &str,
        incarnation: u64,
    ) -> Result<Box<dyn QueueClaim>> {
        Ok(Box::new(self.queue(queue)?.claim(group, owner, incarnation)?))
    }
    fn tick(&self) {
        Store::tick(self);
    }
}

impl QueueClaim for Claim {
    fn read(&self, max: usize) -> Result<Vec<Delivered>> {
        let frames = Claim::read(self, max, usize::MAX)?;
        Ok(frames.iter().flat_map(|frame| frame.iter().collect::<Vec<_>>()).collect())
    }
    fn settle(&self, ranges: &[Range<u64>]) -> Result<()> {
        self.settle_confirmed(ranges)?.wait().map(|_| ())
    }
    fn fail(&self, offset: u64, delay: Duration, reason: &str, count_attempt: bool) -> Result<()> {
        Claim::fail(self, offset, delay, reason, count_attempt)
    }
    fn dead_letter(&self, offset: u64, reason: &str, by: &str) -> Result<()> {
        Claim::dead_letter(self, offset, reason, by)?.wait().map(|_| ())
    }
    fn dead_letters(&self, dead: &[(u64, &str, &str)]) -> Result<()> {
        Claim::dead_letters(self, dead)?.wait().map(|_| ())
    }
    fn floor(&self) -> Result<u64> {
        Claim::floor(self)
    }
    fn release_all(&self) -> Result<()> {
        Claim::release_all(self)
    }
}
