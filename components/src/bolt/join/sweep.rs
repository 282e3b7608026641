//! The end of an epoch: rows that can have no partner any more are told of and forgotten.

use squall_framework::{Flush, Output, Result, ValueRef};

use super::{
    ROWS_PER_FLUSH, Ready,
    plan::LEFT,
    rows::{self, Chunk, MATCHED, TOLD, chunk_key, heads, put_heads},
};
use crate::pack::unpack;

/// What is to be done with the rows of a state.
#[derive(Clone, Copy)]
enum Sweep {
    /// Rows that were due at this time or before are told of and forgotten.
    Forget(i64),
    /// All rows are told of and kept, for the input has ended for now.
    Tell,
}

impl Ready {
    pub(super) fn flush(&mut self, out: &mut Output) -> Result<Flush> {
        let mut emitted = 0;
        if self.plan.within.is_some()
            && let Some(watermark) = self.watermark.advance()?
        {
            while self.state.next_due(watermark)?.is_some() {
                emitted += self.sweep(Sweep::Forget(watermark), out)?;
                if emitted >= ROWS_PER_FLUSH {
                    return Ok(Flush::More);
                }
            }
        }
        if !out.is_last() || !self.plan.outer {
            return Ok(Flush::Done);
        }
        // Every state with rows of the left side has a timer. All are taken away in turn, which
        // leads to all states, and then put back.
        while let Some(at) = self.state.next_due(i64::MAX)? {
            self.seen.push((self.state.place(), at));
            emitted += self.sweep(Sweep::Tell, out)?;
            if emitted >= ROWS_PER_FLUSH {
                return Ok(Flush::More);
            }
        }
        for (place, at) in self.seen.drain(..) {
            self.state.turn_to(&place);
            self.state.set_timer(Some(at))?;
        }
        Ok(Flush::Done)
    }

    /// Goes through the rows of the state in hand; gives how many were emitted.
    fn sweep(&mut self, how: Sweep, out: &mut Output) -> Result<usize> {
        let mut heads = heads(&self.state)?;
        let before = heads;
        let mut emitted = 0;
        let mut timer = None;
        for (side, head) in heads.iter_mut().enumerate() {
            if matches!(how, Sweep::Tell) && side != LEFT {
                continue;
            }
            let mut first_live = None;
            for number in head.first..head.next {
                let Some((told, earliest)) = self.sweep_chunk(how, (side, number), out)? else {
                    continue;
                };
                emitted += told;
                match earliest {
                    Some(earliest) => {
                        first_live = first_live.or(Some(number));
                        let due = Some(self.plan.due(earliest));
                        timer = if timer.is_none() { due } else { timer.min(due) };
                    }
                    None => head.live -= 1,
                }
            }
            head.trim(first_live);
            if head.is_sparse() {
                head.renumber(&self.state, side)?;
            }
        }
        if heads != before {
            put_heads(&self.state, &heads)?;
        }
        if let Sweep::Forget(_) = how {
            self.state.set_timer(timer)?;
        }
        Ok(emitted)
    }

    /// Nothing for a chunk that is not there, else how many rows were emitted and the earliest
    /// time of those that stay, if any do.
    fn sweep_chunk(
        &mut self,
        how: Sweep,
        (side, number): (usize, u64),
        out: &mut Output,
    ) -> Result<Option<(usize, Option<i64>)>> {
        let Self { plan, state, chunk: kept, .. } = self;
        let mut told = 0;
        let mut changed = false;
        kept.clear();
        let earliest = state.read(chunk_key(side, number), |chunk| {
            let Some(chunk) = chunk else { return Ok(None) };
            let earliest = rows::earliest(chunk)?;
            if matches!(how, Sweep::Forget(up_to) if plan.due(earliest) > up_to) {
                return Ok(Some(earliest));
            }
            for row in rows::rows(chunk) {
                let row = row?;
                let stays = match how {
                    Sweep::Forget(up_to) => plan.due(row.time) > up_to,
                    Sweep::Tell => true,
                };
                let mut flags = row.flags;
                let tell = matches!(how, Sweep::Tell) || !stays;
                if plan.outer && side == LEFT && tell && flags & (MATCHED | TOLD) == 0 {
                    let mut values = Vec::new();
                    let mut alone: Vec<ValueRef<'_>> = Vec::new();
                    unpack(row.values, &mut values)?;
                    plan.row(&values, &[], &mut alone);
                    out.emit(&alone)?;
                    flags |= TOLD;
                    told += 1;
                }
                changed |= !stays || flags != row.flags;
                if stays {
                    kept.push(row.time, flags, row.values);
                }
            }
            Ok::<_, squall_framework::Error>(Some(earliest))
        })??;
        let Some(earliest) = earliest else { return Ok(None) };
        if !changed {
            return Ok(Some((told, Some(earliest))));
        }
        put_or_delete(state, (side, number), kept)?;
        let left = (!kept.is_empty()).then(|| rows::earliest(&kept.0)).transpose()?;
        Ok(Some((told, left)))
    }
}

fn put_or_delete(
    state: &squall_framework::State,
    (side, number): (usize, u64),
    chunk: &Chunk,
) -> Result<()> {
    if chunk.is_empty() {
        state.delete(chunk_key(side, number))
    } else {
        state.put_bytes(chunk_key(side, number), &chunk.0)
    }
}
