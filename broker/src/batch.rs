//! Many messages in few buffers, laid out as they will lie in the log.

use crate::codec::Malformed;
use crate::error::{Error, Result};
use crate::message::Message;
use crate::payload::{self, FRAME_MESSAGES, FRAME_TARGET, MAX_META, Meta, put_body, put_message};

/// Messages to be sent together: confirmed together, with consecutive ids.
///
/// Filling a batch encodes on the producer's thread, so that the one writer of the store only
/// copies. A batch of any size may be sent; 1,000 messages or 256 KiB are enough for full speed.
///
/// ```
/// let mut batch = squall_broker::Batch::default();
/// batch.push(b"noodle bar");
/// batch.push(b"tea house");
/// assert_eq!(batch.len(), 2);
/// ```
#[derive(Debug, Default)]
pub struct Batch {
    pub(crate) chunks: Vec<Chunk>,
    count: u64,
    largest_body: usize,
    largest_meta: usize,
}

/// Messages that fit a frame.
#[derive(Debug)]
pub(crate) struct Chunk {
    pub(crate) delayed: bool,
    pub(crate) count: u32,
    pub(crate) bytes: Vec<u8>,
}

impl Batch {
    /// Adds a message that has nothing but a body.
    pub fn push(&mut self, body: &[u8]) {
        self.largest_body = self.largest_body.max(body.len());
        put_body(self.room(4 + body.len(), false), body);
    }

    /// Adds a message with its headers and delay.
    pub fn push_message(&mut self, message: &Message) {
        let meta = Meta::of(message);
        if meta == Meta::default() {
            return self.push(&message.body);
        }
        let meta_len = meta.encode().len();
        self.largest_meta = self.largest_meta.max(meta_len);
        self.largest_body = self.largest_body.max(message.body.len());
        let delayed = meta.delay_ms.is_some();
        put_message(self.room(6 + meta_len + message.body.len(), delayed), &meta, &message.body);
    }

    /// How many messages are in it.
    #[must_use]
    pub fn len(&self) -> usize {
        usize::try_from(self.count).unwrap_or(usize::MAX)
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    pub(crate) fn check(&self, max_body: usize) -> Result<()> {
        if self.largest_body > max_body {
            return Err(Error::TooLarge { bytes: self.largest_body, allowed: max_body });
        }
        if self.largest_meta > MAX_META / 2 {
            return Err(Error::TooLarge { bytes: self.largest_meta, allowed: MAX_META / 2 });
        }
        Ok(())
    }

    /// The buffer that the next message of `bytes` goes to.
    fn room(&mut self, bytes: usize, delayed: bool) -> &mut Vec<u8> {
        self.count += 1;
        let fits = self.chunks.last().is_some_and(|chunk| {
            chunk.delayed == delayed
                && chunk.count < FRAME_MESSAGES
                && chunk.bytes.len() + bytes <= FRAME_TARGET
        });
        if !fits {
            let capacity = if self.chunks.is_empty() { bytes } else { FRAME_TARGET.max(bytes) };
            self.chunks.push(Chunk { delayed, count: 0, bytes: Vec::with_capacity(capacity) });
        }
        let last = self.chunks.len() - 1;
        let chunk = &mut self.chunks[last];
        chunk.count += 1;
        &mut chunk.bytes
    }
}

impl Chunk {
    /// The messages from the one of index `start` to before the one of index `end`.
    pub(crate) fn slice(&self, start: u32, end: u32) -> Result<&[u8], Malformed> {
        if (start, end) == (0, self.count) {
            return Ok(&self.bytes);
        }
        let skip = |from: usize, count: u32| {
            (0..count).try_fold(from, |at, _| payload::next(&self.bytes, at).map(|(_, next)| next))
        };
        let from = skip(0, start)?;
        let to = skip(from, end - start)?;
        self.bytes.get(from..to).ok_or(Malformed)
    }
}

impl<M: Into<Message>> FromIterator<M> for Batch {
    fn from_iter<T: IntoIterator<Item = M>>(messages: T) -> Self {
        let mut batch = Self::default();
        for message in messages {
            batch.push_message(&message.into());
        }
        batch
    }
}
