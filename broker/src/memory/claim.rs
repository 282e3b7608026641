//! An exclusive claim on a queue in memory.

use std::ops::Range;
use std::time::Duration;

use super::MemoryStore;
use super::queue::{Group, release};
use crate::delivery::Delivered;
use crate::error::{Error, Result};
use crate::message::MessageId;
use crate::queue_store::QueueClaim;
use crate::state::millis;

pub(super) struct MemoryClaim {
    pub(super) store: MemoryStore,
    pub(super) queue: String,
    pub(super) group: String,
    pub(super) me: (String, u64),
}

impl MemoryClaim {
    fn with<T>(&self, then: impl FnOnce(&mut Group, u64) -> T) -> Result<T> {
        self.store.with(&self.queue, |queue, now| {
            let group = queue.group(&self.group);
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
        let taken = self.store.take(&self.queue, &self.group, max, u64::MAX, false)?;
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

    fn dead_letters(&self, dead: &[(u64, &str, &str)]) -> Result<()> {
        dead.iter().try_for_each(|(offset, reason, by)| self.dead_letter(*offset, reason, by))
    }

    fn floor(&self) -> Result<u64> {
        self.with(|_, _| ())?;
        self.store.with(&self.queue, |queue, _| {
            let group = queue.groups.get(&self.group);
            let open = queue.messages.keys().find(|offset| !queue.is_settled(group, **offset));
            Ok(open.copied().unwrap_or(queue.next))
        })
    }

    fn release_all(&self) -> Result<()> {
        self.with(|group, _| release(group, true, true))
    }
}

impl Drop for MemoryClaim {
    fn drop(&mut self) {
        let _ = self.with(|group, _| {
            release(group, true, false);
            group.session = None;
        });
    }
}
