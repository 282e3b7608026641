//! Batches that are sent once, however often they are given.
//!
//! Every frame of such a batch begins with a record of which messages of which batch it brings.
//! The record takes effect with its frame and only with it, so whatever a crash leaves of a batch
//! of several frames, the queue knows exactly what that is, and the batch given again brings the
//! rest.

use std::ops::Range;
use std::sync::Arc;

use squall_durable::FrameHead;

use crate::batch::Batch;
use crate::cell::Cell;
use crate::confirm::{Answer, Confirm, Sent};
use crate::error::{Error, Result};
use crate::inbox::Numbered;
use crate::message::MessageId;
use crate::queue::Queue;
use crate::record::{DELAYED, MESSAGES, Record};
use crate::writer::Writer;

/// The longest name of a producer, in bytes.
const MAX_PRODUCER: usize = 128;

impl Queue {
    /// Sends a batch unless this queue has had it: each producer numbers its batches with rising
    /// numbers, and sends a batch again with the same messages in the same order until it was
    /// confirmed, before it sends the next. Then each message is in the queue once, whatever
    /// crashes in between. The confirmation says how many messages were sent now: none if the
    /// queue has had this number or a higher one.
    ///
    /// The queue remembers the last number of each of up to 1,000 producers for as long as it
    /// exists, also when it is purged. After a crash in the middle of a batch of more than 64 KiB
    /// consumers may see the first part of it before it is sent again. An empty batch is not
    /// remembered.
    ///
    /// # Errors
    /// As [`send_batch`](Self::send_batch), and [`Error::BadProducer`]. The confirmation may say
    /// [`Error::OtherBatch`] or [`Error::TooManyProducers`]; when it says [`Error::DiskFull`],
    /// sending the batch again sends what is missing.
    pub fn send_once(&self, batch: Batch, producer: &str, number: u64) -> Result<Confirm> {
        check_producer(producer)?;
        let (answer, confirm) = Answer::slot();
        self.submit(batch, Some(Numbered { producer: producer.to_owned(), number }), answer)?;
        Ok(confirm)
    }

    /// The highest number that [`send_once`](Self::send_once) has been given by a producer.
    #[must_use]
    pub fn last_number(&self, producer: &str) -> Option<u64> {
        self.cell().look().marks.last(producer)
    }
}

pub(crate) fn check_producer(producer: &str) -> Result<()> {
    if producer.is_empty() || producer.len() > MAX_PRODUCER {
        return Err(Error::BadProducer(producer.to_owned()));
    }
    Ok(())
}

impl Writer {
    pub(crate) fn take_once(
        &mut self,
        cell: &Arc<Cell>,
        batch: &Batch,
        numbered: &Numbered,
        answer: Answer,
    ) {
        let result = self.write_once(cell, batch, numbered);
        self.answer(Some(answer), result);
    }

    fn write_once(
        &mut self,
        cell: &Arc<Cell>,
        batch: &Batch,
        Numbered { producer, number }: &Numbered,
    ) -> Result<Sent> {
        let total = batch.len() as u64;
        if total == 0 {
            return Ok(Sent { first: MessageId(0), count: 0 });
        }
        let (first, missing) = {
            let mut state = cell.live()?;
            let missing = state.marks.missing(&cell.name, producer, *number, total)?;
            let first = state.next;
            state.next += length(&missing);
            (first, missing)
        };
        if missing.is_empty() {
            return Ok(Sent { first: MessageId(0), count: 0 });
        }
        self.finish_join(cell);
        let (mut next, mut start) = (first, 0);
        for chunk in &batch.chunks {
            let end = start + u64::from(chunk.count);
            for gap in &missing {
                let part = gap.start.max(start)..gap.end.min(end);
                if part.is_empty() {
                    continue;
                }
                let bytes = chunk.slice((part.start - start) as u32, (part.end - start) as u32)?;
                let head = FrameHead {
                    kind: if chunk.delayed { DELAYED } else { MESSAGES },
                    count: (part.end - part.start) as u32,
                    first: next,
                    ..FrameHead::default()
                };
                next += part.end - part.start;
                let record = Record::Once {
                    queue: cell.id,
                    producer: producer.clone(),
                    number: *number,
                    part: part.clone(),
                    total,
                };
                self.write_messages(cell, head, &[bytes], vec![record])?;
                // At once, since the batch may be given again within the same group commit.
                cell.change().marks.note(producer, *number, &part, total);
            }
            start = end;
        }
        Ok(Sent { first: MessageId(first), count: next - first })
    }
}

fn length(ranges: &[Range<u64>]) -> u64 {
    ranges.iter().map(|range| range.end - range.start).sum()
}
