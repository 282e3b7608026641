//! The state of a queue as bytes, for the ledger and for snapshots in the log.

use std::time::Duration;

use super::block::Block;
use super::group::Group;
use super::mark::Marks;
use super::open::{Open, Run};
use super::queue::{Delayed, QueueState, millis};
use crate::attributes::{DeadLetterPolicy, QueueAttributes};
use crate::checkpoint::group_keys;
use crate::codec::{Malformed, Reader, put_bytes, put_str, put_u64};

/// A first byte that later versions of a value can raise.
const VERSION: u8 = 1;

fn version(from: &mut Reader<'_>) -> Result<(), Malformed> {
    if from.u8()? == VERSION { Ok(()) } else { Err(Malformed) }
}

impl QueueAttributes {
    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut to = vec![VERSION];
        for duration in [self.visibility_timeout, self.retention, self.rewind, self.polling_wait] {
            put_u64(&mut to, millis(duration));
        }
        put_u64(&mut to, self.max_message_size as u64);
        if let Some(policy) = &self.dead_letter {
            put_str(&mut to, &policy.queue);
            put_u64(&mut to, u64::from(policy.max_receive_count));
        }
        to
    }

    pub(crate) fn decode(bytes: &[u8]) -> Result<Self, Malformed> {
        let mut from = Reader(bytes);
        version(&mut from)?;
        let mut duration = || Ok(Duration::from_millis(from.u64()?));
        let (visibility_timeout, retention, rewind, polling_wait) =
            (duration()?, duration()?, duration()?, duration()?);
        let max_message_size = usize::try_from(from.u64()?).map_err(|_| Malformed)?;
        let dead_letter = if from.is_empty() {
            None
        } else {
            Some(DeadLetterPolicy { queue: from.string()?, max_receive_count: from.u32()? })
        };
        Ok(Self {
            visibility_timeout,
            retention,
            rewind,
            max_message_size,
            polling_wait,
            dead_letter,
        })
    }
}

/// What a queue's header says.
pub(crate) struct Header {
    pub(crate) name: String,
    pub(crate) uuid: u128,
    pub(crate) attributes: QueueAttributes,
    numbers: [u64; 6],
    marks: Marks,
}

impl QueueState {
    pub(crate) fn encode_header(&self) -> Vec<u8> {
        let mut to = vec![VERSION];
        put_str(&mut to, &self.name);
        put_u64(&mut to, (self.uuid >> 64) as u64);
        put_u64(&mut to, self.uuid as u64);
        put_bytes(&mut to, &self.attributes.encode());
        let control = u64::from(self.first_control);
        for number in
            [self.generation, self.next, self.start, u64::from(self.next_group), control, self.sent]
        {
            put_u64(&mut to, number);
        }
        self.marks.encode(&mut to);
        to
    }

    pub(crate) fn decode_header(bytes: &[u8]) -> Result<Header, Malformed> {
        let mut from = Reader(bytes);
        version(&mut from)?;
        let name = from.string()?;
        let uuid = u128::from(from.u64()?) << 64 | u128::from(from.u64()?);
        let attributes = QueueAttributes::decode(from.bytes()?)?;
        let mut numbers = [0; 6];
        for number in &mut numbers {
            *number = from.u64()?;
        }
        // The first version of the format had none.
        let marks = if from.is_empty() { Marks::default() } else { Marks::decode(&mut from)? };
        Ok(Header { name, uuid, attributes, numbers, marks })
    }

    /// Takes over what a header says.
    pub(crate) fn load_header(&mut self, header: Header) {
        (self.name, self.uuid, self.attributes) = (header.name, header.uuid, header.attributes);
        self.marks = header.marks;
        let [generation, next, start, next_group, control, sent] = header.numbers;
        self.generation = generation;
        self.next = self.next.max(next);
        self.start = start;
        self.next_group = u32::try_from(next_group).unwrap_or(1);
        self.first_control = u32::try_from(control).unwrap_or(0);
        self.sent = self.sent.max(sent);
    }

