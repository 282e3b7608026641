//! The queues that messages leave for after a commit.

use std::collections::BTreeMap;

use super::{faults::Extent, world::Handle};
use crate::{
    epoch::{CommitNumber, Outbox, OutboxMessage},
    error::{Error, Result},
};

/// A queue that remembers the last message of the topology by its epoch and number.
#[derive(Debug, Default)]
pub(super) struct OutQueue {
    /// The last epoch, and how many messages of it there are.
    last: (u64, usize),
    pub(super) messages: Vec<OutboxMessage>,
}

/// All such queues, by name.
#[derive(Debug, Default)]
pub(super) struct Mail {
    pub(super) queues: BTreeMap<String, OutQueue>,
    /// What each epoch has published.
    epochs: BTreeMap<u64, Vec<OutboxMessage>>,
}

/// A process's way to these queues.
pub(super) struct SimOutbox {
    handle: Handle,
}

impl SimOutbox {
    pub(super) fn new(handle: Handle) -> Self {
        SimOutbox { handle }
    }
}

impl Outbox for SimOutbox {
    fn publish(&mut self, _: &str, commit: CommitNumber, messages: &[OutboxMessage]) -> Result<()> {
        let epoch = commit.epoch;
        self.handle.call("mail.publish", Error::retry, |world, extent| {
            let committed = world.store.record.epoch;
            world.check(epoch <= committed, || {
                format!("epoch {epoch} is published, but only {committed} are committed")
            });
            let known = world.mail.epochs.entry(epoch).or_insert_with(|| messages.to_vec());
            let same = known == messages;
            world.check(same, || format!("epoch {epoch} is published with other messages"));
            let most = match extent {
                Extent::Part => world.rng.usize(0..=messages.len()),
                _ => messages.len(),
            };
            let mut numbers: BTreeMap<&str, usize> = BTreeMap::new();
            for message in &messages[..most] {
                let number = numbers.entry(&message.queue).or_default();
                *number += 1;
                let queue = world.mail.queues.entry(message.queue.clone()).or_default();
                if queue.last < (epoch, *number) {
                    queue.last = (epoch, *number);
                    queue.messages.push(message.clone());
                }
            }
            Ok(())
        })
    }
}
