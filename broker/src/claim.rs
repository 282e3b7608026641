//! Reading a queue alone.

use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use parking_lot::MutexGuard;

use crate::confirm::{Answer, Confirm};
use crate::deliver::{dead_letters, read, settle, take};
use crate::delivery::Frame;
use crate::error::{Error, Result};
use crate::group::Group;
use crate::position::Position;
use crate::queue::Queue;
use crate::record::Record;
use crate::state::{Group as Account, HELD, QueueState, Session, Want, millis};

/// Exclusive use of one group of one queue: messages come in order, without a visibility
/// timeout, and are settled by offset. Dropping the claim releases it; what was read and not
/// settled comes again to the next one.
///
/// All methods may be called from several threads. After a higher incarnation took over, they
/// say [`Error::Fenced`].
#[derive(Debug)]
pub struct Claim {
    queue: Queue,
    group: u32,
    group_name: String,
    owner: String,
    incarnation: u64,
    token: u64,
}

impl Claim {
    pub(crate) fn take(queue: Queue, name: &str, owner: &str, incarnation: u64) -> Result<Self> {
        let group = Group::new(queue.clone(), name).ensure()?;
        let shared = &queue.store().shared;
        let token = shared.tokens.fetch_add(1, Ordering::Relaxed);
        let (confirm, old) = {
            let mut state = queue.cell().live()?;
            let found = state.groups.get(&group).and_then(|group| {
                let live = group.session.as_ref();
                live.map(|s| (true, s.owner.clone(), s.incarnation))
                    .or_else(|| group.claimed.clone().map(|(o, i)| (false, o, i)))
            });
            match found {
                Some((_, last, current)) if last == owner && current > incarnation => {
                    return Err(Error::OldIncarnation {
                        queue: queue.name().to_owned(),
                        group: name.to_owned(),
                        owner: last,
                        ours: incarnation,
                        current,
                    });
                }
                Some((true, last, current)) if last != owner || current == incarnation => {
                    let (queue, group) = (queue.name().to_owned(), name.to_owned());
                    return Err(Error::Claimed {
                        queue,
                        group,
                        holder: last,
                        incarnation: current,
                    });
                }
                _ => {}
            }
            let Some(found) = state.groups.get_mut(&group) else {
                return Err(Error::QueueDeleted(queue.name().to_owned()));
            };
            found.release(false);
            let session = Session {
                token,
                owner: owner.to_owned(),
                incarnation,
                callback: None,
                starving: false,
            };
            let old = found.session.replace(session);
            found.claimed = Some((owner.to_owned(), incarnation));
            let record = Record::Claim {
                queue: queue.cell().id,
                group,
                owner: owner.to_owned(),
                incarnation,
            };
            (shared.confirm(&record)?, old)
        };
        // A callback may hold handles of its own; it is dropped with no lock held.
        drop(old);
        let claim = Self {
            group,
            group_name: name.to_owned(),
            owner: owner.to_owned(),
            incarnation,
            token,
            queue,
        };
        confirm.wait()?;
        Ok(claim)
    }

    /// The queue.
    #[must_use]
    pub fn queue(&self) -> &Queue {
        &self.queue
    }

