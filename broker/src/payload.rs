//! How messages lie in the payload of a frame.
//!
//! ```text
//! payload = [moves] message*
//! moves   = length u32 LE, bytes          only with the flag MOVES; see `record::Moves`
//! message = head u32 LE, [meta], body     head = body length, top bit: a meta follows
//! meta    = length u16 LE, field*
//! field   = tag u8, value                 numbers base 128, texts with their length
//! ```
//!
//! Concatenated messages are messages, so the writer can join what several producers sent
//! without looking inside.

use crate::codec::{Malformed, Reader, put_str, put_u64};
use crate::message::{DeadLetter, Message, MessageId};

/// Set in the head of a message that has a meta.
const HAS_META: u32 = 1 << 31;
/// A frame takes messages up to this many bytes; a single larger message gets its own.
pub(crate) const FRAME_TARGET: usize = 65_536 - squall_durable::HEADER_BYTES;
/// And up to this many messages.
pub(crate) const FRAME_MESSAGES: u32 = 1_024;
/// What headers and dead-letter facts of one message may take.
pub(crate) const MAX_META: usize = 16 << 10;

const TAG_ID: u8 = 1;
const TAG_ENQUEUED: u8 = 2;
const TAG_DELAY: u8 = 3;
const TAG_HEADER: u8 = 4;
const TAG_DEAD: u8 = 5;

/// What a message carries beside its body.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Meta {
    /// The id, where it is not the offset.
    pub(crate) id: Option<u64>,
    /// When it was sent, where that is not the time of the frame.
    pub(crate) enqueued_ms: Option<u64>,
    /// Due so many milliseconds after the time of the frame.
    pub(crate) delay_ms: Option<u64>,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) dead: Option<DeadLetter>,
}

impl Meta {
    pub(crate) fn of(message: &Message) -> Self {
        let delay_ms = u64::try_from(message.delay.as_millis()).unwrap_or(u64::MAX);
        Self {
            headers: message.headers.clone(),
            delay_ms: (delay_ms > 0).then_some(delay_ms),
            ..Self::default()
        }
    }

    fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut to = Vec::new();
        let numbers =
            [(TAG_ID, self.id), (TAG_ENQUEUED, self.enqueued_ms), (TAG_DELAY, self.delay_ms)];
        for (tag, value) in numbers {
            if let Some(value) = value {
                to.push(tag);
                put_u64(&mut to, value);
            }
        }
        for (name, value) in &self.headers {
            to.push(TAG_HEADER);
            put_str(&mut to, name);
            put_str(&mut to, value);
        }
        if let Some(dead) = &self.dead {
            to.push(TAG_DEAD);
            for text in [&dead.source, &dead.group, &dead.reason, &dead.by] {
                put_str(&mut to, text);
            }
            for number in [dead.id.0, u64::from(dead.attempts), dead.enqueued_ms, dead.dead_ms] {
                put_u64(&mut to, number);
            }
        }
        to
    }

    pub(crate) fn decode(bytes: &[u8]) -> Result<Self, Malformed> {
        let mut reader = Reader(bytes);
        let mut meta = Self::default();
        while !reader.is_empty() {
            match reader.u8()? {
                TAG_ID => meta.id = Some(reader.u64()?),
                TAG_ENQUEUED => meta.enqueued_ms = Some(reader.u64()?),
                TAG_DELAY => meta.delay_ms = Some(reader.u64()?),
                TAG_HEADER => meta.headers.push((reader.string()?, reader.string()?)),
                TAG_DEAD => {
                    meta.dead = Some(DeadLetter {
                        source: reader.string()?,
                        group: reader.string()?,
                        reason: reader.string()?,
                        by: reader.string()?,
                        id: MessageId(reader.u64()?),
                        attempts: reader.u32()?,
                        enqueued_ms: reader.u64()?,
                        dead_ms: reader.u64()?,
                    });
                }
                _ => return Err(Malformed),
            }
        }
        Ok(meta)
    }
}

/// Appends one message.
pub(crate) fn put_message(to: &mut Vec<u8>, meta: &Meta, body: &[u8]) {
    let len = body.len() as u32;
    if meta.is_empty() {
        to.extend_from_slice(&len.to_le_bytes());
    } else {
        let meta = meta.encode();
        to.extend_from_slice(&(len | HAS_META).to_le_bytes());
        to.extend_from_slice(&(meta.len() as u16).to_le_bytes());
        to.extend_from_slice(&meta);
    }
    to.extend_from_slice(body);
}

/// Appends one message without a meta.
pub(crate) fn put_body(to: &mut Vec<u8>, body: &[u8]) {
    to.extend_from_slice(&(body.len() as u32).to_le_bytes());
    to.extend_from_slice(body);
}

/// Where one message lies in a payload.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) body: (usize, usize),
    pub(crate) meta: (usize, usize),
}

/// Finds the message that starts at `at`, and where the next one starts.
pub(crate) fn next(payload: &[u8], at: usize) -> Result<(Place, usize), Malformed> {
    let mut reader = Reader(payload.get(at..).ok_or(Malformed)?);
    let head = u32_le(&mut reader)?;
    let len = (head & !HAS_META) as usize;
    let mut start = at + 4;
    let mut meta = (start, 0);
    if head & HAS_META != 0 {
        let bytes = reader.take(2)?;
        let meta_len = usize::from(u16::from_le_bytes([bytes[0], bytes[1]]));
        reader.take(meta_len)?;
        meta = (start + 2, meta_len);
        start += 2 + meta_len;
    }
    reader.take(len)?;
    Ok((Place { body: (start, len), meta }, start + len))
}

pub(crate) fn u32_le(reader: &mut Reader<'_>) -> Result<u32, Malformed> {
    let b = reader.take(4)?;
    Ok(u32::from_le_bytes([b[0], b[1], b[2], b[3]]))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn messages_come_back_with_everything_beside_them() {
        let meta = Meta {
            id: Some(7),
            enqueued_ms: Some(1_700_000_000_000),
            delay_ms: Some(5),
            headers: vec![("city".into(), "Bern".into())],
            dead: Some(DeadLetter {
                source: "shares".into(),
                group: "default".into(),
                id: MessageId(9),
                reason: "not json".into(),
                by: "parse".into(),
                attempts: 5,
                enqueued_ms: 1,
                dead_ms: 2,
            }),
        };
        let mut payload = Vec::new();
        put_body(&mut payload, b"plain");
        put_message(&mut payload, &meta, b"rich");
        let (first, at) = next(&payload, 0).unwrap();
        assert_eq!(&payload[first.body.0..][..first.body.1], b"plain");
        let (second, end) = next(&payload, at).unwrap();
        assert_eq!(&payload[second.body.0..][..second.body.1], b"rich");
        assert_eq!(Meta::decode(&payload[second.meta.0..][..second.meta.1]).unwrap(), meta);
        assert_eq!(end, payload.len());
        assert_eq!(next(&payload[..end - 1], at), Err(Malformed));
    }
}
