//! `join`: pairs of tuples of two streams.
//!
//! A tuple that arrives is joined at once with all remembered rows of the other side, and then
//! remembered itself; so each pair is found by whichever of the two comes later, and once. Rows
//! are forgotten, and those that found no partner told of, when the watermark says that none can
//! come any more: the state's timer is set to the first moment at which that happens.

mod config;
mod fields;
mod plan;
mod rows;
mod sweep;

use squall_framework::{
    Bolt, Flush, Inputs, Output, Problem, Result, State, Streams, TaskContext, Tuple, ValueRef,
};

pub(crate) use self::config::JoinConfig;
use self::{
    plan::{LEFT, Plan, RIGHT},
    rows::{Chunk, MATCHED, check_length, chunk_key, heads, put_heads},
};
use super::{parser::not_prepared, watermark::Watermark};
use crate::{
    pack::{pack, unpack},
    values::recycle,
};

/// About so many rows are emitted by one call of `flush`.
const ROWS_PER_FLUSH: usize = 1_000;

pub(crate) struct Join {
    config: JoinConfig,
    ready: Option<Ready>,
}

struct Ready {
    plan: Plan,
    state: State,
    watermark: Watermark,
    /// At the end of input: states that have been gone through, with the timers they had.
    seen: Vec<(Vec<u8>, i64)>,
    values: Vec<u8>,
    chunk: Chunk,
    scratch: Scratch,
}

/// Vectors that are used again for tuple after tuple.
#[derive(Default)]
struct Scratch {
    own: Vec<ValueRef<'static>>,
    other: Vec<ValueRef<'static>>,
    row: Vec<ValueRef<'static>>,
}

impl Join {
    pub(crate) fn new(config: &JoinConfig) -> Result<Self> {
        Ok(Self { config: config.clone(), ready: None })
    }
}

impl Bolt for Join {
    fn declare(&self, inputs: &Inputs) -> Result<Streams, Problem> {
        Plan::new(&self.config, inputs).map(|plan| Streams::one(plan.schema))
    }

    fn stateful(&self) -> bool {
        true
    }

    fn prepare(&mut self, context: &TaskContext) -> Result<()> {
        let plan = Plan::new(&self.config, context.inputs())?;
        self.ready = Some(Ready {
            state: context.state()?,
            watermark: Watermark::new(context, plan.lateness)?,
            plan,
            seen: Vec::new(),
            values: Vec::new(),
            chunk: Chunk::default(),
            scratch: Scratch::default(),
        });
        Ok(())
    }

    fn execute(&mut self, tuple: &Tuple<'_>, out: &mut Output) -> Result<()> {
        self.ready.as_mut().ok_or_else(not_prepared)?.execute(tuple, out)
    }

    fn flush(&mut self, out: &mut Output) -> Result<Flush> {
        self.ready.as_mut().ok_or_else(not_prepared)?.flush(out)
    }
}

impl Ready {
    fn execute(&mut self, tuple: &Tuple<'_>, out: &mut Output) -> Result<()> {
        let side = tuple.batch().input();
        let (Some(kept), Some(keys)) = (self.plan.kept.get(side), self.plan.keys.get(side)) else {
            return Err(not_prepared());
        };
        let time = match &self.plan.within {
            Some((_, time)) => time.of(tuple)?,
            None => 0,
        };
        let mut own = recycle(std::mem::take(&mut self.scratch.own), || ValueRef::Null);
        own.extend(kept.iter().map(|&column| tuple.at(column)));
        // As in SQL, a null is equal to nothing, so there is nothing to wait for.
        let done = if keys.iter().any(|&column| tuple.at(column).is_null()) {
            if side == LEFT && self.plan.outer { self.emit_alone(&own, out) } else { Ok(()) }
        } else {
            self.values.clear();
            pack(own.iter().copied(), &mut self.values);
            check_length(&self.values).and_then(|()| self.join(side, time, &own, out))
        };
        self.scratch.own = recycle(own, || ValueRef::Null);
        if self.plan.within.is_some() && done.is_ok() {
            self.watermark.see(tuple, time);
        }
        done
    }

    fn emit_alone(&mut self, left: &[ValueRef<'_>], out: &mut Output) -> Result<()> {
        let mut row = recycle(std::mem::take(&mut self.scratch.row), || ValueRef::Null);
        self.plan.row(left, &[], &mut row);
        let done = out.emit(&row);
        self.scratch.row = recycle(row, || ValueRef::Null);
        done
    }

    /// Emits the pairs of a row that arrives, and remembers it.
    fn join(
        &mut self,
        side: usize,
        time: i64,
        own: &[ValueRef<'_>],
        out: &mut Output,
    ) -> Result<()> {
        let mut heads = heads(&self.state)?;
        let other = 1 - side;
        let mut matched = 0;
        for number in heads[other].first..heads[other].next {
            matched |= self.join_chunk(other, number, time, own, out)?;
        }
        let row = (time, matched, self.values.as_slice());
        let before = heads;
        heads[side].push(&self.state, side, row, &mut self.chunk)?;
        if heads != before {
            put_heads(&self.state, &heads)?;
        }
        // Without `within`, a timer that is never due says which states may have rows to tell of.
        if self.plan.within.is_some() || (self.plan.outer && side == LEFT) {
            let due = self.plan.due(time);
            if self.state.timer()?.is_none_or(|timer| timer > due) {
                self.state.set_timer(Some(due))?;
            }
        }
        Ok(())
    }

    /// Emits the pairs of a row with those of a chunk of the other side, which are marked if that
    /// matters. Gives the flag for the row itself.
    fn join_chunk(
        &mut self,
        other: usize,
        number: u64,
        time: i64,
        own: &[ValueRef<'_>],
        out: &mut Output,
    ) -> Result<u8> {
        let Self { plan, state, chunk: marked, scratch, .. } = self;
        let mut matched = 0;
        marked.clear();
        state.read(chunk_key(other, number), |chunk| {
            let Some(chunk) = chunk else { return Ok(()) };
            for row in rows::rows(chunk) {
                let row = row?;
                if let Some((within, _)) = &plan.within
                    && row.time.abs_diff(time) > *within as u64
                {
                    continue;
                }
                matched = MATCHED;
                let mut values = recycle(std::mem::take(&mut scratch.other), || ValueRef::Null);
                let mut pair = recycle(std::mem::take(&mut scratch.row), || ValueRef::Null);
                unpack(row.values, &mut values)?;
                if other == RIGHT {
                    plan.row(own, &values, &mut pair);
                } else {
                    plan.row(&values, own, &mut pair);
                }
                out.emit(&pair)?;
                scratch.other = recycle(values, || ValueRef::Null);
                scratch.row = recycle(pair, || ValueRef::Null);
                if plan.outer && other == LEFT && row.flags & MATCHED == 0 {
                    if marked.is_empty() {
                        marked.0.extend_from_slice(chunk);
                    }
                    marked.flag(row.flags_at, MATCHED);
                }
            }
            Ok::<(), squall_framework::Error>(())
        })??;
        if !marked.is_empty() {
            state.put_bytes(chunk_key(other, number), &marked.0)?;
        }
        Ok(matched)
    }
}
