//! The records of the log: everything that happens to queues beside their messages.
//!
//! Frames are of four kinds. [`MESSAGES`] and [`DELAYED`] hold messages of one queue; the first
//! may begin with [`MOVES`], records that take effect with it and only with it: so a message
//! that goes to a dead-letter queue is in one of the two, whatever happens. [`CONTROL`] holds
//! records one behind the other. [`SNAPSHOT`] holds all that is known of one queue, in several
//! frames if need be, and makes earlier records about it superfluous.
//!
//! A record may be applied again to a state that knows it already without changing it.

use std::ops::Range;

use crate::codec::{Malformed, Reader, put_str, put_u64};

/// Frame kind: messages with consecutive offsets.
pub(crate) const MESSAGES: u8 = 1;
/// Frame kind: messages that come to the tail later.
pub(crate) const DELAYED: u8 = 2;
/// Frame kind: records.
pub(crate) const CONTROL: u8 = 3;
/// Frame kind: a queue as it is, or a part of that.
pub(crate) const SNAPSHOT: u8 = 4;

/// Frame flag: belongs to the block of the frame before it.
pub(crate) const EXTENDS: u16 = 1;
/// Frame flag: the payload begins with records.
pub(crate) const MOVES: u16 = 2;
/// Frame flag: a copy that takes the place of an earlier frame.
pub(crate) const COPY: u16 = 4;
/// Frame flag: the next frame of the queue continues this one.
pub(crate) const CONTINUED: u16 = 8;

/// One change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Record {
    /// A delivery, or what became of one. `visible_ms` of `u64::MAX`: when its claim lets go.
    Lease { queue: u32, group: u32, range: Range<u64>, attempts: u32, visible_ms: u64 },
    /// Messages that a group is done with.
    Settle { queue: u32, group: u32, range: Range<u64> },
    /// A new queue; its attributes as the ledger has them.
    Create { queue: u32, name: String, uuid: u128, attributes: Vec<u8> },
    /// Other attributes.
    Attributes { queue: u32, attributes: Vec<u8> },
    /// The queue is gone.
    Delete { queue: u32 },
    /// A new group that is given everything from `cursor` on.
    AddGroup { queue: u32, group: u32, name: String, cursor: u64 },
    /// The group is gone.
    RemoveGroup { queue: u32, group: u32 },
    /// Who claimed a group last.
    Claim { queue: u32, group: u32, owner: String, incarnation: u64 },
    /// Everything below `up_to` is settled for all.
    Purge { queue: u32, up_to: u64, generation: u64 },
    /// Everything below `up_to` was too old.
    Expire { queue: u32, up_to: u64 },
    /// Settled messages from `offset` on are visible again.
    Rewind { queue: u32, offset: u64, generation: u64 },
    /// Delayed messages have come to the tail.
    Fired { queue: u32, first: u64, until_ms: u64, count: u32, next_ms: u64 },
    /// The frame brings these messages, by their place in it, of a batch of `total` that its
    /// producer sends once only.
    Once { queue: u32, producer: String, number: u64, part: Range<u64>, total: u64 },
    /// A new group that is given everything from `cursor` on, also what is settled and kept.
    AddGroupFrom { queue: u32, group: u32, name: String, cursor: u64 },
}

impl Record {
    /// The queue that it is about.
    pub(crate) fn queue(&self) -> u32 {
        match self {
            Self::Lease { queue, .. }
            | Self::Settle { queue, .. }
            | Self::Create { queue, .. }
            | Self::Attributes { queue, .. }
            | Self::Delete { queue }
            | Self::AddGroup { queue, .. }
            | Self::RemoveGroup { queue, .. }
            | Self::Claim { queue, .. }
            | Self::Purge { queue, .. }
            | Self::Expire { queue, .. }
            | Self::Rewind { queue, .. }
            | Self::Fired { queue, .. }
            | Self::Once { queue, .. }
            | Self::AddGroupFrom { queue, .. } => *queue,
        }
    }

