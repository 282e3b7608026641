//! The end of an epoch: groups are ranked, emit what has changed, and go into the state.

use std::collections::VecDeque;

use squall_framework::{Flush, Output, Result};

use super::{Ready, group::Group};

/// About so many groups are ranked by one call of `flush`.
const GROUPS_PER_FLUSH: usize = 200;

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
}
