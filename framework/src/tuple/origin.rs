//! Where the rows of a batch come from.

use crate::{
    ack::{Failure, Source},
    tuple::MAX_ROWS,
};

/// For each row the source message that it must be settled for.
///
/// A row's origin is one number: an index into the sources that the batch
/// holds, and the message's place in that source batch. A row made of many
/// messages points into `lists` instead. A batch that is dropped without
/// being settled fails all its rows, so a panic or a lost task loses nothing.
#[derive(Debug, Default)]
pub(crate) struct Origins {
    rows: Vec<u32>,
    sources: Vec<Source>,
    lists: Vec<Box<[u32]>>,
}

/// An origin with this bit is an index into the lists.
const LIST: u32 = 1 << 31;
/// The origin of a row that comes from no message.
const NONE: u32 = u32::MAX;
const PLACE_BITS: u32 = 8;
const _: () = assert!(MAX_ROWS <= 1 << PLACE_BITS);
/// How many of the newest sources are looked through before one is added again.
const LOOK_BACK: usize = 8;

impl Origins {
    pub(crate) fn reserve(&mut self, rows: usize) {
        self.rows.reserve(rows);
    }

    /// What a spout's rows come from: one open source.
    pub(crate) fn open(source: Source) -> Self {
        Origins { rows: Vec::new(), sources: vec![source], lists: Vec::new() }
    }

    /// Adds a source to the table, or finds it among the newest, and gives its index.
    pub(crate) fn hold(&mut self, source: &Source) -> u32 {
        let newest = self.sources.iter().enumerate().rev().take(LOOK_BACK);
        for (index, held) in newest {
            if held.same(source) {
                return index as u32;
            }
        }
        self.sources.push(source.clone());
        (self.sources.len() - 1) as u32
    }

    /// The next row comes from message `place` of the held source `index`.
    #[inline]
    pub(crate) fn push(&mut self, index: u32, place: u32) {
        self.rows.push(index << PLACE_BITS | place);
    }

    /// The next row comes from all these (held source, place) pairs.
    pub(crate) fn push_list(&mut self, list: Vec<u32>) {
        if list.is_empty() {
            self.rows.push(NONE);
        } else {
            self.rows.push(LIST | self.lists.len() as u32);
            self.lists.push(list.into());
        }
    }

    pub(crate) fn pack(index: u32, place: u32) -> u32 {
        index << PLACE_BITS | place
    }

    /// The sources and places of row `row`; none when acks are off.
    pub(crate) fn of(&self, row: usize) -> impl Iterator<Item = (u32, u32)> + '_ {
        let packed = self.rows.get(row).copied();
        let (one, list) = match packed {
            None | Some(NONE) => (None, &[][..]),
            Some(packed) if packed & LIST == 0 => (Some(packed), &[][..]),
            Some(packed) => (None, &*self.lists[(packed & !LIST) as usize]),
        };
        one.into_iter()
            .chain(list.iter().copied())
            .map(|packed| (packed >> PLACE_BITS, packed & ((1 << PLACE_BITS) - 1)))
    }

    /// The single origin of a row, if it has exactly one.
    #[inline]
    pub(crate) fn one(&self, row: usize) -> Option<(u32, u32)> {
        let packed = *self.rows.get(row)?;
        (packed & LIST == 0).then_some((packed >> PLACE_BITS, packed & ((1 << PLACE_BITS) - 1)))
    }

    pub(crate) fn source(&self, index: u32) -> &Source {
        &self.sources[index as usize]
    }

    pub(crate) fn sources(&self) -> usize {
        self.sources.len()
    }

    /// Whether row `row` comes from no message.
    pub(crate) fn is_of_none(&self, row: usize) -> bool {
        self.rows.get(row).is_none_or(|packed| *packed == NONE)
    }

    /// The message that row `row` comes from has failed.
    pub(crate) fn fail(&self, row: usize, failure: &Failure) {
        for (index, place) in self.of(row) {
            self.sources[index as usize].fail(place, failure.clone());
        }
    }

    /// Drops the origins from `row` on without failing them. The sources stay
    /// held until the batch is settled, which is harmless.
    pub(crate) fn truncate(&mut self, row: usize) {
        self.rows.truncate(row);
    }

    pub(crate) fn split_off(&mut self, row: usize) -> Origins {
        // With acks off there are none. Rows of a flush have origins, but no sources.
        if self.rows.is_empty() {
            return Origins::default();
        }
        Origins {
            rows: self.rows.split_off(row),
            sources: self.sources.clone(),
            lists: self.lists.clone(),
        }
    }

    /// Puts the origins of more rows behind these.
    pub(crate) fn append(&mut self, mut other: Origins) {
        let sources = (self.sources.len() as u32) << PLACE_BITS;
        let lists = self.lists.len() as u32;
        for row in other.rows.drain(..) {
            self.rows.push(match row {
                NONE => NONE,
                list if list & LIST != 0 => list + lists,
                one => one + sources,
            });
        }
        for list in other.lists.drain(..) {
            self.lists.push(list.iter().map(|packed| packed + sources).collect());
        }
        self.sources.append(&mut other.sources);
    }

    /// Tells all sources that a part of them was finished.
    pub(crate) fn progress(&self, now_ms: u64) {
        for source in &self.sources {
            source.progress(now_ms);
        }
    }

    /// Every row is done: release the sources.
    pub(crate) fn settle(&mut self) {
        self.rows.clear();
        self.lists.clear();
        self.sources.clear();
    }
}

impl Drop for Origins {
    fn drop(&mut self) {
        if !self.rows.is_empty() {
            let lost = Failure::dropped();
            for row in 0..self.rows.len() {
                self.fail(row, &lost);
            }
        }
    }
}
