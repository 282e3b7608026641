//! The end of an epoch: groups are ranked, emit what has changed, and go into the state.

use std::collections::{HashMap, VecDeque};

use squall_framework::{Flush, Output, Result, ValueRef};

use super::{Ready, group::Group, list};
use crate::pack::{put_bytes, put_i64, unpack};

/// About so many groups are ranked by one call of `flush`.
const GROUPS_PER_FLUSH: usize = 1_000;

/// The name of the list of a state's groups, with the time at which each has something to forget.
/// No group is named so, for no value is encoded like this.
const DUE: &[u8] = &[0xFF];

impl Ready {
    pub(super) fn finish(&mut self, out: &mut Output) -> Result<Flush> {
        let watermark = match self.plan.expire {
            Some(_) => self.watermark.advance()?,
            None => None,
        };
        let mut groups = match self.finishing.take() {
            Some(groups) => groups,
            None => self.begin(watermark)?,
        };
        let mut done = 0;
        while let Some(first) = groups.front() {
            let place = first.place.clone();
            let neighbours = groups.partition_point(|group| group.place <= place);
            done += neighbours;
            let neighbours = groups.drain(..neighbours).collect();
            self.finish_state(&place, neighbours, watermark, out)?;
            if done >= GROUPS_PER_FLUSH && !groups.is_empty() {
                self.finishing = Some(groups);
                return Ok(Flush::More);
            }
        }
        Ok(Flush::Done)
    }

    /// The groups that were touched and those with something to forget, those of one state
    /// together.
    fn begin(&mut self, watermark: Option<i64>) -> Result<VecDeque<Group>> {
        while let Some(up_to) = watermark
            && self.state.next_due(up_to)?.is_some()
        {
            let place = self.state.place();
            for (name, due) in self.load_due()? {
                let key = [place.as_slice(), &name].concat();
                if due.0 <= up_to && !self.touched.contains_key(&key) {
                    let group = Group::load(&self.state, place.clone(), name)?;
                    self.touched.insert(key, group);
                }
            }
        }
        let mut groups: Vec<_> = self.touched.drain().map(|(_, group)| group).collect();
        groups.sort_unstable_by(|a, b| (&a.place, &a.name).cmp(&(&b.place, &b.name)));
        Ok(groups.into())
    }

    /// Ranks groups of one state.
    fn finish_state(
        &mut self,
        place: &[u8],
        groups: Vec<Group>,
        watermark: Option<i64>,
        out: &mut Output,
    ) -> Result<()> {
        self.state.turn_to(place);
        let mut changed = Vec::with_capacity(groups.len());
        for mut group in groups {
            let due = self.finish_group(&mut group, watermark, out)?;
            changed.push((group.name, due));
        }
        if self.plan.expire.is_none() {
            return Ok(());
        }
        let mut all = self.load_due()?;
        for (name, due) in changed {
            match due {
                Some(due) => all.entry(name).or_insert((due, None)).0 = due,
                None => drop(all.remove(&name)),
            }
        }
        self.store_due(&all)
    }

    /// Ranks a group; gives the time at which it has something to forget.
    fn finish_group(
        &self,
        group: &mut Group,
        watermark: Option<i64>,
        out: &mut Output,
    ) -> Result<Option<i64>> {
        let due = |time: i64| {
            self.plan.expire.map(|expire| time.saturating_add(expire).saturating_add(1))
        };
        let is_due = |time| due(time).is_some_and(|due| watermark.is_some_and(|now| due <= now));
        if !self.plan.closes {
            group.forget(is_due);
        }
        group.prune(&self.plan);
        let ranked = group.ranked(&self.plan);
        self.emit(group, &ranked, out)?;
        let best: Vec<_> = ranked.iter().take(self.plan.n).map(|id| id.to_vec()).collect();
        for candidate in group.candidates.values_mut() {
            candidate.rank = 0;
        }
        for (place, id) in best.iter().enumerate() {
            if let Some(candidate) = group.candidates.get_mut(id) {
                candidate.rank = place + 1;
            }
        }
        // A group that is closed leaves its last ranking as it is.
        group.forget(is_due);
        group.store(&self.state)?;
        Ok(group.oldest().and_then(due))
    }

