//! Queues in memory, as plainly as can be: for users' tests, and to hold the durable store against.

mod claim;
mod once;
mod queue;
mod take;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;

use self::claim::MemoryClaim;
use self::queue::{Queue, Stored, check_circle, offset_of, release};
use crate::attributes::{QueueAttributes, check_name};
use crate::clock::Clock;
use crate::delivery::{Peeked, Received};
use crate::error::{Error, Result};
use crate::group::DEFAULT_GROUP;
use crate::message::{Handle, Message, MessageId};
use crate::queue_store::{QueueClaim, QueueStore};
use crate::state::millis;
use crate::stats::{GroupStats, QueueStats};

/// A store that forgets everything when it is dropped. Clones are the same store.
///
/// ```
/// use squall_broker::{Clock, MemoryStore, Message, QueueAttributes, QueueStore};
///
/// # fn main() -> squall_broker::Result<()> {
/// let store = MemoryStore::new(Clock::manual(0));
/// store.create_queue("shares", &QueueAttributes::default())?;
/// store.send("shares", &[Message::new("tea house")])?;
/// assert_eq!(store.receive("shares", "default", 10, None)?.len(), 1);
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct MemoryStore {
    clock: Clock,
    queues: Arc<Mutex<BTreeMap<String, Queue>>>,
}

impl MemoryStore {
    /// An empty store.
    #[must_use]
    pub fn new(clock: Clock) -> Self {
        Self { clock, queues: Arc::default() }
    }
}

impl QueueStore for MemoryStore {
    fn create_queue(&self, name: &str, attributes: &QueueAttributes) -> Result<()> {
        check_name(name)?;
        attributes.check()?;
        let mut queues = self.queues.lock();
        check_circle(&queues, name, attributes)?;
        let queue = queues.entry(name.to_owned()).or_insert_with(|| Queue {
            uuid: fastrand::u128(1..),
            attributes: attributes.clone(),
            generation: 0,
            next: 0,
            messages: BTreeMap::new(),
            delayed: Vec::new(),
            groups: BTreeMap::new(),
            marks: BTreeMap::new(),
        });
        if queue.attributes == *attributes {
            Ok(())
        } else {
            Err(Error::QueueExists(name.to_owned()))
        }
    }

    fn delete_queue(&self, name: &str) -> Result<()> {
        self.unclaimed(name, None)?;
        self.queues.lock().remove(name);
        Ok(())
    }

    fn list(&self) -> Vec<String> {
        self.queues.lock().keys().cloned().collect()
    }

    fn attributes(&self, queue: &str) -> Result<QueueAttributes> {
        self.with(queue, |queue, _| Ok(queue.attributes.clone()))
    }

    fn set_attributes(&self, queue: &str, attributes: &QueueAttributes) -> Result<()> {
        attributes.check()?;
        check_circle(&self.queues.lock(), queue, attributes)?;
        self.with(queue, |queue, _| {
            queue.attributes = attributes.clone();
            Ok(())
        })
    }

    fn send(&self, queue: &str, messages: &[Message]) -> Result<Vec<MessageId>> {
        self.with(queue, |queue, now| {
            let allowed = queue.attributes.max_message_size;
            if let Some(large) = messages.iter().find(|message| message.body.len() > allowed) {
                return Err(Error::TooLarge { bytes: large.body.len(), allowed });
            }
            let mut ids = Vec::new();
            for message in messages {
                let (body, headers) = (message.body.clone(), message.headers.clone());
                let stored = Stored { id: queue.next, body, headers, enqueued_ms: now, dead: None };
                ids.push(MessageId(queue.next));
                if message.delay.is_zero() {
                    queue.append(stored, now);
                } else {
                    queue.next += 1;
                    queue.delayed.push((now + millis(message.delay), stored));
                }
            }
            Ok(ids)
        })
    }

    fn send_once(
        &self,
        queue: &str,
        messages: &[Message],
        producer: &str,
        number: u64,
    ) -> Result<Vec<MessageId>> {
        self.send_numbered(queue, messages, producer, number)
    }

    fn last_number(&self, queue: &str, producer: &str) -> Result<Option<u64>> {
        self.with(queue, |queue, _| Ok(queue.marks.get(producer).map(|mark| mark.0)))
    }

    fn group_from(&self, name: &str, group: &str, from_ms: u64) -> Result<()> {
        check_name(group)?;
        self.with(name, |queue, _| queue.group_from(name, group, from_ms))
    }

