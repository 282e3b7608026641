//! One queue of a store.

use std::sync::Arc;
use std::time::Duration;

use parking_lot::MutexGuard;

use crate::attributes::{QueueAttributes, check_name};
use crate::batch::Batch;
use crate::cell::Cell;
use crate::claim::Claim;
use crate::confirm::{Answer, Confirm, Sent};
use crate::delivery::{Peeked, Received};
use crate::error::{Error, Result};
use crate::group::{DEFAULT_GROUP, Group};
use crate::inbox::{Numbered, Op};
use crate::message::{Handle, Message, MessageId};
use crate::record::Record;
use crate::state::QueueState;
use crate::stats::{GroupStats, QueueStats};
use crate::store::Inner;

/// A queue. Cheap to clone.
#[derive(Clone)]
pub struct Queue {
    store: Arc<Inner>,
    cell: Arc<Cell>,
}

impl std::fmt::Debug for Queue {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Queue").field(&self.cell.name).finish()
    }
}

impl Queue {
    pub(crate) fn new(store: Arc<Inner>, cell: Arc<Cell>) -> Self {
        Self { store, cell }
    }

    pub(crate) fn cell(&self) -> &Arc<Cell> {
        &self.cell
    }

    pub(crate) fn store(&self) -> &Arc<Inner> {
        &self.store
    }

