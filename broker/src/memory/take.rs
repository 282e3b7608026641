//! Time passing, messages being taken, dead letters being buried: in memory.

use super::MemoryStore;
use super::queue::{Queue, Stored};
use crate::attributes::QueueAttributes;
use crate::error::{Error, Result};
use crate::message::{DeadLetter, MessageId};
use crate::queue_store::QueueStore;

impl MemoryStore {
    pub(super) fn with<T>(
        &self,
        name: &str,
        then: impl FnOnce(&mut Queue, u64) -> Result<T>,
    ) -> Result<T> {
        let now = self.clock.now_ms();
        let mut queues = self.queues.lock();
        let queue = queues.get_mut(name).ok_or_else(|| Error::NoQueue(name.to_owned()))?;
        queue.pass_time(now);
        then(queue, now)
    }

    /// Takes what is due; what was received too often goes to the dead-letter queue.
    pub(super) fn take(
        &self,
        name: &str,
        group: &str,
        max: usize,
        visible_ms: u64,
        give_up: bool,
    ) -> Result<Vec<(u64, Stored, u32)>> {
        let (taken, dead) = self.with(name, |queue, now| {
            let limit = queue
                .attributes
                .dead_letter
                .as_ref()
                .filter(|_| give_up)
                .map_or(u32::MAX, |policy| policy.max_receive_count);
            queue.group(group);
            let Some(group) = queue.groups.get_mut(group) else { return Ok(Default::default()) };
            let state = |offset: &u64| group.states.get(offset).copied().unwrap_or_default();
            let mut ready: Vec<(bool, u64, u64)> = queue
                .messages
                .keys()
                .map(|offset| (state(offset), *offset))
                .filter(|(state, _)| state.settled_ms.is_none() && state.visible_ms <= now)
                .map(|(state, offset)| (!state.seen, state.visible_ms, offset))
                .collect();
            ready.sort_unstable();
            let (mut taken, mut dead) = (Vec::new(), Vec::new());
            for (_, _, offset) in ready {
                let state = group.states.entry(offset).or_default();
                if state.attempts >= limit {
                    dead.push((offset, state.attempts));
                } else if taken.len() < max {
                    state.attempts += 1;
                    state.seen = true;
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

    pub(super) fn bury(
        &self,
        name: &str,
        group: &str,
        offset: u64,
        reason: &str,
        by: &str,
    ) -> Result<()> {
        let policy = self.attributes(name)?.dead_letter.map(|policy| policy.queue);
        let target = policy.unwrap_or_else(|| format!("{name}.dead"));
        if !self.queues.lock().contains_key(&target) {
            self.create_queue(&target, &QueueAttributes::default())?;
        }
        let found = self.with(name, |queue, now| {
            let Some(mut message) = queue.messages.get(&offset).cloned() else { return Ok(None) };
            let state = queue.group(group).states.entry(offset).or_default();
            if state.settled_ms.is_some() {
                return Ok(None);
            }
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

    pub(super) fn append(&self, queue: &str, message: Stored) -> Result<()> {
        self.with(queue, |queue, now| {
            queue.append(message, now);
            Ok(())
        })
    }

    pub(super) fn unclaimed(&self, name: &str, group: Option<&str>) -> Result<()> {
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
