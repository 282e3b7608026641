//! Messages as consumers get them.

use bytes::Bytes;

use crate::message::{DeadLetter, Handle, MessageId};
use crate::payload::Meta;

/// A message leased by a competing consumer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Received {
    /// Deletes the message, or changes its visibility.
    pub handle: Handle,
    /// The id of the message.
    pub id: MessageId,
    /// The body.
    pub body: Bytes,
    /// When it was sent, in milliseconds since 1970.
    pub enqueued_ms: u64,
    /// When it becomes visible to others again, in milliseconds since 1970.
    pub visible_ms: u64,
    /// How often it has been delivered, this time included.
    pub dequeue_count: u32,
    /// Its headers.
    pub headers: Vec<(String, String)>,
    /// Why it is here, in a dead-letter queue.
    pub dead_letter: Option<DeadLetter>,
}

/// A message that was looked at without being leased.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Peeked {
    /// Where it stands.
    pub offset: u64,
    /// The id of the message.
    pub id: MessageId,
    /// The body.
    pub body: Bytes,
    /// When it was sent, in milliseconds since 1970.
    pub enqueued_ms: u64,
    /// How often it has been delivered to the group.
    pub dequeue_count: u32,
    /// Its headers.
    pub headers: Vec<(String, String)>,
    /// Why it is here, in a dead-letter queue.
    pub dead_letter: Option<DeadLetter>,
}

/// Messages that were read together by a [`Claim`](crate::Claim): slices of one buffer.
#[derive(Debug, Clone)]
pub struct Frame {
    pub(crate) data: Bytes,
    pub(crate) entries: Vec<Entry>,
}

#[derive(Debug, Clone, Copy)]
pub(crate) struct Entry {
    pub(crate) offset: u64,
    pub(crate) enqueued_ms: u64,
    pub(crate) attempt: u32,
    pub(crate) body: (u32, u32),
    pub(crate) meta: (u32, u32),
}

/// One message of a [`Frame`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delivered {
    /// Where it stands: what it is settled or failed by.
    pub offset: u64,
    /// The id of the message.
    pub id: MessageId,
    /// The body, a slice of the frame's buffer.
    pub body: Bytes,
    /// When it was sent, in milliseconds since 1970.
    pub enqueued_ms: u64,
    /// How often it has been delivered to this group, this time included.
    pub attempt: u32,
    /// Its headers.
    pub headers: Vec<(String, String)>,
    /// Why it is here, in a dead-letter queue.
    pub dead_letter: Option<DeadLetter>,
}

impl Frame {
    /// How many messages are in it; at least one.
    #[must_use]
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// The buffer that all bodies are slices of.
    #[must_use]
    pub fn data(&self) -> &Bytes {
        &self.data
    }

    /// The offsets of its messages: rising, but not always without gaps.
    pub fn offsets(&self) -> impl Iterator<Item = u64> + '_ {
        self.entries.iter().map(|entry| entry.offset)
    }

    /// The bodies without the rest: the quickest way through.
    pub fn bodies(&self) -> impl Iterator<Item = &[u8]> + '_ {
        self.entries.iter().map(|entry| self.raw(entry.body))
    }

    /// The body of message `index` (of [`len`](Self::len)) as a slice that shares the buffer.
    #[must_use]
    pub fn body(&self, index: usize) -> Option<Bytes> {
        self.entries.get(index).map(|entry| self.slice(entry.body))
    }

    /// Message `index` (of [`len`](Self::len)) with everything that it carries.
    #[must_use]
    pub fn get(&self, index: usize) -> Option<Delivered> {
        self.entries.get(index).map(|entry| self.deliver(entry))
    }

    /// All messages in order.
    pub fn iter(&self) -> impl Iterator<Item = Delivered> + '_ {
        self.entries.iter().map(|entry| self.deliver(entry))
    }

    pub(crate) fn meta(&self, entry: &Entry) -> Meta {
        if entry.meta.1 == 0 {
            return Meta::default();
        }
        // The frame's checksum was right, so a meta that cannot be read is one of a newer
        // version; the body is still good.
        Meta::decode(self.raw(entry.meta)).unwrap_or_default()
    }

    pub(crate) fn slice(&self, (start, len): (u32, u32)) -> Bytes {
        self.data.slice(start as usize..(start + len) as usize)
    }

    pub(crate) fn raw(&self, (start, len): (u32, u32)) -> &[u8] {
        &self.data[start as usize..(start + len) as usize]
    }

    fn deliver(&self, entry: &Entry) -> Delivered {
        let meta = self.meta(entry);
        Delivered {
            offset: entry.offset,
            id: MessageId(meta.id.unwrap_or(entry.offset)),
            body: self.slice(entry.body),
            enqueued_ms: meta.enqueued_ms.unwrap_or(entry.enqueued_ms),
            attempt: entry.attempt,
            headers: meta.headers,
            dead_letter: meta.dead,
        }
    }
}
