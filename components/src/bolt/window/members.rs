//! `distinct`: in which windows each value has been counted.
//!
//! A value that is seen in a pane counts in all windows with that pane. What is kept of it are not
//! the panes but the windows, as ranges, which mostly is one range: it begins where the value is
//! first counted and ends where it is counted last, and only there the count of a window differs
//! from that of its neighbour. So a row costs the same however many windows it is in, whatever the
//! order of the rows.

use std::ops::RangeInclusive;

use squall_framework::Result;

use super::{
    codec::{self, Reader},
    departures::Departures,
    keys::Key,
    store::Store,
    totals::Totals,
};

/// The windows of a value are kept in one state value for each era, of so many times the panes of
/// a window. A range has as many windows as a window has panes, so an era has at most so many
/// ranges, in at most ten bytes each.
const RANGES: i64 = 256;

/// A value of an aggregate's field.
#[derive(Debug, Clone, Copy)]
pub(super) struct Member<'a> {
    pub(super) group: &'a [u8],
    pub(super) aggregate: usize,
    /// The value, as [`short`](super::keys::short) writes it.
    pub(super) value: &'a [u8],
}

impl<'a> Member<'a> {
    pub(super) fn key(self, era: i64) -> Key<'a> {
        let Member { group, aggregate, value } = self;
        Key::Member { group, aggregate, era, member: value }
    }
}

/// Counts distinct values.
#[derive(Debug)]
pub(super) struct Members {
    /// How many windows an era has.
    era: i64,
    aggregates: usize,
    /// Whether windows ever end.
    endless: bool,
    /// Ranges of windows in which the value in hand has been counted: first and last.
    counted: Vec<(i64, i64)>,
    /// The eras of which something was known.
    known: Vec<i64>,
    /// Windows after which something changes.
    after: Vec<After>,
    departures: Departures,
    /// Windows that have more distinct values, or fewer, than was thought: since counted, less the
    /// one before.
    pub(super) enters: Vec<(i64, i64)>,
}

/// What changes after a window.
#[derive(Debug)]
struct After {
    window: i64,
    leaves: i64,
    /// Whether the value is to be looked at.
    look: bool,
}

impl Members {
    pub(super) fn new(panes: i64, aggregates: usize, endless: bool) -> Self {
        Self {
            era: RANGES * panes,
            aggregates,
            endless,
            counted: Vec::new(),
            known: Vec::new(),
            after: Vec::new(),
            departures: Departures::default(),
            enters: Vec::new(),
        }
    }

    fn era_of(&self, window: i64) -> i64 {
        window.div_euclid(self.era)
    }

    /// Counts a value in these windows, of which those before `floor` are closed. Afterwards
    /// `enters` says what this changes; who leaves is noted already.
    pub(super) fn count(
        &mut self,
        store: &mut Store,
        member: Member<'_>,
        floor: i64,
        windows: RangeInclusive<i64>,
    ) -> Result<()> {
        let (from, to) = (*windows.start(), *windows.end());
        self.enters.clear();
        self.counted.clear();
        self.known.clear();
        for era in self.era_of(from - 1)..=self.era_of(to + 1) {
            self.read(store, member, era)?;
        }
        // The value has left after these, so it enters again.
        self.counted.retain(|(_, last)| *last >= floor);
        let begin = self.counted.partition_point(|(_, last)| *last < from - 1);
        let end = self.counted.partition_point(|(first, _)| *first <= to + 1);
        let touched = &self.counted[begin..end];
        let whole = match (touched.first(), touched.last()) {
            (Some((first, _)), Some((_, last))) => (from.min(*first), to.max(*last)),
            _ => (from, to),
        };
        if touched == [whole] {
            return Ok(());
        }
        self.after.clear();
        if touched.iter().all(|(first, _)| *first != whole.0) {
            self.enters.push((whole.0, 1));
        }
        if touched.iter().all(|(_, last)| *last != whole.1) {
            self.after.push(After { window: whole.1, leaves: 1, look: false });
        }
        for (first, last) in touched {
            if *first != whole.0 {
                self.enters.push((*first, -1));
            }
            if *last != whole.1 {
                self.after.push(After { window: *last, leaves: -1, look: false });
            }
        }
        self.counted.splice(begin..end, [whole]);
        for era in self.era_of(from)..=self.era_of(to) {
            self.write(store, member, era)?;
        }
        if self.endless { Ok(()) } else { self.note(store, member) }
    }

    /// Reads the ranges of an era behind those of the eras before it.
    fn read(&mut self, store: &Store, member: Member<'_>, era: i64) -> Result<()> {
        let found = store.state().read(member.key(era), |bytes| {
            bytes.map(|bytes| decode(bytes, era * self.era, &mut self.counted)).transpose()
        })??;
        if found.is_some() {
            self.known.push(era);
        }
        Ok(())
    }