    fn receive(
        &self,
        queue: &str,
        group: &str,
        max: usize,
        visibility: Option<Duration>,
    ) -> Result<Vec<Received>> {
        check_name(group)?;
        self.unclaimed(queue, Some(group))?;
        let visibility = visibility.unwrap_or(self.attributes(queue)?.visibility_timeout);
        let visible_ms = self.clock.now_ms() + millis(visibility);
        let taken = self.take(queue, group, max, visible_ms, true)?;
        Ok(taken
            .into_iter()
            .map(|(offset, message, attempt)| Received {
                handle: Handle(offset << 8 | u64::from(attempt & 0xff)),
                id: MessageId(message.id),
                body: message.body,
                enqueued_ms: message.enqueued_ms,
                visible_ms,
                dequeue_count: attempt,
                headers: message.headers,
                dead_letter: message.dead,
            })
            .collect())
    }

    fn delete(&self, queue: &str, group: &str, handles: &[Handle]) -> Result<()> {
        self.with(queue, |queue, now| {
            queue.group(group);
            let Some(group) = queue.groups.get_mut(group) else { return Ok(()) };
            let mut bad = None;
            for handle in handles {
                let (offset, attempt) = offset_of(*handle);
                match group
                    .states
                    .get_mut(&offset)
                    .filter(|s| s.settled_ms.is_none() && s.attempts & 0xff == attempt)
                {
                    Some(state) if queue.messages.contains_key(&offset) => {
                        state.settled_ms = Some(now)
                    }
                    _ => bad = bad.or(Some(Error::BadHandle(handle.0))),
                }
            }
            bad.map_or(Ok(()), Err)
        })
    }

    fn change_visibility(
        &self,
        queue: &str,
        group: &str,
        handle: Handle,
        visibility: Duration,
    ) -> Result<()> {
        self.with(queue, |queue, now| {
            let (offset, attempt) = offset_of(handle);
            let state = queue.groups.get_mut(group).and_then(|group| group.states.get_mut(&offset));
            let state = state.filter(|s| s.settled_ms.is_none() && s.attempts & 0xff == attempt);
            state.ok_or(Error::BadHandle(handle.0))?.visible_ms = now + millis(visibility);
            Ok(())
        })
    }

    fn peek(&self, queue: &str, group: &str, max: usize) -> Result<Vec<Peeked>> {
        self.with(queue, |queue, _| {
            let group = queue.groups.get(group);
            let open =
                queue.messages.iter().filter(|(offset, _)| !queue.is_settled(group, **offset));
            Ok(open
                .take(max)
                .map(|(&offset, message)| Peeked {
                    offset,
                    id: MessageId(message.id),
                    body: message.body.clone(),
                    enqueued_ms: message.enqueued_ms,
                    dequeue_count: group
                        .and_then(|g| g.states.get(&offset))
                        .map_or(0, |state| state.attempts),
                    headers: message.headers.clone(),
                    dead_letter: message.dead.clone(),
                })
                .collect())
        })
    }

    fn purge(&self, queue: &str) -> Result<u64> {
        self.unclaimed(queue, None)?;
        self.with(queue, |queue, _| {
            let open =
                queue.messages.keys().filter(|offset| !queue.is_settled(None, **offset)).count();
            let gone = open + queue.delayed.len();
            queue.messages.clear();
            queue.delayed.clear();
            queue.generation += 1;
            Ok(gone as u64)
        })
    }

    fn redrive(&self, queue: &str, to: Option<&str>) -> Result<u64> {
        self.unclaimed(queue, Some(DEFAULT_GROUP))?;
        let (mut moved, mut left) = (0, Vec::new());
        self.with(queue, |queue, now| {
            let group = queue.groups.entry(DEFAULT_GROUP.to_owned()).or_default();
            for (&offset, message) in &queue.messages {
                let state = group.states.entry(offset).or_default();
                if state.settled_ms.is_none() && state.visible_ms <= now {
                    left.push((offset, message.clone()));
                }
            }
            Ok(())
        })?;
        for (offset, mut message) in left {
            let source = message.dead.take().map(|dead| dead.source);
            let Some(target) = to.map(str::to_owned).or(source) else { continue };
            self.append(&target, message)?;
            self.with(queue, |queue, now| {
                let group = queue.groups.entry(DEFAULT_GROUP.to_owned()).or_default();
                group.states.entry(offset).or_default().settled_ms = Some(now);
                Ok(())
            })?;
            moved += 1;
        }
        Ok(moved)
    }