    /// Header, groups with what they have open, and what is delayed.
    pub(crate) fn encode_snapshot(&self) -> Vec<u8> {
        let mut to = Vec::new();
        put_bytes(&mut to, &self.encode_header());
        put_u64(&mut to, self.groups.len() as u64);
        for group in self.groups.values() {
            put_bytes(&mut to, &group.encode_header());
            put_u64(&mut to, group.open.len() as u64);
            for open in group.open.values() {
                put_bytes(&mut to, &open.encode());
            }
        }
        put_u64(&mut to, self.delayed.len() as u64);
        for (&first, delayed) in &self.delayed {
            put_u64(&mut to, first);
            put_bytes(&mut to, &delayed.encode());
        }
        to
    }

    /// Makes this queue what a snapshot says, but for its blocks.
    pub(crate) fn load_snapshot(&mut self, bytes: &[u8], now: u64) -> Result<(), Malformed> {
        let mut from = Reader(bytes);
        let header = Self::decode_header(from.bytes()?)?;
        let mut groups = Vec::new();
        for _ in 0..from.u64()? {
            let mut group = Group::decode_header(from.bytes()?)?;
            for _ in 0..from.u64()? {
                group.restore_open(Open::decode(from.bytes()?)?);
            }
            groups.push((group.id, group));
        }
        let mut delayed = Vec::new();
        for _ in 0..from.u64()? {
            delayed.push((from.u64()?, Delayed::decode(from.bytes()?)?));
        }
        // Nothing is changed before all of it was read.
        self.load_header(header);
        for (id, old) in std::mem::take(&mut self.groups) {
            // The ledger has to forget what the snapshot does not repeat.
            let known = groups.iter_mut().find(|(new, _)| *new == id);
            match known {
                Some((_, group)) => group.dirty.extend(old.open.keys().chain(&old.dirty)),
                None => self.forgotten.extend(group_keys(self.id, &old)),
            }
        }
        self.groups = groups.into_iter().collect();
        let listed: Vec<u64> = delayed.iter().map(|(first, _)| *first).collect();
        for first in self
            .delayed
            .keys()
            .copied()
            .filter(|f| *f < self.next && !listed.contains(f))
            .collect::<Vec<_>>()
        {
            self.fired(first, u64::MAX, u32::MAX, u64::MAX);
        }
        for (first, stored) in delayed {
            if self.delayed.contains_key(&first) && stored.fired_ms > 0 {
                let done =
                    self.delayed.get(&first).map_or(0, |d| d.left.saturating_sub(stored.left));
                self.fired(first, stored.fired_ms, done, stored.due_ms);
            }
        }
        // A rewind may have gone with its segment, and is known from here alone.
        self.revive();
        let firsts: Vec<u64> = self.blocks.iter().map(|b| b.first).collect();
        self.retire(&firsts, now);
        Ok(())
    }
}

impl Group {
    pub(crate) fn encode_header(&self) -> Vec<u8> {
        let mut to = vec![VERSION];
        put_u64(&mut to, u64::from(self.id));
        put_str(&mut to, &self.name);
        put_u64(&mut to, self.cursor);
        if let Some((owner, incarnation)) = &self.claimed {
            put_str(&mut to, owner);
            put_u64(&mut to, *incarnation);
        }
        to
    }

    pub(crate) fn decode_header(bytes: &[u8]) -> Result<Self, Malformed> {
        let mut from = Reader(bytes);
        version(&mut from)?;
        let (id, name, cursor) = (from.u32()?, from.string()?, from.u64()?);
        let claimed = if from.is_empty() { None } else { Some((from.string()?, from.u64()?)) };
        Ok(Self { id, name, cursor, claimed, ..Self::default() })
    }
}

