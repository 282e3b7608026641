//! What happens to distinct values after a window: how many of them later windows do not have, and
//! which to look at, so that none is kept for ever.

use squall_framework::Result;

use super::{
    codec::{self, Reader},
    keys::Key,
    list::{List, entries},
    store::Store,
    totals::Totals,
};

/// What happens after a window of a group.
#[derive(Debug, Default)]
pub(super) struct Departures {
    /// For each aggregate how many values are not in the next window.
    leaves: Vec<i64>,
    /// Values to look at: the aggregate, then the value.
    list: List,
}

impl Departures {
    /// Reads those of a window, for so many aggregates; false if there are none.
    pub(super) fn read(
        &mut self,
        store: &Store,
        group: &[u8],
        window: i64,
        aggregates: usize,
    ) -> Result<bool> {
        self.leaves.clear();
        self.leaves.resize(aggregates, 0);
        self.list.clear();
        store.state().read(Key::Departures(group, window), |bytes| {
            let Some(bytes) = bytes else { return Ok(false) };
            let mut reader = Reader::new(bytes);
            for leaves in &mut self.leaves {
                *leaves = reader.signed()?;
            }
            self.list.decode(&mut reader)?;
            Ok(true)
        })?
    }

    pub(super) fn write(&self, store: &mut Store, group: &[u8], window: i64) -> Result<()> {
        store.put(Key::Departures(group, window), |to| {
            self.leaves.iter().for_each(|leaves| codec::signed(*leaves, to));
            self.list.encode(to);
        })
    }

    /// So many more values of an aggregate are not in the next window.
    pub(super) fn more(&mut self, aggregate: usize, leaves: i64) {
        if let Some(all) = self.leaves.get_mut(aggregate) {
            *all += leaves;
        }
    }

    /// Takes those that leave away from the distinct values of the window.
    pub(super) fn take_from(&self, totals: &mut Totals) {
        for (part, leaves) in totals.parts.iter_mut().zip(&self.leaves) {
            part.leave(*leaves);
        }
    }

    /// Has a value looked at after the window.
    pub(super) fn look_at(
        &mut self,
        store: &Store,
        group: &[u8],
        window: i64,
        aggregate: usize,
        member: &[u8],
    ) -> Result<()> {
        let mut entry = Vec::with_capacity(member.len() + 1);
        codec::unsigned(aggregate as u64, &mut entry);
        entry.extend_from_slice(member);
        self.list.append(&entry, store, |part| Key::DeparturesPart(group, window, part))
    }

    /// The values to look at, each with its aggregate.
    pub(super) fn members(
        &self,
        store: &Store,
        group: &[u8],
        window: i64,
    ) -> Result<Vec<(usize, Vec<u8>)>> {
        let all = self.list.all(store, |part| Key::DeparturesPart(group, window, part))?;
        let member = |entry: Result<&[u8]>| {
            let mut reader = Reader::new(entry?);
            Ok((reader.unsigned()? as usize, reader.rest().to_vec()))
        };
        entries(&all).map(member).collect()
    }

    /// Forgets what was read.
    pub(super) fn forget(&self, store: &Store, group: &[u8], window: i64) -> Result<()> {
        self.list.forget(store, |part| Key::DeparturesPart(group, window, part))?;
        store.state().delete(Key::Departures(group, window))
    }
}