    fn state(&self) -> Result<MutexGuard<'_, QueueState>> {
        let state = self.queue.cell().live()?;
        let group = state.groups.get(&self.group);
        match group.and_then(|group| group.session.as_ref()) {
            Some(session) if session.token == self.token => Ok(state),
            other => {
                let current = other.map_or(self.incarnation, |session| session.incarnation);
                Err(Error::Fenced { owner: self.owner.clone(), ours: self.incarnation, current })
            }
        }
    }

    /// The next messages, at most `max_messages` and (but for the first frame) `max_bytes`
    /// of the log: those that are due for a retry first, then new ones in order. Empty when
    /// there are none now: then the [`on_ready`](Self::on_ready) callback is called once there
    /// are. Does not wait. However often a message was delivered, only the owner of the claim
    /// gives it up: `maxReceiveCount` is for competing consumers.
    ///
    /// # Errors
    /// [`Error::Fenced`], or what the disk says. Damage does not stop reading: it is reported
    /// by [`Store::damage`](crate::Store::damage) and counted as lost.
    pub fn read(&self, max_messages: usize, max_bytes: usize) -> Result<Vec<Frame>> {
        loop {
            let taken = {
                let mut state = self.state()?;
                let now = self.queue.store().shared.now();
                let want = Want {
                    messages: max_messages,
                    bytes: max_bytes,
                    now,
                    visible_ms: HELD,
                    max_attempts: None,
                };
                let taken = take(&self.queue, &mut state, self.group, want)?;
                if taken.picks.is_empty() && taken.dead.is_empty() {
                    let group = state.groups.get_mut(&self.group);
                    if let Some(session) = group.and_then(|group| group.session.as_mut()) {
                        session.starving = true;
                    }
                    return Ok(Vec::new());
                }
                taken
            };
            let frames = read(&self.queue, self.group, taken)?;
            if !frames.is_empty() {
                return Ok(frames);
            }
        }
    }

    /// Replaces the callback that says that reading is worthwhile again. It is called from
    /// any thread, with no lock held, at most once for each `read` that gave nothing; it must
    /// be quick. It is also called once when it is set, since messages may have come before.
    pub fn on_ready(&self, callback: impl Fn() + Send + Sync + 'static) {
        let callback: Arc<dyn Fn() + Send + Sync> = Arc::new(callback);
        let old = match self.state() {
            Ok(mut state) => {
                let group = state.groups.get_mut(&self.group);
                group
                    .and_then(|group| group.session.as_mut())
                    .and_then(|s| s.callback.replace(Arc::clone(&callback)))
            }
            Err(_) => None,
        };
        drop(old);
        callback();
    }

    /// Settles messages by their offsets; those that are settled already count as settled. The
    /// record rides on the next group commit; wait for the confirmation only if it matters.
    ///
    /// # Errors
    /// [`Error::Fenced`], [`Error::Closed`].
    pub fn settle(&self, ranges: &[Range<u64>]) -> Result<()> {
        settle(&self.queue, &mut self.state()?, self.group, ranges, None)
    }

    /// As [`settle`](Self::settle), with a confirmation when it is on disk.
    ///
    /// # Errors
    /// As [`settle`](Self::settle).
    pub fn settle_confirmed(&self, ranges: &[Range<u64>]) -> Result<Confirm> {
        let (answer, confirm) = Answer::slot();
        settle(&self.queue, &mut self.state()?, self.group, ranges, Some(answer))?;
        Ok(confirm)
    }

    /// Has a message delivered again after `delay`. With `count_attempt` false this delivery
    /// does not count: the message was not at fault.
    ///
    /// # Errors
    /// [`Error::Fenced`], [`Error::Closed`].
    pub fn fail(
        &self,
        offset: u64,
        delay: Duration,
        reason: &str,
        count_attempt: bool,
    ) -> Result<()> {
        let shared = &self.queue.store().shared;
        let now = shared.now();
        let wakes = {
            let mut state = self.state()?;
            let delivered = state.groups.get(&self.group).and_then(|group| group.delivery(offset));
            let Some((attempts, _)) = delivered.filter(|(attempts, _)| *attempts > 0) else {
                return Ok(());
            };
            tracing::debug!(queue = self.queue.name(), offset, attempts, reason, "message failed");
            let attempts = attempts - u32::from(!count_attempt);
            let (range, visible_ms) = (offset..offset + 1, now + millis(delay));
            state.mark(self.group, &range, attempts, visible_ms, now);
            shared.note(&Record::Lease {
                queue: state.id,
                group: self.group,
                range,
                attempts,
                visible_ms,
            })?;
            shared.schedule(&mut state);
            if delay.is_zero() { self.queue.cell().wake(&mut state) } else { Default::default() }
        };
        wakes.call();
        Ok(())
    }

    /// Moves a message to the dead-letter queue: the one of the queue's attributes, else
    /// `NAME.dead`, created if there is none. The move is one record, so the message is never
    /// in both or neither; one that is settled already stays as it is. If it cannot be moved it
    /// is delivered again. `by` names the bolt.
    ///
    /// # Errors
    /// [`Error::Fenced`], [`Error::Closed`].
    pub fn dead_letter(&self, offset: u64, reason: &str, by: &str) -> Result<Confirm> {
        self.bury(&[(offset, reason, by)], true)
    }

    /// As [`dead_letter`](Self::dead_letter), for several messages (offset, reason, by) with one
    /// confirmation. When that is an error, those that could not be moved stay with the claim;
    /// do the same again.
    ///
    /// # Errors
    /// As [`dead_letter`](Self::dead_letter).
    pub fn dead_letters(&self, dead: &[(u64, &str, &str)]) -> Result<Confirm> {
        self.bury(dead, false)
    }

    fn bury(&self, dead: &[(u64, &str, &str)], again: bool) -> Result<Confirm> {
        let mut items: Vec<_> = {
            let state = self.state()?;
            let group = state.groups.get(&self.group);
            let attempts = |offset| group.and_then(|group| group.delivery(offset));
            dead.iter()
                .map(|&(offset, reason, by)| {
                    (offset, attempts(offset).map_or(0, |a| a.0), reason, by)
                })
                .collect()
        };
        items.sort_by_key(|item| item.0);
        items.dedup_by_key(|item| item.0);
        let (answer, confirm) = Answer::slot();
        dead_letters(&self.queue, self.group, items, again, Some(answer))?;
        Ok(confirm)
    }

    /// The offset below which the group has settled everything. It counts what has been asked
    /// for; the confirmations of that say when it is on disk, and then it never falls again
    /// unless the queue is rewound. Cheap.
    ///
    /// # Errors
    /// [`Error::Fenced`].
    pub fn floor(&self) -> Result<u64> {
        Ok(self.state()?.groups.get(&self.group).map_or(0, Account::floor))
    }

    /// Has everything that was read and not settled delivered again, in order and at once: what
    /// is held by this claim, without counting the attempt, and what waits to be tried again.
    ///
    /// # Errors
    /// [`Error::Fenced`], [`Error::Closed`].
    pub fn release_all(&self) -> Result<()> {
        let wakes = {
            let mut state = self.state()?;
            self.release(&mut state, Account::release_all)?;
            self.queue.cell().wake(&mut state)
        };
        wakes.call();
        Ok(())
    }

    fn release(
        &self,
        state: &mut MutexGuard<'_, QueueState>,
        release: impl FnOnce(&mut Account) -> Vec<(Range<u64>, u32)>,
    ) -> Result<()> {
        let id = state.id;
        let Some(group) = state.groups.get_mut(&self.group) else { return Ok(()) };
        let released = release(group);
        self.queue.store().shared.inbox.record(id, false, None, |to| {
            for (range, attempts) in released {
                Record::Lease { queue: id, group: self.group, range, attempts, visible_ms: 0 }
                    .encode(to);
            }
        })
    }

    /// Which life of which group of which queue this is: other words whenever an offset stands
    /// for something else, that is when the queue or the group has been made again, or the queue
    /// was rewound or purged.
    #[must_use]
    pub fn identity(&self) -> String {
        let state = self.queue.cell().look();
        let (uuid, generation) = (state.uuid, state.generation);
        format!("{uuid:032x}/{}.{}/{generation}", self.group_name, self.group)
    }

    /// A position for `ranges`, to be stored elsewhere.
    #[must_use]
    pub fn position(&self, ranges: Vec<Range<u64>>) -> Position {
        let state = self.queue.cell().look();
        let queue = format!("{:032x}", state.uuid);
        Position { queue, group: self.group_name.clone(), generation: state.generation, ranges }
    }

    /// Settles what a stored position says was dealt with.
    ///
    /// # Errors
    /// [`Error::ForeignPosition`] when it is of another life of the queue; besides as
    /// [`settle`](Self::settle).
    pub fn settle_position(&self, position: &Position) -> Result<Confirm> {
        let ours = self.position(Vec::new());
        let detail = if position.queue != ours.queue {
            format!("it was made for the uuid {}, the queue has {}", position.queue, ours.queue)
        } else if position.generation != ours.generation {
            format!(
                "it was made in generation {}, the queue is in {}",
                position.generation, ours.generation
            )
        } else if position.group != ours.group {
            format!("it was made for group `{}`, this is `{}`", position.group, ours.group)
        } else {
            return self.settle_confirmed(&position.ranges);
        };
        Err(Error::ForeignPosition { queue: self.queue.name().to_owned(), detail })
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        let session = match self.state() {
            Ok(mut state) => {
                if let Err(error) = self.release(&mut state, |group| group.release(true)) {
                    tracing::debug!(queue = self.queue.name(), %error, "a claim was dropped after its store was closed");
                }
                self.queue.cell().arrived.notify_all();
                state.groups.get_mut(&self.group).and_then(|group| group.session.take())
            }
            Err(_) => None,
        };
        drop(session);
    }
}