impl Open {
    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut to = Vec::with_capacity(40 + self.bits().len() * 8);
        put_u64(&mut to, self.first);
        put_u64(&mut to, u64::from(self.count));
        for word in self.bits() {
            to.extend_from_slice(&word.to_le_bytes());
        }
        for run in &self.runs {
            put_u64(&mut to, u64::from(run.start));
            put_u64(&mut to, u64::from(run.end - run.start));
            put_u64(&mut to, u64::from(run.attempts));
            put_u64(&mut to, run.visible_ms.wrapping_add(1));
        }
        to
    }

    pub(crate) fn decode(bytes: &[u8]) -> Result<Self, Malformed> {
        let mut from = Reader(bytes);
        let (first, count) = (from.u64()?, from.u32()?);
        let mut bits = Vec::new();
        for _ in 0..count.div_ceil(64) {
            let word = from.take(8)?;
            bits.push(u64::from_le_bytes(word.try_into().map_err(|_| Malformed)?));
        }
        let mut runs = Vec::new();
        while !from.is_empty() {
            let start = from.u32()?;
            let end =
                start.checked_add(from.u32()?).filter(|end| *end <= count).ok_or(Malformed)?;
            runs.push(Run {
                start,
                end,
                attempts: from.u32()?,
                visible_ms: from.u64()?.wrapping_sub(1),
            });
        }
        Ok(Self::restore(first, count, bits, runs))
    }
}

impl Delayed {
    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut to = Vec::new();
        for number in [self.segment, self.at, self.len, self.left] {
            put_u64(&mut to, u64::from(number));
        }
        put_u64(&mut to, self.fired_ms);
        put_u64(&mut to, self.due_ms);
        to
    }

    pub(crate) fn decode(bytes: &[u8]) -> Result<Self, Malformed> {
        let mut from = Reader(bytes);
        Ok(Self {
            segment: from.u32()?,
            at: from.u32()?,
            len: from.u32()?,
            left: from.u32()?,
            fired_ms: from.u64()?,
            due_ms: from.u64()?,
        })
    }
}

/// A page of blocks.
pub(crate) fn encode_page(page: &[Block]) -> Vec<u8> {
    let mut to = Vec::with_capacity(page.len() * 24);
    let mut last = 0;
    for block in page {
        put_u64(&mut to, block.first - last);
        last = block.first;
        for number in [block.count, block.segment, block.at, block.span, block.bytes] {
            put_u64(&mut to, u64::from(number));
        }
        put_u64(&mut to, block.time);
        put_u64(&mut to, block.settled_ms);
    }
    to
}

pub(crate) fn decode_page(bytes: &[u8]) -> Result<Vec<Block>, Malformed> {
    let mut from = Reader(bytes);
    let (mut page, mut last) = (Vec::new(), 0_u64);
    while !from.is_empty() {
        last = last.checked_add(from.u64()?).ok_or(Malformed)?;
        page.push(Block {
            first: last,
            count: from.u32()?,
            segment: from.u32()?,
            at: from.u32()?,
            span: from.u32()?,
            bytes: from.u32()?,
            time: from.u64()?,
            settled_ms: from.u64()?,
        });
    }
    Ok(page)
}

impl QueueState {
    /// Takes what the ledger has of the frames of delayed messages.
    pub(crate) fn load_delayed(&mut self, first: u64, delayed: Delayed) {
        self.usage().add(delayed.segment, u64::from(delayed.len));
        self.delayed_due.insert((delayed.due_ms, first));
        self.delayed.insert(first, delayed);
    }

    /// Takes what the ledger has of the blocks.
    pub(crate) fn load_page(&mut self, key: u64, page: Vec<Block>) {
        for block in &page {
            self.usage().add(block.segment, u64::from(block.bytes));
            if block.settled_ms != 0 {
                self.retained.insert((block.settled_ms, block.first));
            }
        }
        self.blocks.load(key, page);
    }
}
