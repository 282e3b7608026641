//! A message as a producer gives it, and the names that messages go by.

use std::fmt;
use std::time::Duration;

use bytes::Bytes;
use serde::{Deserialize, Serialize};

/// The identity of a message within its queue: it stays when a delayed message moves to the
/// tail of the queue, while the offset says where the message stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct MessageId(pub u64);

impl fmt::Display for MessageId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A receipt handle: names one delivery of one message. A later delivery of the same message
/// makes it invalid; a restart does not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Handle(pub u64);

/// A message to be sent.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Message {
    /// What the consumer is given; any bytes.
    pub body: Bytes,
    /// Names and values beside the body; at most 8 KiB together.
    pub headers: Vec<(String, String)>,
    /// How long the message stays invisible after it was sent, to the millisecond.
    pub delay: Duration,
}

impl Message {
    /// A message without headers or delay.
    pub fn new(body: impl Into<Bytes>) -> Self {
        Self { body: body.into(), ..Self::default() }
    }

    /// Adds a header.
    #[must_use]
    pub fn header(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }

    /// Makes the message visible only after `delay`.
    #[must_use]
    pub fn delayed(mut self, delay: Duration) -> Self {
        self.delay = delay;
        self
    }
}

impl<T: Into<Bytes>> From<T> for Message {
    fn from(body: T) -> Self {
        Self::new(body)
    }
}

/// Why a message is in a dead-letter queue.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeadLetter {
    /// The queue that the message came from.
    pub source: String,
    /// The group that gave it up.
    pub group: String,
    /// Its id there.
    pub id: MessageId,
    /// Why it was given up.
    pub reason: String,
    /// Who gave it up: the bolt, or `broker` where it was received too often.
    pub by: String,
    /// How often it had been delivered.
    pub attempts: u32,
    /// When it was sent, in milliseconds since 1970.
    pub enqueued_ms: u64,
    /// When it was given up, in milliseconds since 1970.
    pub dead_ms: u64,
}
