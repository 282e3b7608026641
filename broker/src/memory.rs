//! Queues in memory, as plainly as can be: for users' tests, and to hold the durable store against.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use parking_lot::Mutex;

use crate::attributes::{QueueAttributes, check_name};
use crate::clock::Clock;
use crate::delivery::{Delivered, Peeked, Received};
use crate::error::{Error, Result};
use crate::group::DEFAULT_GROUP;
use crate::message::{DeadLetter, Handle, Message, MessageId};
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

struct Queue {
    uuid: u128,
    attributes: QueueAttributes,
    generation: u64,
    next: u64,
    messages: BTreeMap<u64, Stored>,
    delayed: Vec<(u64, Stored)>,
    groups: BTreeMap<String, Group>,
}

#[derive(Default)]
struct Group {
    /// Deliveries, visibility and settlement by offset.
    states: BTreeMap<u64, State>,
    session: Option<(String, u64)>,
    claimed: Option<(String, u64)>,
}

#[derive(Clone, Copy, Default)]
struct State {
    attempts: u32,
    visible_ms: u64,
    settled_ms: Option<u64>,
}

#[derive(Clone)]
struct Stored {
    id: u64,
    body: Bytes,
    headers: Vec<(String, String)>,
    enqueued_ms: u64,
    dead: Option<DeadLetter>,
}

impl MemoryStore {
    /// An empty store.
    #[must_use]
    pub fn new(clock: Clock) -> Self {
        Self { clock, queues: Arc::default() }
    }

    fn with<T>(&self, name: &str, then: impl FnOnce(&mut Queue, u64) -> Result<T>) -> Result<T> {
        let now = self.clock.now_ms();
        let mut queues = self.queues.lock();
        let queue = queues.get_mut(name).ok_or_else(|| Error::NoQueue(name.to_owned()))?;
        queue.pass_time(now);
        then(queue, now)
    }

    /// Takes what is due; what was received too often goes to the dead-letter queue.
    fn take(
        &self,
        name: &str,
        group: &str,
        max: usize,
        visible_ms: u64,
    ) -> Result<Vec<(u64, Stored, u32)>> {
        let (taken, dead) = self.with(name, |queue, now| {
            let limit = queue
                .attributes
                .dead_letter
                .as_ref()
                .map_or(u32::MAX, |policy| policy.max_receive_count);
            let group = queue.groups.entry(group.to_owned()).or_default();
            let state = |offset: &u64| group.states.get(offset).copied().unwrap_or_default();
            let mut ready: Vec<(bool, u64, u64)> = queue
                .messages
                .keys()
                .map(|offset| (state(offset), *offset))
                .filter(|(state, _)| state.settled_ms.is_none() && state.visible_ms <= now)
                .map(|(state, offset)| {
                    (state.visible_ms == 0 && state.attempts == 0, state.visible_ms, offset)
                })
                .collect();
            ready.sort_unstable();
            let (mut taken, mut dead) = (Vec::new(), Vec::new());
            for (_, _, offset) in ready {
                let state = group.states.entry(offset).or_default();
                if state.attempts >= limit {
                    dead.push((offset, state.attempts));
                } else if taken.len() < max {
                    state.attempts += 1;
                    state.visible_ms = visible_ms;
                    taken.extend(
                        queue
                            .messages
                            .get(&offset)
                            .map(|message| (offset, message.clone(), state.attempts)),
                    );
                }
            }
            Ok((taken, dead))
        })?;
        for (offset, _) in dead {
            self.bury(name, group, offset, "received too often without being deleted", "broker")?;
        }
        Ok(taken)
    }

    fn bury(&self, name: &str, group: &str, offset: u64, reason: &str, by: &str) -> Result<()> {
        let policy = self.attributes(name)?.dead_letter.map(|policy| policy.queue);
        let target = policy.unwrap_or_else(|| format!("{name}.dead"));
        if !self.queues.lock().contains_key(&target) {
            self.create_queue(&target, &QueueAttributes::default())?;
        }
        let found = self.with(name, |queue, now| {
            let Some(mut message) = queue.messages.get(&offset).cloned() else { return Ok(None) };
            let state =
                queue.groups.entry(group.to_owned()).or_default().states.entry(offset).or_default();
            message.dead = Some(DeadLetter {
                source: name.to_owned(),
                group: group.to_owned(),
                id: MessageId(message.id),
                reason: reason.to_owned(),
                by: by.to_owned(),
                attempts: state.attempts,
                enqueued_ms: message.enqueued_ms,
                dead_ms: now,
            });
            state.settled_ms = Some(now);
            Ok(Some(message))
        })?;
        found.map_or(Ok(()), |message| self.append(&target, message))
    }

    fn append(&self, queue: &str, message: Stored) -> Result<()> {
        self.with(queue, |queue, now| {
            queue.append(message, now);
            Ok(())
        })
    }

    fn unclaimed(&self, name: &str, group: Option<&str>) -> Result<()> {
        self.with(name, |queue, _| {
            let groups =
                queue.groups.iter().filter(|(other, _)| group.is_none_or(|group| group == *other));
            match groups.filter_map(|(group, state)| Some((group, state.session.clone()?))).next() {
                Some((group, (holder, incarnation))) => Err(Error::Claimed {
                    queue: name.to_owned(),
                    group: group.clone(),
                    holder,
                    incarnation,
                }),
                None => Ok(()),
            }
        })
    }
}

