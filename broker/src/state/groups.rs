//! Groups that come and go, and settled messages that are kept for those who want them again.

use std::ops::Range;

use super::block::Block;
use super::group::Group;
use super::queue::{QueueState, millis};
use crate::checkpoint::group_keys;

impl QueueState {
    pub(crate) fn group_named(&self, name: &str) -> Option<&Group> {
        self.groups.values().find(|group| group.name == name)
    }

    /// Where a group starts that is given everything that is not settled, and what it passes over
    /// behind that: what the other groups have settled and is kept for a rewind.
    pub(crate) fn start_of_group(&self) -> (u64, Vec<Range<u64>>) {
        let cursor = match self.blocks.iter().find(|block| block.settled_ms == 0) {
            Some(block) => block.first,
            None => self.blocks.last().map_or(self.start, Block::end),
        };
        let mut passed: Vec<Range<u64>> = Vec::new();
        for block in self.blocks.iter_from(cursor).filter(|block| block.settled_ms != 0) {
            match passed.last_mut() {
                Some(last) if last.end == block.first => last.end = block.end(),
                _ => passed.push(block.first..block.end()),
            }
        }
        (cursor.max(self.start), passed)
    }

    pub(crate) fn add_group(&mut self, id: u32, name: &str, cursor: u64) {
        self.next_group = self.next_group.max(id + 1);
        self.groups.entry(id).or_insert_with(|| Group {
            id,
            name: name.to_owned(),
            cursor,
            ..Group::default()
        });
    }

    /// Adds a group that is also given what is settled and kept. A group that is there has been
    /// given it already.
    pub(crate) fn add_group_from(&mut self, id: u32, name: &str, cursor: u64, now: u64) {
        if !self.groups.contains_key(&id) {
            self.expire_retained(now);
            self.add_group(id, name, cursor);
            self.take_back(|block| block.end() > cursor);
        }
    }

    /// Removes a group; what only it still needed goes.
    pub(crate) fn remove_group(&mut self, id: u32, now: u64) {
        if let Some(group) = self.groups.remove(&id) {
            self.forgotten.extend(group_keys(self.id, &group));
        }
        let firsts: Vec<u64> = self.blocks.iter().map(|b| b.first).collect();
        self.retire(&firsts, now);
    }

    /// Takes settled blocks back that some group is not done with after all.
    pub(crate) fn revive(&mut self) {
        let mut groups = std::mem::take(&mut self.groups);
        self.take_back(|block| {
            groups.is_empty() || groups.values().any(|group| !group.is_done(block))
        });
        std::mem::swap(&mut self.groups, &mut groups);
    }

    /// Makes settled blocks from `offset` on visible again in all groups.
    pub(crate) fn rewind_to(&mut self, offset: u64, generation: u64) {
        self.generation = self.generation.max(generation);
        for group in self.groups.values_mut() {
            group.rewind_to(offset);
        }
        self.take_back(|block| block.end() > offset);
    }

    /// Settled blocks that are needed again are as any other.
    fn take_back(&mut self, needed: impl Fn(&Block) -> bool) {
        for (settled, first) in self.retained.iter().copied().collect::<Vec<_>>() {
            if self.blocks.holding(first).is_some_and(&needed) {
                self.retained.remove(&(settled, first));
                if let Some(block) = self.blocks.get_mut(first) {
                    block.settled_ms = 0;
                }
            }
        }
    }

    /// Frees what was kept long enough for a rewind.
    pub(crate) fn expire_retained(&mut self, now: u64) {
        let rewind = millis(self.attributes.rewind);
        while let Some(&(_, first)) =
            self.retained.first().filter(|(settled, _)| settled + rewind <= now)
        {
            self.free(first);
        }
    }
}
