//! A queue: its blocks, its groups, what is delayed.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::sync::Arc;

use squall_durable::{FrameHead, HEADER_BYTES, Place};

use super::block::{Block, Blocks};
use super::group::Group;
use super::mark::Marks;
use super::usage::Usage;
use crate::attributes::QueueAttributes;
use crate::record::{COPY, EXTENDS};

/// A block grows up to this stretch of the log and so many messages.
const BLOCK_SPAN: u64 = 64 << 10;
const BLOCK_MESSAGES: u32 = 1_024;

/// Everything that is known of a queue.
pub(crate) struct QueueState {
    pub(crate) id: u32,
    pub(crate) name: String,
    pub(crate) uuid: u128,
    pub(crate) attributes: QueueAttributes,
    pub(crate) generation: u64,
    /// The offset (and id) of the next message that is sent.
    pub(crate) next: u64,
    /// Everything below was purged or has expired.
    pub(crate) start: u64,
    pub(crate) blocks: Blocks,
    pub(crate) groups: BTreeMap<u32, Group>,
    pub(crate) next_group: u32,
    /// What was sent once only.
    pub(crate) marks: Marks,
    /// Frames of delayed messages, by the id of their first.
    pub(crate) delayed: BTreeMap<u64, Delayed>,
    pub(crate) delayed_dirty: BTreeSet<u64>,
    /// The same by when their next message is due; without those that the writer is at.
    pub(crate) delayed_due: BTreeSet<(u64, u64)>,
    /// Settled blocks that are kept for a rewind, by when they were settled.
    pub(crate) retained: BTreeSet<(u64, u64)>,
    pub(crate) deleted: bool,
    /// The first segment with a record of this queue that its last snapshot does not repeat.
    pub(crate) first_control: u32,
    pub(crate) sent: u64,
    pub(crate) lost: u64,
    /// When the store's deadlines have this queue; `u64::MAX` for never.
    pub(crate) scheduled_ms: u64,
    /// Keys of the ledger that nothing stands behind any more.
    pub(crate) forgotten: Vec<Vec<u8>>,
    usage: Arc<Usage>,
}

/// A frame of delayed messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Delayed {
    pub(crate) segment: u32,
    pub(crate) at: u32,
    pub(crate) len: u32,
    /// Messages that have not come to the tail.
    pub(crate) left: u32,
    /// Those that were due by then have.
    pub(crate) fired_ms: u64,
    /// When the next one is due.
    pub(crate) due_ms: u64,
}

impl QueueState {
    pub(crate) fn new(
        id: u32,
        name: &str,
        uuid: u128,
        attributes: QueueAttributes,
        usage: Arc<Usage>,
    ) -> Self {
        Self {
            id,
            name: name.to_owned(),
            uuid,
            attributes,
            generation: 0,
            next: 0,
            start: 0,
            blocks: Blocks::default(),
            groups: BTreeMap::new(),
            next_group: 1,
            marks: Marks::default(),
            delayed: BTreeMap::new(),
            delayed_dirty: BTreeSet::new(),
            delayed_due: BTreeSet::new(),
            retained: BTreeSet::new(),
            deleted: false,
            first_control: u32::MAX,
            sent: 0,
            lost: 0,
            scheduled_ms: u64::MAX,
            forgotten: Vec::new(),
            usage,
        }
    }

    /// Whether a frame that will lie at `place` may join the last block.
    pub(crate) fn extends(&self, place: Place, first: u64, count: u32, len: u64) -> bool {
        self.blocks.last().is_some_and(|block| {
            block.segment == place.segment
                && block.end() == first
                && block.settled_ms == 0
                && block.count + count <= BLOCK_MESSAGES
                && place.at + len - u64::from(block.at) <= BLOCK_SPAN
                && self.groups.values().all(|group| {
                    group.cursor <= block.first && !group.open.contains_key(&block.first)
                })
        })
    }

