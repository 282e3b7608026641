//! The candidates of one group, in memory from the first tuple of an epoch to its end.
//!
//! In the state there are, for each group, a list of its candidates with what they are ranked by,
//! and for each candidate the row of its last tuple as a value of its own: to rank a group its list
//! is enough, and of the rows those of the best are read alone.

use std::collections::HashMap;

use squall_framework::{Error, MAX_STATE_VALUE, Result, State, ValueRef};

use super::{
    config::{Order, Plan},
    list,
    standing::{SortKey, Standing},
};
use crate::pack::{put_bytes, put_u64};

/// The most bytes of a group's name or a candidate's id: an entry of a list must fit into a chunk.
const LONGEST_NAME: usize = 2_048;

/// One that may be among the best.
#[derive(Debug)]
pub(super) struct Candidate {
    /// Nothing for one that is to be forgotten.
    pub(super) standing: Option<Standing>,
    /// The rank with which it was emitted last; 0 for none.
    pub(super) rank: usize,
    /// Its row, if there was a tuple in this epoch.
    pub(super) row: Option<Vec<u8>>,
    /// The chunk of the list that has its entry.
    chunk: Option<usize>,
}

#[derive(Debug)]
pub(super) struct Group {
    /// The state that it is in.
    pub(super) place: Vec<u8>,
    /// Its name there: the values of the fields that are not the grouping's.
    pub(super) name: Vec<u8>,
    pub(super) candidates: HashMap<Vec<u8>, Candidate>,
    /// The newest time of all candidates at the beginning of the epoch.
    pub(super) newest_before: Option<i64>,
    chunks: usize,
}

impl Group {
    /// The group of this name in the state in hand.
    pub(super) fn load(state: &State, place: Vec<u8>, name: Vec<u8>) -> Result<Self> {
        let mut candidates = HashMap::new();
        let chunks = list::load(state, &name, |chunk, reader| {
            let id = reader.bytes()?.to_vec();
            let rank = reader.u64()? as usize;
            let standing = Some(Standing::read(reader)?);
            let chunk = Some(chunk);
            candidates.insert(id, Candidate { standing, rank, row: None, chunk });
            Ok(())
        })?;
        let mut group = Self { place, name, candidates, newest_before: None, chunks };
        group.newest_before = group.newest();
        Ok(group)
    }

    /// A tuple of a candidate: where it stands by that, and the row.
    pub(super) fn put(&mut self, plan: &Plan, id: &[u8], standing: Option<Standing>, row: &[u8]) {
        if let Some(candidate) = self.candidates.get_mut(id) {
            candidate.standing = match (candidate.standing, standing, plan.decay) {
                (Some(old), Some(new), Some(half_life)) => Some(old.plus(new, half_life)),
                (Some(old), Some(new), None) => Some(new.not_before(old.time)),
                (_, new, _) => new,
            };
            let kept = candidate.row.get_or_insert_default();
            kept.clear();
            kept.extend_from_slice(row);
            return;
        }
        let candidate = Candidate { standing, rank: 0, row: Some(row.to_vec()), chunk: None };
        self.candidates.insert(id.to_vec(), candidate);
        // Twice as many, so that this is not done for every tuple.
        if self.candidates.len() > 2 * plan.keep + 1_000 {
            self.prune(plan);
        }
    }

    /// Gives up the candidates whose time is due.
    pub(super) fn forget(&mut self, is_due: impl Fn(i64) -> bool) {
        for candidate in self.candidates.values_mut() {
            if candidate.standing.is_some_and(|standing| is_due(standing.time)) {
                candidate.standing = None;
            }
        }
    }

    /// The newest time of all candidates.
    pub(super) fn newest(&self) -> Option<i64> {
        self.standings().map(|standing| standing.time).max()
    }

    /// The oldest time of all candidates.
    pub(super) fn oldest(&self) -> Option<i64> {
        self.standings().map(|standing| standing.time).min()
    }

    fn standings(&self) -> impl Iterator<Item = Standing> {
        self.candidates.values().filter_map(|candidate| candidate.standing)
    }

    /// The ids of all candidates, the best first.
    pub(super) fn ranked(&self, plan: &Plan) -> Vec<&[u8]> {
        let decay = plan.decay.map(|half_life| (self.newest().unwrap_or_default(), half_life));
        let mut ranked: Vec<(SortKey, &[u8])> = self
            .candidates
            .iter()
            .filter_map(|(id, candidate)| {
                Some((candidate.standing?.sort_key(decay), id.as_slice()))
            })
            .collect();
        let order: Order = plan.order;
        ranked.sort_unstable_by(|a, b| a.0.compare(b.0, order).then_with(|| a.1.cmp(b.1)));
        ranked.into_iter().map(|(_, id)| id).collect()
    }

    /// Gives up all candidates but those that are kept.
    pub(super) fn prune(&mut self, plan: &Plan) {
        if self.standings().count() > plan.keep {
            let ranked = self.ranked(plan);
            let worst: Vec<_> = ranked[plan.keep..].iter().map(|id| id.to_vec()).collect();
            for id in worst {
                if let Some(candidate) = self.candidates.get_mut(&id) {
                    candidate.standing = None;
                }
            }
        }
        // The state knows nothing of one without a chunk.
        self.candidates
            .retain(|_, candidate| candidate.standing.is_some() || candidate.chunk.is_some());
    }

    /// The row of a candidate in the state in hand, as it was at the end of the epoch before.
    pub(super) fn stored_row<R>(
        &self,
        state: &State,
        id: &[u8],
        with: impl FnOnce(Option<&[u8]>) -> R,
    ) -> Result<R> {
        state.read(self.row_key(id), with)
    }

    /// Writes into the state in hand what the epoch has changed.
    pub(super) fn store(&self, state: &State) -> Result<()> {
        let mut entries = Vec::with_capacity(self.candidates.len());
        for (id, candidate) in &self.candidates {
            let Some(standing) = candidate.standing else {
                state.delete(self.row_key(id))?;
                continue;
            };
            if let Some(row) = &candidate.row {
                state.put_bytes(self.row_key(id), row)?;
            }
            let mut entry = Vec::with_capacity(id.len() + 24);
            put_bytes(id, &mut entry);
            put_u64(candidate.rank as u64, &mut entry);
            standing.write(&mut entry);
            entries.push((id, candidate.chunk, entry));
        }
        // So that the same candidates make the same bytes.
        entries.sort_unstable_by(|a, b| a.0.cmp(b.0));
        let entries = entries.iter().map(|(_, chunk, entry)| (*chunk, entry.as_slice()));
        list::store(state, &self.name, self.chunks, entries)
    }

    fn row_key<'a>(&'a self, id: &'a [u8]) -> (ValueRef<'a>, ValueRef<'a>) {
        (ValueRef::Bytes(&self.name), ValueRef::Bytes(id))
    }
}

/// Refuses a tuple that cannot be remembered.
pub(super) fn check_sizes(name: &[u8], id: &[u8], row: &[u8]) -> Result<()> {
    for (what, bytes, most) in
        [("group", name, LONGEST_NAME), ("id", id, LONGEST_NAME), ("tuple", row, MAX_STATE_VALUE)]
    {
        if bytes.len() > most {
            let length = bytes.len();
            return Err(Error::data(format!(
                "the {what} takes {length} bytes, and {most} are the most that can be remembered"
            )));
        }
    }
    Ok(())
}