    /// The name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.cell.name
    }

    /// Sends messages and waits until they are on disk.
    ///
    /// # Errors
    /// [`Error::TooLarge`], [`Error::DiskFull`] or what kept them from the disk. After the last
    /// the store stops, and some of the messages may turn out to have been sent.
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
        let (answer, confirm) = Answer::slot();
        self.submit(batch, None, answer)?;
        Ok(confirm)
    }

    /// As [`send_batch`](Self::send_batch), but calls `then` on the writer's thread: it must
    /// be quick and must not wait for the store.
    ///
    /// # Errors
    /// As [`send_batch`](Self::send_batch); then `then` is not called.
    pub fn send_then(
        &self,
        batch: Batch,
        then: impl FnOnce(Result<Sent>) + Send + 'static,
    ) -> Result<()> {
        self.submit(batch, None, Answer::Call(Box::new(then)))
    }

    pub(crate) fn submit(
        &self,
        batch: Batch,
        numbered: Option<Numbered>,
        answer: Answer,
    ) -> Result<()> {
        let shared = &self.store.shared;
        batch.check(self.cell.look().attributes.max_message_size)?;
        shared.check_room()?;
        shared.inbox.submit(Op::Send { cell: Arc::clone(&self.cell), batch, numbered, answer })
    }

    /// The group `name`, created if there is none; a new one gets everything that the queue
    /// still holds, but not what all others have settled and is kept for a rewind. A queue without groups keeps all messages (up to its retention); with
    /// groups it keeps what one of them has not settled.
    ///
    /// # Errors
    /// [`Error::BadName`], or what kept it from the disk.
    pub fn group(&self, name: &str) -> Result<Group> {
        let group = Group::new(self.clone(), name);
        group.ensure()?;
        Ok(group)
    }

    /// Makes the group `name`, which starts with what was sent at `from_ms` (milliseconds since
    /// 1970) or later. Unlike a group that [`group`](Self::group) makes, it is also given messages
    /// that all others have settled, as far as they are kept for `rewindSeconds`. The other groups
    /// see nothing of it; what the queue keeps, it now keeps until this group has settled it too.
    ///
    /// # Errors
    /// [`Error::GroupExists`]; otherwise as [`group`](Self::group).
    pub fn group_from(&self, name: &str, from_ms: u64) -> Result<Group> {
        let group = Group::new(self.clone(), name);
        group.create_from(from_ms)?;
        Ok(group)
    }

    /// Removes a group, and with it its say in what the queue keeps.
    ///
    /// # Errors
    /// [`Error::Claimed`] while someone holds it.
    pub fn delete_group(&self, name: &str) -> Result<()> {
        let confirm = {
            let mut state = self.cell.live()?;
            let Some(id) = state.group_named(name).map(|group| group.id) else { return Ok(()) };
            self.check_group_unclaimed(&state, id)?;
            let now = self.store.shared.now();
            state.remove_group(id, now);
            self.store.shared.confirm(&Record::RemoveGroup { queue: self.cell.id, group: id })?
        };
        confirm.wait().map(|_| ())
    }

    /// Claims `group` (created if there is none) for `owner` alone, for as long as the claim
    /// lives. A higher incarnation of the same owner takes over from a lower one.
    ///
    /// # Errors
    /// [`Error::Claimed`] while another owner, or the same incarnation, holds it;
    /// [`Error::OldIncarnation`] when a higher incarnation of this owner has held it, before a
    /// restart or since.
    pub fn claim(&self, group: &str, owner: &str, incarnation: u64) -> Result<Claim> {
        check_name(group)?;
        Claim::take(self.clone(), group, owner, incarnation)
    }

    /// Who claimed `group` last, and as which incarnation, whether the claim is alive or not.
    #[must_use]
    pub fn last_claim(&self, group: &str) -> Option<(String, u64)> {
        self.cell.look().group_named(group).and_then(|group| group.claimed.clone())
    }

    fn default_group(&self) -> Group {
        Group::new(self.clone(), DEFAULT_GROUP)
    }

    /// Leases up to `max` messages in the default group; see [`Group::receive`].
    ///
    /// # Errors
    /// [`Error::Claimed`] while the default group is held exclusively.
    pub fn receive(&self, max: usize, visibility: Option<Duration>) -> Result<Vec<Received>> {
        self.default_group().receive(max, visibility)
    }

    /// Deletes received messages; see [`Group::delete`].
    ///
    /// # Errors
    /// As [`Group::delete`].
    pub fn delete(&self, handles: &[Handle]) -> Result<()> {
        self.default_group().delete(handles)
    }

    /// Up to `max` messages that the default group has not settled, without leasing them.
    ///
    /// # Errors
    /// What the disk says.
    pub fn peek(&self, max: usize) -> Result<Vec<Peeked>> {
        self.default_group().peek(max)
    }

    /// Settles everything for all groups; delayed messages go too. Says how many went.
    ///
    /// # Errors
    /// [`Error::Claimed`] while someone holds a claim.
    pub fn purge(&self) -> Result<u64> {
        let stats = self.stats()?;
        let confirm = {
            let mut state = self.cell.live()?;
            self.check_unclaimed(&state)?;
            let (up_to, generation) = (state.next, state.generation + 1);
            let confirm = self.store.shared.confirm(&Record::Purge {
                queue: self.cell.id,
                up_to,
                generation,
            })?;
            state.generation = generation;
            state.drop_below(up_to, true);
            confirm
        };
        confirm.wait()?;
        Ok(stats.active + stats.inactive + stats.delayed)
    }

    /// Sends the messages of this dead-letter queue back to where they came from (or all to
    /// `to`), and says how many. Messages that are leased or not dead letters stay, unless `to`
    /// is given.
    ///
    /// # Errors
    /// [`Error::NoQueue`] when the source is gone; what was sent back before stays so.
    pub fn redrive(&self, to: Option<&str>) -> Result<u64> {
        crate::moves::redrive(self, to)
    }

    /// Makes settled messages visible again that were sent at `from_ms` (milliseconds since
    /// 1970) or later and are still kept, in all groups.
    ///
    /// # Errors
    /// [`Error::Claimed`] while someone holds a claim; [`Error::BadAttribute`] when the queue
    /// has no `rewindSeconds`.
    pub fn rewind(&self, from_ms: u64) -> Result<()> {
        let shared = &self.store.shared;
        let (confirm, wakes) = {
            let mut state = self.cell.live()?;
            self.check_unclaimed(&state)?;
            if state.attributes.rewind.is_zero() {
                return Err(Error::BadAttribute {
                    attribute: "rewindSeconds",
                    value: "0".into(),
                    allowed: "set it before messages are settled to be able to rewind them",
                });
            }
            state.expire_retained(shared.now());
            let offset = crate::reader::first_since(shared, &state, from_ms)?.unwrap_or(state.next);
            let generation = state.generation + 1;
            let confirm =
                shared.confirm(&Record::Rewind { queue: self.cell.id, offset, generation })?;
            state.rewind_to(offset, generation);
            shared.schedule(&mut state);
            (confirm, self.cell.wake(&mut state))
        };
        wakes.call();
        confirm.wait().map(|_| ())
    }

    /// The attributes.
    #[must_use]
    pub fn attributes(&self) -> QueueAttributes {
        self.cell.look().attributes.clone()
    }

    /// Changes the attributes.
    ///
    /// # Errors
    /// [`Error::BadAttribute`], [`Error::DeadLetterCycle`].
    pub fn set_attributes(&self, attributes: &QueueAttributes) -> Result<()> {
        attributes.check()?;
        self.store.check_dead_letters(&self.cell.name, attributes)?;
        let shared = &self.store.shared;
        let confirm = {
            let mut state = self.cell.live()?;
            state.attributes = attributes.clone();
            shared.schedule(&mut state);
            shared.confirm(&Record::Attributes {
                queue: self.cell.id,
                attributes: attributes.encode(),
            })?
        };
        confirm.wait().map(|_| ())
    }

    /// The queue at this moment.
    ///
    /// # Errors
    /// [`Error::QueueDeleted`].
    pub fn stats(&self) -> Result<QueueStats> {
        let now = self.store.shared.now();
        let mut stats = {
            let state = self.cell.look();
            if state.deleted {
                return Err(Error::QueueDeleted(self.cell.name.clone()));
            }
            stats(&state, now)
        };
        // Without a lock held on this queue: a dead-letter queue has a lock of its own.
        if let Some((name, count)) = &mut stats.dead_letters {
            *count = self
                .store
                .find(name)
                .map_or(0, |queue| self::stats(&queue.cell.look(), now).active);
        }
        Ok(stats)
    }

    pub(crate) fn check_unclaimed(&self, state: &MutexGuard<'_, QueueState>) -> Result<()> {
        state.groups.keys().try_for_each(|&id| self.check_group_unclaimed(state, id))
    }

    pub(crate) fn check_group_unclaimed(
        &self,
        state: &MutexGuard<'_, QueueState>,
        group: u32,
    ) -> Result<()> {
        let group = state.groups.get(&group);
        match group.and_then(|group| group.session.as_ref().map(|session| (group, session))) {
            Some((group, session)) => Err(Error::Claimed {
                queue: self.cell.name.clone(),
                group: group.name.clone(),
                holder: session.owner.clone(),
                incarnation: session.incarnation,
            }),
            None => Ok(()),
        }
    }
}

