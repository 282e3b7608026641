//! Batches that are sent once: in memory.

use super::MemoryStore;
use crate::error::{Error, Result};
use crate::message::{Message, MessageId};
use crate::once::check_producer;
use crate::queue_store::QueueStore;

impl MemoryStore {
    pub(super) fn send_numbered(
        &self,
        queue: &str,
        messages: &[Message],
        producer: &str,
        number: u64,
    ) -> Result<Vec<MessageId>> {
        check_producer(producer)?;
        let given = messages.len() as u64;
        if given == 0 {
            return Ok(Vec::new());
        }
        match self.with(queue, |queue, _| Ok(queue.marks.get(producer).copied()))? {
            Some((last, had)) if last == number && had != given => {
                let producer = producer.to_owned();
                return Err(Error::OtherBatch { producer, number, had, given });
            }
            Some((last, _)) if last >= number => return Ok(Vec::new()),
            _ => {}
        }
        let ids = self.send(queue, messages)?;
        self.with(queue, |queue, _| {
            queue.marks.insert(producer.to_owned(), (number, given));
            Ok(ids)
        })
    }
}
