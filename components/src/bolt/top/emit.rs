//! What a group emits: the ranks that have changed.

use std::ops::RangeInclusive;

use squall_framework::{Output, Result, ValueRef};

use super::{Ready, group::Group};
use crate::pack::unpack;

impl Ready {
    /// Emits the ranks that are not as they were emitted last.
    pub(super) fn emit(&self, group: &Group, ranked: &[&[u8]], out: &mut Output) -> Result<()> {
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
        ranks: RangeInclusive<usize>,
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
}