    fn rewind(&self, queue: &str, from_ms: u64) -> Result<()> {
        self.unclaimed(queue, None)?;
        self.with(queue, |queue, _| {
            if queue.attributes.rewind.is_zero() {
                let allowed = "set it before messages are settled to be able to rewind them";
                return Err(Error::BadAttribute {
                    attribute: "rewindSeconds",
                    value: "0".into(),
                    allowed,
                });
            }
            let first = queue
                .messages
                .iter()
                .find(|(_, m)| m.enqueued_ms >= from_ms)
                .map_or(queue.next, |(&offset, _)| offset);
            queue
                .groups
                .values_mut()
                .for_each(|group| group.states.retain(|offset, _| *offset < first));
            queue.generation += 1;
            Ok(())
        })
    }

    fn stats(&self, name: &str) -> Result<QueueStats> {
        let mut stats = self.with(name, |queue, now| {
            let groups: Vec<GroupStats> = queue
                .groups
                .iter()
                .map(|(name, group)| {
                    let state =
                        |offset: &u64| group.states.get(offset).copied().unwrap_or_default();
                    let open =
                        queue.messages.keys().map(state).filter(|state| state.settled_ms.is_none());
                    let (away, here): (Vec<_>, Vec<_>) =
                        open.partition(|state| state.visible_ms > now);
                    let (active, inactive) = (here.len() as u64, away.len() as u64);
                    GroupStats {
                        name: name.clone(),
                        active,
                        inactive,
                        claimed_by: group.session.clone(),
                    }
                })
                .collect();
            let live =
                || queue.messages.iter().filter(|(offset, _)| !queue.is_settled(None, **offset));
            let all = live().count() as u64;
            Ok(QueueStats {
                name: name.to_owned(),
                uuid: format!("{:032x}", queue.uuid),
                generation: queue.generation,
                active: groups.iter().map(|group| group.active).max().unwrap_or(all),
                inactive: groups.iter().map(|group| group.inactive).max().unwrap_or(0),
                delayed: queue.delayed.len() as u64,
                rewindable: queue.messages.len() as u64 - all,
                oldest_age_ms: live()
                    .next()
                    .map(|(_, message)| now.saturating_sub(message.enqueued_ms)),
                bytes: queue.messages.values().map(|message| message.body.len() as u64).sum(),
                sent: queue.next,
                lost: 0,
                dead_letters: queue
                    .attributes
                    .dead_letter
                    .as_ref()
                    .map(|policy| (policy.queue.clone(), 0)),
                groups,
            })
        })?;
        if let Some((queue, count)) = &mut stats.dead_letters {
            *count = self.stats(queue).map_or(0, |stats| stats.active);
        }
        Ok(stats)
    }

    fn claim(
        &self,
        queue: &str,
        group: &str,
        owner: &str,
        incarnation: u64,
    ) -> Result<Box<dyn QueueClaim>> {
        check_name(group)?;
        self.with(queue, |state, _| {
            let found = state.group(group);
            match (&found.session, &found.claimed) {
                (_, Some((last, current))) if last == owner && *current > incarnation => {
                    return Err(Error::OldIncarnation {
                        queue: queue.to_owned(),
                        group: group.to_owned(),
                        owner: last.clone(),
                        ours: incarnation,
                        current: *current,
                    });
                }
                (Some((holder, current)), _) if holder != owner || *current == incarnation => {
                    let (queue, group) = (queue.to_owned(), group.to_owned());
                    return Err(Error::Claimed {
                        queue,
                        group,
                        holder: holder.clone(),
                        incarnation: *current,
                    });
                }
                _ => {}
            }
            release(found, false, false);
            found.session = Some((owner.to_owned(), incarnation));
            found.claimed = found.session.clone();
            Ok(())
        })?;
        let me = (owner.to_owned(), incarnation);
        Ok(Box::new(MemoryClaim {
            store: self.clone(),
            queue: queue.to_owned(),
            group: group.to_owned(),
            me,
        }))
    }

    fn tick(&self) {
        for name in self.list() {
            let _ = self.with(&name, |_, _| Ok(()));
        }
    }
}