    pub(crate) fn encode(&self, to: &mut Vec<u8>) {
        let mut numbers = |tag: u8, numbers: &[u64]| {
            to.push(tag);
            numbers.iter().for_each(|&number| put_u64(to, number));
        };
        match self {
            Self::Lease { queue, group, range, attempts, visible_ms } => {
                // Adding one makes `u64::MAX` the shortest number.
                let visible = visible_ms.wrapping_add(1);
                numbers(
                    1,
                    &[
                        u64::from(*queue),
                        u64::from(*group),
                        range.start,
                        range.end - range.start,
                        u64::from(*attempts),
                        visible,
                    ],
                );
            }
            Self::Settle { queue, group, range } => {
                numbers(
                    2,
                    &[u64::from(*queue), u64::from(*group), range.start, range.end - range.start],
                );
            }
            Self::Create { queue, name, uuid, attributes } => {
                numbers(3, &[u64::from(*queue), (*uuid >> 64) as u64, *uuid as u64]);
                put_str(to, name);
                crate::codec::put_bytes(to, attributes);
            }
            Self::Attributes { queue, attributes } => {
                numbers(4, &[u64::from(*queue)]);
                crate::codec::put_bytes(to, attributes);
            }
            Self::Delete { queue } => numbers(5, &[u64::from(*queue)]),
            Self::AddGroup { queue, group, name, cursor } => {
                numbers(6, &[u64::from(*queue), u64::from(*group), *cursor]);
                put_str(to, name);
            }
            Self::RemoveGroup { queue, group } => {
                numbers(7, &[u64::from(*queue), u64::from(*group)])
            }
            Self::Claim { queue, group, owner, incarnation } => {
                numbers(8, &[u64::from(*queue), u64::from(*group), *incarnation]);
                put_str(to, owner);
            }
            Self::Purge { queue, up_to, generation } => {
                numbers(9, &[u64::from(*queue), *up_to, *generation])
            }
            Self::Expire { queue, up_to } => numbers(10, &[u64::from(*queue), *up_to]),
            Self::Rewind { queue, offset, generation } => {
                numbers(11, &[u64::from(*queue), *offset, *generation])
            }
            Self::Fired { queue, first, until_ms, count, next_ms } => {
                numbers(12, &[u64::from(*queue), *first, *until_ms, u64::from(*count), *next_ms]);
            }
            Self::Once { queue, producer, number, part, total } => {
                let count = part.end - part.start;
                numbers(13, &[u64::from(*queue), *number, part.start, count, *total]);
                put_str(to, producer);
            }
            Self::AddGroupFrom { queue, group, name, cursor } => {
                numbers(14, &[u64::from(*queue), u64::from(*group), *cursor]);
                put_str(to, name);
            }
        }
    }

    pub(crate) fn encoded(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        self.encode(&mut bytes);
        bytes
    }

    pub(crate) fn decode(from: &mut Reader<'_>) -> Result<Self, Malformed> {
        let tag = from.u8()?;
        let queue = from.u32()?;
        Ok(match tag {
            1 => {
                let (group, range) = (from.u32()?, range(from)?);
                Self::Lease {
                    queue,
                    group,
                    range,
                    attempts: from.u32()?,
                    visible_ms: from.u64()?.wrapping_sub(1),
                }
            }
            2 => Self::Settle { queue, group: from.u32()?, range: range(from)? },
            3 => {
                let uuid = u128::from(from.u64()?) << 64 | u128::from(from.u64()?);
                Self::Create {
                    queue,
                    uuid,
                    name: from.string()?,
                    attributes: from.bytes()?.to_vec(),
                }
            }
            4 => Self::Attributes { queue, attributes: from.bytes()?.to_vec() },
            5 => Self::Delete { queue },
            6 => {
                let (group, cursor) = (from.u32()?, from.u64()?);
                Self::AddGroup { queue, group, cursor, name: from.string()? }
            }
            7 => Self::RemoveGroup { queue, group: from.u32()? },
            8 => {
                let (group, incarnation) = (from.u32()?, from.u64()?);
                Self::Claim { queue, group, incarnation, owner: from.string()? }
            }
            9 => Self::Purge { queue, up_to: from.u64()?, generation: from.u64()? },
            10 => Self::Expire { queue, up_to: from.u64()? },
            11 => Self::Rewind { queue, offset: from.u64()?, generation: from.u64()? },
            12 => Self::Fired {
                queue,
                first: from.u64()?,
                until_ms: from.u64()?,
                count: from.u32()?,
                next_ms: from.u64()?,
            },
            13 => {
                let (number, part, total) = (from.u64()?, range(from)?, from.u64()?);
                Self::Once { queue, number, part, total, producer: from.string()? }
            }
            14 => {
                let (group, cursor) = (from.u32()?, from.u64()?);
                Self::AddGroupFrom { queue, group, cursor, name: from.string()? }
            }
            _ => return Err(Malformed),
        })
    }
}

fn range(from: &mut Reader<'_>) -> Result<Range<u64>, Malformed> {
    let start = from.u64()?;
    Ok(start..start.checked_add(from.u64()?).ok_or(Malformed)?)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn records_come_back() {
        let records = [
            Record::Lease { queue: 1, group: 2, range: 3..9, attempts: 4, visible_ms: u64::MAX },
            Record::Settle { queue: 1, group: 2, range: 3..9 },
            Record::Create {
                queue: 1,
                name: "a".into(),
                uuid: u128::MAX - 5,
                attributes: vec![1, 2],
            },
            Record::Claim { queue: 1, group: 2, owner: "hot".into(), incarnation: 8 },
            Record::Fired { queue: 1, first: 2, until_ms: 3, count: 4, next_ms: u64::MAX },
            Record::Once { queue: 1, producer: "p".into(), number: 2, part: 3..9, total: 12 },
            Record::AddGroupFrom { queue: 1, group: 2, name: "again".into(), cursor: 3 },
        ];
        let mut bytes = Vec::new();
        records.iter().for_each(|record| record.encode(&mut bytes));
        let mut reader = Reader(&bytes);
        for record in &records {
            assert_eq!(Record::decode(&mut reader).unwrap(), *record);
        }
        assert!(reader.is_empty());
    }
}
