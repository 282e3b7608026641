//! One queue of a store.

use std::time::Duration;

use crate::attributes::QueueAttributes;
use crate::batch::Batch;
use crate::claim::Claim;
use crate::confirm::{Confirm, Sent};
use crate::delivery::{Peeked, Received};
use crate::error::{Error, Result};
use crate::message::{Handle, Message, MessageId};
use crate::stats::QueueStats;

/// The group of those who do not name one: CMQ's competing consumers.
pub const DEFAULT_GROUP: &str = "default";

/// A queue. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Queue {
    group: Group,
}

/// A queue as one of its groups of consumers sees it. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Group {}

impl Queue {
    /// The name.
    #[must_use]
    pub fn name(&self) -> &str {
        ""
    }

    /// Sends messages and waits until they are on disk.
    ///
    /// # Errors
    /// [`Error::TooLarge`], [`Error::DiskFull`] or what kept them from the disk; then none of
    /// them was sent.
    pub fn send(&self, messages: &[Message]) -> Result<Vec<MessageId>> {
        let mut batch = Batch::default();
        messages.iter().for_each(|message| batch.push_message(message));
        Ok(self.send_batch(batch)?.wait()?.ids().collect())
    }

    /// Hands messages to the writer; the confirmation comes when they are on disk.
    ///
    /// # Errors
    /// [`Error::TooLarge`] or [`Error::DiskFull`], before anything was written.
    pub fn send_batch(&self, batch: Batch) -> Result<Confirm> {
        let _ = batch;
        Err(Error::Closed)
    }

    /// As [`send_batch`](Self::send_batch), but calls `then` on the writer's thread: it must
    /// be quick and must not call the store.
    ///
    /// # Errors
    /// As [`send_batch`](Self::send_batch); then `then` is not called.
    pub fn send_then(&self, batch: Batch, then: impl FnOnce(Result<Sent>) + Send + 'static) -> Result<()> {
        let _ = (batch, then);
        Err(Error::Closed)
    }

    /// The group `name`, created if there is none; a new one gets everything that the queue
    /// still holds. A queue without groups keeps all messages (up to its retention); with
    /// groups it keeps what one of them has not settled.
    ///
    /// # Errors
    /// [`Error::BadName`], or what kept it from the disk.
    pub fn group(&self, name: &str) -> Result<Group> {
        let _ = name;
        Ok(self.group.clone())
    }

    /// Removes a group, and with it its say in what the queue keeps.
    ///
    /// # Errors
    /// [`Error::Claimed`] while someone holds it.
    pub fn delete_group(&self, name: &str) -> Result<()> {
        let _ = name;
        Err(Error::Closed)
    }

    /// Claims `group` (created if there is none) for `owner` alone, for as long as the claim
    /// lives. A higher incarnation of the same owner takes over from a lower one.
    ///
    /// # Errors
    /// [`Error::Claimed`] while another owner, or the same incarnation, holds it;
    /// [`Error::Fenced`] when a higher incarnation of this owner has held it.
    pub fn claim(&self, group: &str, owner: &str, incarnation: u64) -> Result<Claim> {
        let _ = (group, owner, incarnation);
        Err(Error::Closed)
    }

    /// Leases up to `max` messages in the default group; see [`Group::receive`].
    ///
    /// # Errors
    /// [`Error::Claimed`] while the default group is held exclusively.
    pub fn receive(&self, max: usize, visibility: Option<Duration>) -> Result<Vec<Received>> {
        self.group.receive(max, visibility)
    }

    /// Deletes received messages; see [`Group::delete`].
    ///
    /// # Errors
    /// As [`Group::delete`].
    pub fn delete(&self, handles: &[Handle]) -> Result<()> {
        self.group.delete(handles)
    }

    /// Up to `max` messages that the default group has not settled, without leasing them.
    ///
    /// # Errors
    /// What the disk says.
    pub fn peek(&self, max: usize) -> Result<Vec<Peeked>> {
        self.group.peek(max)
    }

