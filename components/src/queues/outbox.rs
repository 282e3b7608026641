//! Messages that leave for queues after a commit.

use std::collections::BTreeMap;

use squall_broker::{Batch, Message, Store};
use squall_framework::{CommitNumber, Error, Outbox, OutboxMessage, Result};

use super::{find_queue, of_broker};

/// Sends the messages of epochs to the queues of a store, each once: a queue remembers the last
/// commit of each topology that it was given messages of.
#[derive(Debug)]
pub struct QueueOutbox {
    store: Store,
}

impl QueueOutbox {
    /// Sends to the queues of this store, and makes those that are not there.
    #[must_use]
    pub fn new(store: Store) -> Self {
        Self { store }
    }
}

impl Outbox for QueueOutbox {
    fn publish(
        &mut self,
        topology: &str,
        commit: CommitNumber,
        messages: &[OutboxMessage],
    ) -> Result<()> {
        let number = commit.packed();
        let producer = format!("topology:{topology}");
        let mut batches: BTreeMap<&str, Batch> = BTreeMap::new();
        for OutboxMessage { queue, body, headers } in messages {
            let batch = batches.entry(queue).or_default();
            let message = Message { headers: headers.clone(), ..Message::new(body.clone()) };
            batch.push_message(&message);
        }
        let mut confirms = Vec::with_capacity(batches.len());
        for (name, batch) in batches {
            let queue = find_queue(Some(&self.store), name)?;
            // It may be this very commit, sent before a crash, but never a later one.
            if queue.last_number(&producer).is_some_and(|last| last > number) {
                let CommitNumber { incarnation, epoch } = commit;
                return Err(Error::retry(format!(
                    "queue `{name}` has messages of `{topology}` that are later than epoch {epoch} of \
                     run {incarnation}: the results are in another store than those of the later runs, \
                     or were put back to an earlier time; use the store of the later runs, or give the \
                     topology another name"
                )));
            }
            let sent = queue.send_once(batch, &producer, number).map_err(|e| of_queue(name, e))?;
            confirms.push((name, sent));
        }
        for (name, confirm) in confirms {
            confirm.wait().map_err(|error| of_queue(name, error))?;
        }
        Ok(())
    }
}

/// Whatever it is, the messages belong to a commit and are sent again until they are taken.
fn of_queue(name: &str, error: squall_broker::Error) -> Error {
    Error::retry(of_broker(error).context(format!("queue `{name}`")).to_string())
}