    /// Writes the ranges of an era. A value is looked at when the last window of what is known of
    /// it in that era is over.
    fn write(&mut self, store: &mut Store, member: Member<'_>, era: i64) -> Result<()> {
        let (first, last) = (era * self.era, (era + 1) * self.era - 1);
        let in_era = self.counted.iter().filter(|range| range.0 <= last && range.1 >= first);
        let ranges = in_era.map(|range| (range.0.max(first), range.1.min(last)));
        if !self.known.contains(&era)
            && let Some((_, window)) = ranges.clone().next_back()
        {
            self.after.push(After { window, leaves: 0, look: true });
        }
        store.put(member.key(era), |to| encode(ranges, first, to))
    }

    fn note(&mut self, store: &mut Store, member: Member<'_>) -> Result<()> {
        // A new value leaves and is looked at after the same window, which is then written once.
        self.after.sort_unstable_by_key(|after| after.window);
        for after in self.after.chunk_by(|a, b| a.window == b.window) {
            let window = after[0].window;
            self.departures.read(store, member.group, window, self.aggregates)?;
            for After { leaves, look, .. } in after {
                self.departures.more(member.aggregate, *leaves);
                if *look {
                    let Member { group, aggregate, value } = member;
                    self.departures.look_at(store, group, window, aggregate, value)?;
                }
            }
            self.departures.write(store, member.group, window)?;
        }
        Ok(())
    }

    /// Has a value looked at after a window.
    pub(super) fn look_at(
        &mut self,
        store: &mut Store,
        member: Member<'_>,
        window: i64,
    ) -> Result<()> {
        let Member { group, aggregate, value } = member;
        self.departures.read(store, group, window, self.aggregates)?;
        self.departures.look_at(store, group, window, aggregate, value)?;
        self.departures.write(store, group, window)
    }

    /// A window is over: takes those that are not in the next one from its count, and forgets
    /// values that are in no later one.
    pub(super) fn depart(
        &mut self,
        store: &mut Store,
        group: &[u8],
        window: i64,
        totals: &mut Totals,
    ) -> Result<()> {
        if !self.departures.read(store, group, window, self.aggregates)? {
            return Ok(());
        }
        self.departures.take_from(totals);
        let members = self.departures.members(store, group, window)?;
        self.departures.forget(store, group, window)?;
        let era = self.era_of(window);
        for (aggregate, value) in members {
            let member = Member { group, aggregate, value: &value };
            self.counted.clear();
            self.read(store, member, era)?;
            self.counted.retain(|(_, last)| *last > window);
            let Some((_, last)) = self.counted.last().copied() else {
                store.state().delete(member.key(era))?;
                continue;
            };
            let ranges = self.counted.iter().copied();
            store.put(member.key(era), |to| encode(ranges, era * self.era, to))?;
            self.look_at(store, member, last)?;
        }
        Ok(())
    }

    /// The values that are looked at after a window, each with its aggregate.
    pub(super) fn listed(
        &mut self,
        store: &Store,
        group: &[u8],
        window: i64,
    ) -> Result<Vec<(usize, Vec<u8>)>> {
        self.departures.read(store, group, window, self.aggregates)?;
        self.departures.members(store, group, window)
    }

    /// Forgets what [`listed`](Self::listed) has just given.
    pub(super) fn forget(&self, store: &Store, group: &[u8], window: i64) -> Result<()> {
        self.departures.forget(store, group, window)
    }

    /// Takes those that are not in the next window from the count of one that is still open.
    pub(super) fn look_ahead(
        &mut self,
        store: &Store,
        group: &[u8],
        window: i64,
        totals: &mut Totals,
    ) -> Result<()> {
        if self.departures.read(store, group, window, self.aggregates)? {
            self.departures.take_from(totals);
        }
        Ok(())
    }
}

fn encode(ranges: impl Iterator<Item = (i64, i64)>, origin: i64, to: &mut Vec<u8>) {
    for (first, last) in ranges {
        codec::unsigned((first - origin) as u64, to);
        codec::unsigned((last - first) as u64, to);
    }
}

/// Appends ranges, and puts the first together with what is there if there is no gap.
fn decode(bytes: &[u8], origin: i64, to: &mut Vec<(i64, i64)>) -> Result<()> {
    let mut reader = Reader::new(bytes);
    while !reader.is_empty() {
        let first = origin + reader.unsigned()? as i64;
        let last = first + reader.unsigned()? as i64;
        match to.last_mut() {
            Some((_, before)) if *before + 1 == first => *before = last,
            _ => to.push((first, last)),
        }
    }
    Ok(())
}