    /// A frame of messages is in the log.
    pub(crate) fn add(&mut self, place: Place, head: &FrameHead, now: u64) {
        let len = HEADER_BYTES as u32 + head.length;
        let end = head.first + u64::from(head.count);
        self.next = self.next.max(end);
        let copy = head.flags & COPY != 0;
        if !copy {
            self.sent += u64::from(head.count);
        }
        if end <= self.start || self.is_known(place, head, copy) {
            return;
        }
        self.usage.add(place.segment, u64::from(len));
        let joins = head.flags & EXTENDS != 0
            && self.blocks.last().is_some_and(|b| {
                b.segment == place.segment && b.end() == head.first && u64::from(b.at) < place.at
            });
        if joins
            && let Some(first) = self.blocks.last().map(|b| b.first)
            && let Some(block) = self.blocks.get_mut(first)
        {
            block.count += head.count;
            block.span = (place.at - u64::from(block.at)) as u32 + len;
            block.bytes += len;
            block.time = head.time;
            let count = block.count;
            for group in self.groups.values_mut() {
                if let Some(open) = group.open.get_mut(&first) {
                    open.grow(count);
                    group.reindex(first);
                }
            }
            return;
        }
        self.blocks.insert(Block {
            first: head.first,
            count: head.count,
            segment: place.segment,
            at: place.at as u32,
            span: len,
            bytes: len,
            time: head.time,
            settled_ms: 0,
        });
        // A purge or a group that was made at the end may have passed it by already. Of a copy
        // whose original is gone only the snapshot behind it can tell what is settled.
        if !copy {
            self.retire_if_done(head.first, now);
        }
    }

    /// Whether the frame is one that the ledger knew, or a copy of one; a copy takes its place.
    fn is_known(&mut self, place: Place, head: &FrameHead, copy: bool) -> bool {
        let Some(&block) = self.blocks.holding(head.first) else { return false };
        let here = Place { segment: block.segment, at: u64::from(block.at) };
        if copy && place > here && block.first == head.first {
            self.usage.sub(block.segment, u64::from(block.bytes));
            let len = HEADER_BYTES as u32 + head.length;
            if let Some(block) = self.blocks.get_mut(head.first) {
                block.count = head.count;
                (block.segment, block.at, block.span, block.bytes) =
                    (place.segment, place.at as u32, len, len);
            }
            self.usage.add(place.segment, u64::from(len));
        }
        true
    }

    /// A frame of delayed messages is in the log; `due_ms` is the earliest.
    pub(crate) fn add_delayed(&mut self, place: Place, head: &FrameHead, due_ms: u64) {
        self.next = self.next.max(head.first + u64::from(head.count));
        let len = HEADER_BYTES as u32 + head.length;
        let old = self.delayed.get(&head.first).copied();
        let copy = head.flags & COPY != 0;
        match old {
            Some(old) if copy => self.usage.sub(old.segment, u64::from(old.len)),
            Some(_) => return,
            None if head.first < self.start => return,
            None => {}
        }
        if !copy {
            self.sent += u64::from(head.count);
        }
        self.usage.add(place.segment, u64::from(len));
        self.delayed_dirty.insert(head.first);
        let fired_ms = old.map_or(0, |old| old.fired_ms);
        let left = old.map_or(head.count, |old| old.left);
        let delayed =
            Delayed { segment: place.segment, at: place.at as u32, len, left, fired_ms, due_ms };
        // One that the writer is at is not due a second time because it was copied meanwhile.
        let waits = |old: Delayed| self.delayed_due.remove(&(old.due_ms, head.first));
        if old.is_none_or(waits) {
            self.delayed_due.insert((due_ms, head.first));
        }
        self.delayed.insert(head.first, delayed);
    }

    /// Delayed messages of the frame `first` that were due by `until_ms` have come to the tail:
    /// `count` of them, and the next one is due at `next_ms`.
    pub(crate) fn fired(&mut self, first: u64, until_ms: u64, count: u32, next_ms: u64) {
        let Some(delayed) = self.delayed.get_mut(&first) else { return };
        self.delayed_dirty.insert(first);
        self.delayed_due.remove(&(delayed.due_ms, first));
        if until_ms > delayed.fired_ms {
            delayed.fired_ms = until_ms;
            delayed.left = delayed.left.saturating_sub(count);
            delayed.due_ms = next_ms;
        }
        if delayed.left == 0 || next_ms == u64::MAX {
            self.usage.sub(delayed.segment, u64::from(delayed.len));
            self.delayed.remove(&first);
        } else {
            self.delayed_due.insert((delayed.due_ms, first));
        }
    }