    /// Emits the ranks that are not as they were emitted last.
    fn emit(&self, group: &Group, ranked: &[&[u8]], out: &mut Output) -> Result<()> {
        let newest = group.newest();
        let decayed = self.plan.decay.is_some() && newest != group.newest_before;
        for (place, id) in ranked.iter().take(self.plan.n).enumerate() {
            let Some(candidate) = group.candidates.get(*id) else { continue };
            let same = candidate.rank == place + 1 && !decayed;
            let score =
                self.plan.decay.zip(candidate.standing).map(|(half_life, standing)| {
                    standing.score(newest.unwrap_or_default(), half_life)
                });
            let emit = |row: &[u8], out: &mut Output| self.emit_row(place + 1, row, score, out);
            match &candidate.row {
                // What was emitted last for this rank is the row that the state has.
                Some(row) => {
                    let known = same && self.plan.decay.is_none();
                    let known =
                        known && group.stored_row(&self.state, id, |old| old == Some(row))?;
                    if !known {
                        emit(row, out)?;
                    }
                }
                None if same => {}
                None => group
                    .stored_row(&self.state, id, |row| emit(row.unwrap_or_default(), out))??,
            }
        }
        let filled = group.candidates.values().map(|candidate| candidate.rank).max();
        let left = ranked.len().min(self.plan.n);
        if filled.is_some_and(|filled| filled > left) {
            self.emit_empty(group, left + 1..=filled.unwrap_or_default(), out)?;
        }
        Ok(())
    }

    fn emit_row(
        &self,
        rank: usize,
        packed: &[u8],
        score: Option<f64>,
        out: &mut Output,
    ) -> Result<()> {
        let mut row = vec![ValueRef::Int(rank as i64)];
        unpack(packed, &mut row)?;
        row.extend(score.map(ValueRef::Float));
        out.emit(&row)
    }

    /// Emits ranks that nobody has any more: the group's fields are there, the others null.
    fn emit_empty(
        &self,
        group: &Group,
        ranks: std::ops::RangeInclusive<usize>,
        out: &mut Output,
    ) -> Result<()> {
        // Any row says of which group it is.
        let Some((id, candidate)) = group.candidates.iter().next() else { return Ok(()) };
        let any = match &candidate.row {
            Some(row) => row.clone(),
            None => group
                .stored_row(&self.state, id, |row| row.map(<[u8]>::to_vec))?
                .unwrap_or_default(),
        };
        let mut values = Vec::new();
        unpack(&any, &mut values)?;
        let kept = values.iter().zip(&self.plan.of_group);
        let kept = kept.map(|(value, of_group)| if *of_group { *value } else { ValueRef::Null });
        let mut row = vec![ValueRef::Null];
        row.extend(kept);
        row.extend(self.plan.decay.map(|_| ValueRef::Null));
        for rank in ranks {
            row[0] = ValueRef::Int(rank as i64);
            out.emit(&row)?;
        }
        Ok(())
    }

    /// The groups of the state in hand: when each has something to forget, and the chunk of the
    /// list that says so.
    fn load_due(&self) -> Result<HashMap<Vec<u8>, (i64, Option<usize>)>> {
        let mut all = HashMap::new();
        list::load(&self.state, DUE, |chunk, reader| {
            let name = reader.bytes()?.to_vec();
            all.insert(name, (reader.i64()?, Some(chunk)));
            Ok(())
        })?;
        Ok(all)
    }

    fn store_due(&self, all: &HashMap<Vec<u8>, (i64, Option<usize>)>) -> Result<()> {
        let mut entries: Vec<_> = all
            .iter()
            .map(|(name, (due, chunk))| {
                let mut entry = Vec::with_capacity(name.len() + 12);
                put_bytes(name, &mut entry);
                put_i64(*due, &mut entry);
                (*chunk, entry)
            })
            .collect();
        entries.sort_unstable();
        let stored = list::count(&self.state, DUE)?;
        list::store(
            &self.state,
            DUE,
            stored,
            entries.iter().map(|(chunk, entry)| (*chunk, entry.as_slice())),
        )?;
        self.state.set_timer(all.values().map(|(due, _)| *due).min())
    }
}
