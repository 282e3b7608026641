//! The panes with rows that a group has before it, so that windows without rows are passed over
//! however many they are: a binary heap in the state, 256 panes a value.

use std::collections::BTreeMap;

use squall_framework::Result;

use super::{
    codec::{Reader, broken, signed, unsigned},
    keys::Key,
    store::Store,
};

/// So many panes are kept in one value, of up to ten bytes each.
const PART: usize = 256;

/// The panes that a group has before it, while they are worked on.
pub(super) struct Agenda<'a> {
    store: &'a Store,
    group: &'a [u8],
    len: usize,
    /// The parts that were read, and whether they were changed.
    parts: BTreeMap<usize, (Vec<i64>, bool)>,
}

impl<'a> Agenda<'a> {
    pub(super) fn open(store: &'a Store, group: &'a [u8]) -> Result<Self> {
        let mut agenda = Self { store, group, len: 0, parts: BTreeMap::new() };
        agenda.len = agenda.read(0)?;
        Ok(agenda)
    }

    /// Reads a part; gives what the first says of how many panes there are.
    fn read(&mut self, part: usize) -> Result<usize> {
        let state = self.store.state();
        let read = |bytes: Option<&[u8]>| bytes.map(|bytes| decode(bytes, part == 0)).transpose();
        let (len, panes) = state.read(self.key(part), read)??.unwrap_or_default();
        self.parts.insert(part, (panes, false));
        Ok(len)
    }

    fn key(&self, part: usize) -> Key<'a> {
        Key::Agenda(self.group, part as u64)
    }

    fn get(&mut self, index: usize) -> Result<i64> {
        let part = index / PART;
        if !self.parts.contains_key(&part) {
            self.read(part)?;
        }
        let pane = self.parts.get(&part).and_then(|(panes, _)| panes.get(index % PART));
        pane.copied().ok_or_else(broken)
    }

    fn set(&mut self, index: usize, pane: i64) -> Result<()> {
        let part = index / PART;
        if !self.parts.contains_key(&part) {
            self.read(part)?;
        }
        if let Some((panes, changed)) = self.parts.get_mut(&part) {
            match panes.get_mut(index % PART) {
                Some(place) => *place = pane,
                None => panes.push(pane),
            }
            *changed = true;
        }
        Ok(())
    }

    /// The first pane.
    pub(super) fn first(&mut self) -> Result<Option<i64>> {
        if self.len == 0 { Ok(None) } else { self.get(0).map(Some) }
    }

    /// Adds a pane that is not there.
    pub(super) fn add(&mut self, pane: i64) -> Result<()> {
        let mut at = self.len;
        self.len += 1;
        self.set(at, pane)?;
        while at > 0 {
            let above = (at - 1) / 2;
            let other = self.get(above)?;
            if other <= pane {
                break;
            }
            self.set(at, other)?;
            at = above;
            self.set(at, pane)?;
        }
        Ok(())
    }

    /// Takes away all panes up to this one.
    pub(super) fn pass(&mut self, pane: i64) -> Result<()> {
        while self.first()?.is_some_and(|first| first <= pane) {
            self.take_first()?;
        }
        Ok(())
    }

    fn take_first(&mut self) -> Result<()> {
        self.len -= 1;
        let last = self.get(self.len)?;
        if let Some((panes, changed)) = self.parts.get_mut(&(self.len / PART)) {
            panes.pop();
            *changed = true;
        }
        if self.len == 0 {
            return Ok(());
        }
        let mut at = 0;
        loop {
            let mut least = (last, at);
            for below in [2 * at + 1, 2 * at + 2] {
                if below < self.len {
                    least = least.min((self.get(below)?, below));
                }
            }
            let (pane, below) = least;
            self.set(at, pane)?;
            if below == at {
                return Ok(());
            }
            at = below;
        }
    }

    /// All panes in order.
    pub(super) fn all(mut self) -> Result<Vec<i64>> {
        let mut all = (0..self.len).map(|index| self.get(index)).collect::<Result<Vec<_>>>()?;
        all.sort_unstable();
        Ok(all)
    }

    /// Writes down what was changed.
    pub(super) fn close(mut self) -> Result<()> {
        let parts = std::mem::take(&mut self.parts);
        // The first part has the number of panes.
        let changed = parts.values().any(|(_, changed)| *changed);
        for (part, (panes, _)) in
            parts.iter().filter(|(part, (_, own))| *own || (**part == 0 && changed))
        {
            if panes.is_empty() {
                self.store.state().delete(self.key(*part))?;
                continue;
            }
            let mut bytes = Vec::with_capacity(panes.len() * 5);
            if *part == 0 {
                unsigned(self.len as u64, &mut bytes);
            }
            panes.iter().for_each(|pane| signed(*pane, &mut bytes));
            self.store.state().put_bytes(self.key(*part), &bytes)?;
        }
        Ok(())
    }
}

/// How many panes there are, which the first part says, and those of a part.
fn decode(bytes: &[u8], first: bool) -> Result<(usize, Vec<i64>)> {
    let mut reader = Reader::new(bytes);
    let len = if first { reader.unsigned()? as usize } else { 0 };
    let mut panes = Vec::new();
    while !reader.is_empty() {
        panes.push(reader.signed()?);
    }
    Ok((len, panes))
}
