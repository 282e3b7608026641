//! Where the messages of a queue lie.

use std::collections::{BTreeMap, BTreeSet};

/// Blocks in a page: what the ledger writes as one value.
const PAGE: usize = 64;

/// Messages with consecutive offsets in one stretch of one segment. The stretch may hold
/// several frames of the queue, and frames of others between them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Block {
    pub(crate) first: u64,
    pub(crate) count: u32,
    pub(crate) segment: u32,
    pub(crate) at: u32,
    /// Length of the stretch.
    pub(crate) span: u32,
    /// Bytes of it that are this queue's.
    pub(crate) bytes: u32,
    /// When its last message was sent.
    pub(crate) time: u64,
    /// When the last group settled it; 0 while one has not.
    pub(crate) settled_ms: u64,
}

impl Block {
    pub(crate) fn end(&self) -> u64 {
        self.first + u64::from(self.count)
    }
}

/// The blocks of a queue by offset, in pages.
#[derive(Debug, Default)]
pub(crate) struct Blocks {
    pages: BTreeMap<u64, Vec<Block>>,
    /// Pages that changed since the ledger was told.
    pub(crate) dirty: BTreeSet<u64>,
}

impl Blocks {
    /// Puts a block in its place by offset: nearly always the end.
    pub(crate) fn insert(&mut self, block: Block) {
        let key = self.pages.range(..=block.first).next_back().map(|(&key, _)| key);
        if let Some((key, page)) =
            key.and_then(|key| self.pages.get_mut(&key).map(|page| (key, page)))
        {
            let at = page.partition_point(|b| b.first < block.first);
            if page.len() < PAGE || at < page.len() {
                page.insert(at, block);
                if page.len() > PAGE {
                    let rest = page.split_off(PAGE / 2);
                    self.dirty.insert(rest[0].first);
                    self.pages.insert(rest[0].first, rest);
                }
                self.dirty.insert(key);
                return;
            }
        }
        self.dirty.insert(block.first);
        self.pages.insert(block.first, vec![block]);
    }

    /// The block that holds `offset`.
    pub(crate) fn holding(&self, offset: u64) -> Option<&Block> {
        let (_, page) = self.pages.range(..=offset).next_back()?;
        let at = page.partition_point(|b| b.first <= offset);
        page[..at].last().filter(|b| offset < b.end())
    }

    /// The block that holds `offset`, else the next one.
    pub(crate) fn from(&self, offset: u64) -> Option<&Block> {
        self.iter_from(offset).next()
    }

    /// The blocks from the one that holds `offset` on.
    pub(crate) fn iter_from(&self, offset: u64) -> impl Iterator<Item = &Block> {
        let start = self.pages.range(..=offset).next_back().map_or(0, |(&key, _)| key);
        self.pages.range(start..).flat_map(|(_, page)| page).skip_while(move |b| b.end() <= offset)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Block> {
        self.pages.values().flatten()
    }

    pub(crate) fn last(&self) -> Option<&Block> {
        self.pages.values().next_back().and_then(|page| page.last())
    }

    /// The block that starts at `first`, to be changed.
    pub(crate) fn get_mut(&mut self, first: u64) -> Option<&mut Block> {
        let (&key, page) = self.pages.range_mut(..=first).next_back()?;
        let at = page.binary_search_by_key(&first, |b| b.first).ok()?;
        self.dirty.insert(key);
        page.get_mut(at)
    }

    pub(crate) fn remove(&mut self, first: u64) -> Option<Block> {
        let (&key, page) = self.pages.range_mut(..=first).next_back()?;
        let at = page.binary_search_by_key(&first, |b| b.first).ok()?;
        let block = page.remove(at);
        self.dirty.insert(key);
        if page.is_empty() {
            self.pages.remove(&key);
        }
        Some(block)
    }

    pub(crate) fn page(&self, key: u64) -> Option<&[Block]> {
        self.pages.get(&key).map(Vec::as_slice)
    }

    pub(crate) fn pages(&self) -> impl Iterator<Item = u64> + '_ {
        self.pages.keys().copied()
    }

    /// Takes a page from the ledger.
    pub(crate) fn load(&mut self, key: u64, page: Vec<Block>) {
        if !page.is_empty() {
            self.pages.insert(key, page);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn block(first: u64, count: u32) -> Block {
        Block { first, count, segment: 1, at: 0, span: 1, bytes: 1, time: 0, settled_ms: 0 }
    }

    #[test]
    fn blocks_are_found_by_offset_whatever_the_order_they_came_in() {
        let mut blocks = Blocks::default();
        let mut order: Vec<u64> = (0..500).map(|i| i * 20).collect();
        fastrand::Rng::with_seed(1).shuffle(&mut order);
        for &first in &order {
            blocks.insert(block(first, 10));
        }
        assert!(blocks.iter().map(|b| b.first).eq((0..500).map(|i| i * 20)));
        assert_eq!(blocks.holding(205).map(|b| b.first), Some(200));
        assert_eq!(blocks.holding(215), None);
        assert_eq!(blocks.from(215).map(|b| b.first), Some(220));
        for &first in &order[..499] {
            assert!(blocks.remove(first).is_some());
        }
        assert_eq!(blocks.iter().count(), 1);
    }
}
