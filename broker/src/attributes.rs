//! What can be set on a queue, with CMQ's names, defaults and bounds.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};

/// The largest body that any queue takes, in bytes.
pub(crate) const MAX_BODY: usize = 65_536;

/// Attributes of a queue.
///
/// Serialized with CMQ's names, times in seconds: `visibilityTimeout`, `msgRetentionSeconds`,
/// `rewindSeconds`, `maxMsgSize`, `pollingWaitSeconds`, `deadLetter`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct QueueAttributes {
    /// How long a received message stays invisible to others before it is delivered again.
    /// 30 s; at most 12 h.
    #[serde(rename = "visibilityTimeout", with = "seconds")]
    pub visibility_timeout: Duration,
    /// How long a message is kept if nobody settles it. 4 days; 1 s to 30 days.
    #[serde(rename = "msgRetentionSeconds", with = "seconds")]
    pub retention: Duration,
    /// How long settled messages are kept for [`Queue::rewind`](crate::Queue::rewind). 0; at
    /// most the retention.
    #[serde(rename = "rewindSeconds", with = "seconds")]
    pub rewind: Duration,
    /// The largest body, in bytes. 65,536, which is also the most.
    #[serde(rename = "maxMsgSize")]
    pub max_message_size: usize,
    /// How long `receive` waits for a message where the caller does not say. 0; at most 30 s.
    #[serde(rename = "pollingWaitSeconds", with = "seconds")]
    pub polling_wait: Duration,
    /// Where messages go that were delivered too often.
    #[serde(rename = "deadLetter", skip_serializing_if = "Option::is_none")]
    pub dead_letter: Option<DeadLetterPolicy>,
}

/// When a message is given up, and where it goes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DeadLetterPolicy {
    /// The queue that takes the dead letters; created when the first one comes.
    pub queue: String,
    /// After so many deliveries without a delete, a message is dead. For competing consumers: who
    /// holds a claim decides alone.
    #[serde(rename = "maxReceiveCount")]
    pub max_receive_count: u32,
}

impl Default for QueueAttributes {
    fn default() -> Self {
        Self {
            visibility_timeout: Duration::from_secs(30),
            retention: Duration::from_secs(345_600),
            rewind: Duration::ZERO,
            max_message_size: MAX_BODY,
            polling_wait: Duration::ZERO,
            dead_letter: None,
        }
    }
}

impl QueueAttributes {
    /// Sends messages that were received `max_receive_count` times without being deleted to
    /// `queue`.
    #[must_use]
    pub fn dead_letter(mut self, queue: impl Into<String>, max_receive_count: u32) -> Self {
        self.dead_letter = Some(DeadLetterPolicy { queue: queue.into(), max_receive_count });
        self
    }

    pub(crate) fn check(&self) -> Result<()> {
        let bad = |attribute, value: String, allowed| {
            Err(Error::BadAttribute { attribute, value, allowed })
        };
        if self.visibility_timeout > Duration::from_secs(43_200) {
            return bad(
                "visibilityTimeout",
                format!("{:?}", self.visibility_timeout),
                "at most 12 hours",
            );
        }
        if self.retention < Duration::from_secs(1)
            || self.retention > Duration::from_secs(2_592_000)
        {
            return bad(
                "msgRetentionSeconds",
                format!("{:?}", self.retention),
                "1 second to 30 days",
            );
        }
        if self.rewind > self.retention {
            return bad("rewindSeconds", format!("{:?}", self.rewind), "at most the retention");
        }
        if self.max_message_size == 0 || self.max_message_size > MAX_BODY {
            return bad("maxMsgSize", self.max_message_size.to_string(), "1 to 65,536 bytes");
        }
        if self.polling_wait > Duration::from_secs(30) {
            return bad(
                "pollingWaitSeconds",
                format!("{:?}", self.polling_wait),
                "at most 30 seconds",
            );
        }
        match &self.dead_letter {
            Some(policy) if policy.max_receive_count == 0 => {
                bad("maxReceiveCount", "0".into(), "1 or more")
            }
            Some(policy) => check_name(&policy.queue),
            None => Ok(()),
        }
    }
}

/// Queue and group names: CMQ's letters, digits and hyphens, and `_` and `.` besides.
pub(crate) fn check_name(name: &str) -> Result<()> {
    let fine = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    if name.is_empty() || name.len() > 64 || !name.chars().all(fine) {
        return Err(Error::BadName(name.to_owned()));
    }
    Ok(())
}

/// Durations as seconds, whole or with a fraction.
mod seconds {
    use std::time::Duration;

    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    pub(super) fn serialize<S: Serializer>(value: &Duration, to: S) -> Result<S::Ok, S::Error> {
        if value.subsec_nanos() == 0 {
            to.serialize_u64(value.as_secs())
        } else {
            to.serialize_f64(value.as_secs_f64())
        }
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Duration, D::Error> {
        Duration::try_from_secs_f64(f64::deserialize(from)?).map_err(D::Error::custom)
    }
}
