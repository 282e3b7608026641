//! One queue in memory.

use std::collections::BTreeMap;

use bytes::Bytes;

use crate::attributes::QueueAttributes;
use crate::error::{Error, Result};
use crate::message::{DeadLetter, Handle};
use crate::state::millis;

pub(super) struct Queue {
    pub(super) uuid: u128,
    pub(super) attributes: QueueAttributes,
    pub(super) generation: u64,
    pub(super) next: u64,
    pub(super) messages: BTreeMap<u64, Stored>,
    pub(super) delayed: Vec<(u64, Stored)>,
    pub(super) groups: BTreeMap<String, Group>,
    /// The last number and size of batch by producer.
    pub(super) marks: BTreeMap<String, (u64, u64)>,
}

#[derive(Default)]
pub(super) struct Group {
    /// Deliveries, visibility and settlement by offset.
    pub(super) states: BTreeMap<u64, State>,
    pub(super) session: Option<(String, u64)>,
    pub(super) claimed: Option<(String, u64)>,
}

#[derive(Clone, Copy, Default)]
pub(super) struct State {
    pub(super) attempts: u32,
    /// Whether it was ever delivered.
    pub(super) seen: bool,
    pub(super) visible_ms: u64,
    pub(super) settled_ms: Option<u64>,
}

#[derive(Clone)]
pub(super) struct Stored {
    pub(super) id: u64,
    pub(super) body: Bytes,
    pub(super) headers: Vec<(String, String)>,
    pub(super) enqueued_ms: u64,
    pub(super) dead: Option<DeadLetter>,
}

impl Queue {
    pub(super) fn append(&mut self, mut message: Stored, now: u64) {
        (message.id, message.enqueued_ms) = (self.next, now);
        self.messages.insert(self.next, message);
        self.next += 1;
    }

    /// Delays end, old messages go.
    pub(super) fn pass_time(&mut self, now: u64) {
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

    /// The group of this name; a new one is not given what all others have settled.
    pub(super) fn group(&mut self, name: &str) -> &mut Group {
        if !self.groups.contains_key(name) {
            let settled: Vec<u64> = self
                .messages
                .keys()
                .filter(|offset| self.is_settled(None, **offset))
                .copied()
                .collect();
            let mut group = Group::default();
            for offset in settled {
                let times = self.groups.values().filter_map(|group| group.states.get(&offset));
                let settled_ms = times.filter_map(|state| state.settled_ms).max();
                group.states.insert(offset, State { settled_ms, ..State::default() });
            }
            self.groups.insert(name.to_owned(), group);
        }
        self.groups.entry(name.to_owned()).or_default()
    }

    /// Adds a group that is given everything that was sent at `from_ms` or later.
    pub(super) fn group_from(&mut self, queue: &str, name: &str, from_ms: u64) -> Result<()> {
        if self.groups.contains_key(name) {
            let (queue, group) = (queue.to_owned(), name.to_owned());
            return Err(Error::GroupExists { queue, group });
        }
        let before = self.messages.iter().take_while(|(_, m)| m.enqueued_ms < from_ms);
        let passed = State { settled_ms: Some(0), ..State::default() };
        let states = before.map(|(&offset, _)| (offset, passed)).collect();
        self.groups.insert(name.to_owned(), Group { states, ..Group::default() });
        Ok(())
    }

    pub(super) fn is_settled(&self, group: Option<&Group>, offset: u64) -> bool {
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

pub(super) fn offset_of(handle: Handle) -> (u64, u32) {
    (handle.0 >> 8, (handle.0 & 0xff) as u32)
}

/// Refuses dead-letter queues that lead back to where they start.
pub(super) fn check_circle(
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

/// Lets go of what a claim holds, and of what waits to be tried again if asked for.
pub(super) fn release(group: &mut Group, forgive: bool, waiting: bool) {
    for state in group.states.values_mut().filter(|state| state.settled_ms.is_none()) {
        let held = state.visible_ms == u64::MAX;
        if held || waiting {
            state.visible_ms = 0;
        }
        state.attempts -= u32::from(forgive && held);
    }
}