fn stats(state: &QueueState, now: u64) -> QueueStats {
    let mut groups: Vec<GroupStats> = state
        .groups
        .values()
        .map(|group| {
            let (active, inactive) = group.counts(&state.blocks, now);
            let claimed_by =
                group.session.as_ref().map(|session| (session.owner.clone(), session.incarnation));
            GroupStats { name: group.name.clone(), active, inactive, claimed_by }
        })
        .collect();
    groups.sort_by_key(|group| (group.name != DEFAULT_GROUP, group.name.clone()));
    let live = || state.blocks.iter().filter(|block| block.settled_ms == 0);
    let all = live().map(|block| u64::from(block.count)).sum();
    QueueStats {
        name: state.name.clone(),
        uuid: format!("{:032x}", state.uuid),
        generation: state.generation,
        active: groups.iter().map(|group| group.active).max().unwrap_or(all),
        inactive: groups.iter().map(|group| group.inactive).max().unwrap_or(0),
        delayed: state.delayed.values().map(|delayed| u64::from(delayed.left)).sum(),
        rewindable: state
            .blocks
            .iter()
            .filter(|b| b.settled_ms != 0)
            .map(|b| u64::from(b.count))
            .sum(),
        oldest_age_ms: live().next().map(|block| now.saturating_sub(block.time)),
        bytes: state.blocks.iter().map(|b| u64::from(b.bytes)).sum::<u64>()
            + state.delayed.values().map(|d| u64::from(d.len)).sum::<u64>(),
        sent: state.sent,
        lost: state.lost,
        dead_letters: state.attributes.dead_letter.as_ref().map(|policy| (policy.queue.clone(), 0)),
        groups,
    }
}