    pub(crate) fn settle(&mut self, group: u32, range: &Range<u64>, now: u64) -> u64 {
        let mut done = Vec::new();
        let Some(group) = self.groups.get_mut(&group) else { return 0 };
        let fresh = group.settle(&self.blocks, range, &mut done);
        self.retire(&done, now);
        fresh
    }

    pub(crate) fn mark(
        &mut self,
        group: u32,
        range: &Range<u64>,
        attempts: u32,
        visible_ms: u64,
        now: u64,
    ) {
        let mut done = Vec::new();
        let Some(group) = self.groups.get_mut(&group) else { return };
        group.mark(&self.blocks, range, attempts, visible_ms, &mut done);
        self.retire(&done, now);
    }

    /// Blocks that one group has finished go when all have.
    pub(crate) fn retire(&mut self, done: &[u64], now: u64) {
        for &first in done {
            self.retire_if_done(first, now);
        }
    }

    pub(crate) fn retire_if_done(&mut self, first: u64, now: u64) {
        let Some(&block) = self.blocks.holding(first) else { return };
        let purged = block.end() <= self.start;
        if block.settled_ms != 0 && !purged {
            return;
        }
        let settled =
            !self.groups.is_empty() && self.groups.values().all(|group| group.is_done(&block));
        if purged || (settled && self.attributes.rewind.is_zero()) {
            self.free(block.first);
        } else if settled && let Some(kept) = self.blocks.get_mut(block.first) {
            kept.settled_ms = now.max(1);
            self.retained.insert((kept.settled_ms, block.first));
        }
    }

    pub(crate) fn free(&mut self, first: u64) {
        if let Some(block) = self.blocks.remove(first) {
            self.retained.remove(&(block.settled_ms, first));
            for group in self.groups.values_mut() {
                group.forget_settled(first);
            }
            self.usage.sub(block.segment, u64::from(block.bytes));
        }
    }

    /// Everything below `up_to` is gone for all groups, whether settled or not.
    pub(crate) fn drop_below(&mut self, up_to: u64, delayed_too: bool) {
        self.start = self.start.max(up_to);
        for group in self.groups.values_mut() {
            group.skip_to(up_to, &mut Vec::new());
        }
        let gone: Vec<u64> =
            self.blocks.iter().take_while(|b| b.end() <= up_to).map(|b| b.first).collect();
        gone.into_iter().for_each(|first| self.free(first));
        if delayed_too {
            for first in self.delayed.range(..up_to).map(|(&first, _)| first).collect::<Vec<_>>() {
                self.fired(first, u64::MAX, u32::MAX, u64::MAX);
            }
        }
    }

    /// The offset up to which messages are too old to be kept.
    pub(crate) fn expired_below(&self, now: u64) -> Option<u64> {
        let retention = millis(self.attributes.retention);
        let old = |block: &&Block| block.time + retention <= now;
        self.blocks.iter().take_while(old).last().map(Block::end)
    }

    /// When the next thing happens by itself.
    pub(crate) fn next_deadline(&self, now: u64) -> u64 {
        let delayed = self.delayed_due.first().map_or(u64::MAX, |(due, _)| *due);
        let groups = self
            .groups
            .values()
            .map(Group::next_due)
            .filter(|due| *due > now)
            .min()
            .unwrap_or(u64::MAX);
        let retention = self
            .blocks
            .iter()
            .next()
            .map_or(u64::MAX, |b| b.time + millis(self.attributes.retention));
        let rewind =
            self.retained.first().map_or(u64::MAX, |(at, _)| at + millis(self.attributes.rewind));
        delayed.min(groups).min(retention).min(rewind)
    }

    /// Gives everything back, when the queue is deleted.
    pub(crate) fn clear(&mut self) {
        for first in self.blocks.iter().map(|b| b.first).collect::<Vec<_>>() {
            self.free(first);
        }
        self.drop_below(u64::MAX, true);
        self.groups.clear();
        self.deleted = true;
    }

    pub(crate) fn usage(&self) -> &Usage {
        &self.usage
    }
}

pub(crate) fn millis(duration: std::time::Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