impl Queue {
    fn append(&mut self, mut message: Stored, now: u64) {
        (message.id, message.enqueued_ms) = (self.next, now);
        self.messages.insert(self.next, message);
        self.next += 1;
    }

    /// Delays end, old messages go.
    fn pass_time(&mut self, now: u64) {
        self.delayed.sort_by_key(|(due, message)| (*due, message.id));
        while let Some((_, message)) = self.delayed.first().filter(|(due, _)| *due <= now).cloned()
        {
            self.delayed.remove(0);
            self.messages.insert(self.next, message);
            self.next += 1;
        }
        let (retention, rewind) =
            (millis(self.attributes.retention), millis(self.attributes.rewind));
        let groups = &self.groups;
        self.messages.retain(|offset, message| {
            let settled =
                |group: &Group| group.states.get(offset).and_then(|state| state.settled_ms);
            let last = groups
                .values()
                .map(settled)
                .collect::<Option<Vec<u64>>>()
                .and_then(|all| all.into_iter().max());
            message.enqueued_ms + retention > now && last.is_none_or(|at| at + rewind > now)
        });
    }

    fn is_settled(&self, group: Option<&Group>, offset: u64) -> bool {
        match group {
            Some(group) => {
                group.states.get(&offset).is_some_and(|state| state.settled_ms.is_some())
            }
            None => {
                !self.groups.is_empty()
                    && self.groups.values().all(|group| self.is_settled(Some(group), offset))
            }
        }
    }
}

fn offset_of(handle: Handle) -> (u64, u32) {
    (handle.0 >> 8, (handle.0 & 0xff) as u32)
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
        let taken = self.take(queue, group, max, visible_ms)?;
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
            let group = queue.groups.entry(group.to_owned()).or_default();
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
            let found = state.groups.entry(group.to_owned()).or_default();
            match (&found.session, &found.claimed) {
                (_, Some((last, current))) if last == owner && *current > incarnation => {
                    return Err(Error::Fenced {
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
            release(found, false);
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

/// Refuses dead-letter queues that lead back to where they start.
fn check_circle(
    queues: &BTreeMap<String, Queue>,
    name: &str,
    attributes: &QueueAttributes,
) -> Result<()> {
    let mut path = vec![name.to_owned()];
    let mut next = attributes.dead_letter.as_ref();
    while let Some(policy) = next {
        let back = path.contains(&policy.queue);
        path.push(policy.queue.clone());
        if back {
            return Err(Error::DeadLetterCycle(path.join(" -> ")));
        }
        next = queues.get(&policy.queue).and_then(|queue| queue.attributes.dead_letter.as_ref());
    }
    Ok(())
}

fn release(group: &mut Group, forgive: bool) {
    for state in group
        .states
        .values_mut()
        .filter(|state| state.settled_ms.is_none() && state.visible_ms == u64::MAX)
    {
        state.visible_ms = 0;
        state.attempts -= u32::from(forgive);
    }
}

struct MemoryClaim {
    store: MemoryStore,
    queue: String,
    group: String,
    me: (String, u64),
}

impl MemoryClaim {
    fn with<T>(&self, then: impl FnOnce(&mut Group, u64) -> T) -> Result<T> {
        self.store.with(&self.queue, |queue, now| {
            let group = queue.groups.entry(self.group.clone()).or_default();
            if group.session.as_ref() != Some(&self.me) {
                let current = group.session.as_ref().map_or(self.me.1, |session| session.1);
                return Err(Error::Fenced { owner: self.me.0.clone(), ours: self.me.1, current });
            }
            Ok(then(group, now))
        })
    }
}

impl QueueClaim for MemoryClaim {
    fn read(&self, max: usize) -> Result<Vec<Delivered>> {
        self.with(|_, _| ())?;
        let taken = self.store.take(&self.queue, &self.group, max, u64::MAX)?;
        Ok(taken
            .into_iter()
            .map(|(offset, message, attempt)| Delivered {
                offset,
                id: MessageId(message.id),
                body: message.body,
                enqueued_ms: message.enqueued_ms,
                attempt,
                headers: message.headers,
                dead_letter: message.dead,
            })
            .collect())
    }

    fn settle(&self, ranges: &[Range<u64>]) -> Result<()> {
        self.with(|group, now| {
            for offset in ranges.iter().cloned().flatten() {
                group.states.entry(offset).or_default().settled_ms.get_or_insert(now);
            }
        })
    }

    fn fail(&self, offset: u64, delay: Duration, _: &str, count_attempt: bool) -> Result<()> {
        self.with(|group, now| {
            if let Some(state) = group.states.get_mut(&offset).filter(|state| state.attempts > 0) {
                state.attempts -= u32::from(!count_attempt);
                state.visible_ms = now + millis(delay);
            }
        })
    }

    fn dead_letter(&self, offset: u64, reason: &str, by: &str) -> Result<()> {
        self.with(|_, _| ())?;
        self.store.bury(&self.queue, &self.group, offset, reason, by)
    }

    fn release_all(&self) -> Result<()> {
        self.with(|group, _| release(group, true))
    }
}

impl Drop for MemoryClaim {
    fn drop(&mut self) {
        let _ = self.with(|group, _| {
            release(group, true);
            group.session = None;
        });
    }
}