    /// Settles everything for all groups; delayed messages go too. Says how many went.
    ///
    /// # Errors
    /// [`Error::Claimed`] while someone holds a claim.
    pub fn purge(&self) -> Result<u64> {
        Err(Error::Closed)
    }

    /// Sends the messages of this dead-letter queue back to where they came from (or all to
    /// `to`), and says how many.
    ///
    /// # Errors
    /// [`Error::NoQueue`] when the source is gone; what was sent back before stays so.
    pub fn redrive(&self, to: Option<&str>) -> Result<u64> {
        let _ = to;
        Err(Error::Closed)
    }

    /// Makes settled messages visible again that were sent at `from_ms` (milliseconds since
    /// 1970) or later and are still kept, in all groups.
    ///
    /// # Errors
    /// [`Error::Claimed`] while someone holds a claim; [`Error::BadAttribute`] when the queue
    /// has no `rewindSeconds`.
    pub fn rewind(&self, from_ms: u64) -> Result<()> {
        let _ = from_ms;
        Err(Error::Closed)
    }

    /// The attributes.
    #[must_use]
    pub fn attributes(&self) -> QueueAttributes {
        QueueAttributes::default()
    }

    /// Changes the attributes.
    ///
    /// # Errors
    /// [`Error::BadAttribute`], [`Error::DeadLetterCycle`].
    pub fn set_attributes(&self, attributes: &QueueAttributes) -> Result<()> {
        let _ = attributes;
        Err(Error::Closed)
    }

    /// The queue at this moment.
    ///
    /// # Errors
    /// [`Error::QueueDeleted`].
    pub fn stats(&self) -> Result<QueueStats> {
        Err(Error::Closed)
    }
}

impl Group {
    /// Leases up to `max` messages for `visibility` (else the queue's `visibilityTimeout`):
    /// those that are due again first, then new ones in order. Waits up to `pollingWaitSeconds`
    /// for the first.
    ///
    /// # Errors
    /// [`Error::Claimed`] while the group is held exclusively.
    pub fn receive(&self, max: usize, visibility: Option<Duration>) -> Result<Vec<Received>> {
        let _ = (max, visibility);
        Err(Error::Closed)
    }

    /// As [`receive`](Self::receive), waiting up to `wait` for the first message.
    ///
    /// # Errors
    /// As [`receive`](Self::receive).
    pub fn receive_wait(&self, max: usize, visibility: Option<Duration>, wait: Duration) -> Result<Vec<Received>> {
        let _ = (max, visibility, wait);
        Err(Error::Closed)
    }

    /// Deletes messages and waits until that is on disk.
    ///
    /// # Errors
    /// [`Error::BadHandle`] for the first handle that is not valid; the others are deleted.
    pub fn delete(&self, handles: &[Handle]) -> Result<()> {
        let _ = handles;
        Err(Error::Closed)
    }

    /// As [`delete`](Self::delete), without waiting for the disk: a message whose confirmation
    /// was not waited for may come again after a crash.
    ///
    /// # Errors
    /// As [`delete`](Self::delete).
    pub fn delete_later(&self, handles: &[Handle]) -> Result<()> {
        let _ = handles;
        Err(Error::Closed)
    }

    /// Makes a leased message visible again after `visibility` from now; zero releases it.
    ///
    /// # Errors
    /// [`Error::BadHandle`].
    pub fn change_visibility(&self, handle: Handle, visibility: Duration) -> Result<()> {
        let _ = (handle, visibility);
        Err(Error::Closed)
    }

    /// Up to `max` messages that are not settled, without leasing them.
    ///
    /// # Errors
    /// What the disk says.
    pub fn peek(&self, max: usize) -> Result<Vec<Peeked>> {
        let _ = max;
        Err(Error::Closed)
    }
}
