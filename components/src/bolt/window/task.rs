//! What a task of the bolt has at hand.

use std::{collections::HashMap, sync::Arc};

use squall_framework::{Clock, Error, Output, Result, State, TaskContext, Value, ValueRef};

use super::{
    calendar::Calendar,
    flush::Flushing,
    group::Group,
    keys::Key,
    members::Members,
    pane::Pane,
    plan::{LATE, Plan},
    shape::Shape,
    sketch::{self, Place, Sketch},
    store::Store,
    time::Time,
    totals::Totals,
    watermark::Watermark,
};

/// The mark that tells with which options a state was written.
const PLAN: &str = "plan";

/// Panes of groups to which rows were added, by place and group.
pub(super) type Touched = HashMap<(Vec<u8>, Vec<u8>), Vec<i64>>;

/// A task at work. Whatever must survive is in the state; the rest lives for one call or epoch.
#[derive(Debug)]
pub(super) struct Task {
    pub(super) plan: Arc<Plan>,
    pub(super) store: Store,
    pub(super) clock: Clock,
    pub(super) calendar: Calendar,
    pub(super) watermark: Watermark,
    /// The first window that is open by the watermark.
    pub(super) open: i64,
    pub(super) members: Members,
    /// The group in hand: what tells it from others of its place, and what is known of it.
    pub(super) id: Vec<u8>,
    pub(super) group: Group,
    /// The pane in hand, and another one.
    pub(super) pane: Pane,
    pub(super) other: Pane,
    /// The distinct value in hand.
    pub(super) member: Vec<u8>,
    /// What this epoch has added to; only if windows are emitted whenever they have changed.
    pub(super) touched: Touched,
    /// What a flush has still to do.
    pub(super) flushing: Option<Flushing>,
    /// Rows that the flush in hand has emitted in this call.
    pub(super) emitted: usize,
    /// Whether this epoch has done anything that is to be remembered.
    pub(super) busy: bool,
    /// Rows of this epoch that came too late, and whether that was told.
    pub(super) late: u64,
    pub(super) told: bool,
}

impl Task {
    pub(super) fn new(plan: Plan, context: &TaskContext) -> Result<Self> {
        let state = context.state()?;
        check_plan(&plan, &state, context)?;
        let inputs = context.inputs().all().len();
        let watermark = Watermark::load(&state, inputs, plan.lateness, plan.idle, context.now())?;
        let (length, zone) = match plan.shape {
            Shape::Time { every, zone, .. } => (every, zone),
            _ => (1, None),
        };
        let of = &plan.aggregates;
        let endless = plan.shape == Shape::Endless;
        let pane = Pane::new(of, plan.is_of_sessions());
        let mut task = Self {
            store: Store::new(state),
            clock: context.clock(),
            calendar: Calendar::new(length, zone),
            watermark,
            open: i64::MIN,
            members: Members::new(plan.shape.panes(), of.len(), endless),
            id: Vec::new(),
            group: Group::new(of),
            other: pane.clone(),
            pane,
            member: Vec::new(),
            touched: Touched::new(),
            flushing: None,
            emitted: 0,
            busy: false,
            late: 0,
            told: false,
            plan: Arc::new(plan),
        };
        task.find_open();
        Ok(task)
    }

    /// Finds the first window that is open by the watermark.
    pub(super) fn find_open(&mut self) {
        let now = self.watermark.now();
        if matches!(self.plan.shape, Shape::Time { .. }) && now > i64::MIN {
            self.open = self.calendar.pane(now);
        }
    }

    /// How far time has come, for `flush`.
    pub(super) fn take_watermark(&mut self) -> Result<()> {
        match self.plan.time {
            Time::Field(_) => self.watermark.take(self.store.state(), self.clock.now())?,
            Time::Processing => self.watermark.pass(self.clock.now()),
            Time::Arrival => {}
        }
        self.find_open();
        Ok(())
    }

    /// Writes down what is to be known after a restart, if anything has happened.
    pub(super) fn remember(&mut self) -> Result<()> {
        if std::mem::take(&mut self.busy) {
            self.watermark.keep(self.store.state())?;
            self.store.state().set_mark(PLAN, self.plan.fingerprint())?;
        }
        if self.late > 0 {
            let rows = std::mem::take(&mut self.late);
            if std::mem::replace(&mut self.told, true) {
                tracing::debug!(rows, "rows came too late for their windows");
            } else {
                tracing::warn!(
                    rows,
                    "rows came too late for their windows and went to the stream `{LATE}`; a larger \
                     `lateness` waits longer"
                );
            }
        }
        Ok(())
    }

    /// The aggregates of these panes of the group in hand. `totals` are those that slide.
    pub(super) fn results(
        &mut self,
        totals: &Totals,
        panes: std::ops::RangeInclusive<i64>,
    ) -> Result<Vec<Value>> {
        let of = &self.plan.aggregates;
        if !self.plan.folds() {
            return Ok(totals.parts.iter().zip(of).map(|(part, of)| part.result(of)).collect());
        }
        let mut totals = totals.clone();
        let mut sketches: Vec<_> = of.iter().map(Sketch::of).collect();
        for pane in panes {
            if !self.store.pane(&self.id, pane, &mut self.other)? {
                continue;
            }
            totals.fold(of, &self.other.totals);
            for (aggregate, sketch) in sketches.iter_mut().enumerate() {
                sketch.merge(&self.store, Place { group: &self.id, pane, aggregate })?;
            }
        }
        let parts = totals.parts.iter().zip(of).zip(&sketches);
        Ok(parts
            .map(|((part, of), sketch)| sketch.result().unwrap_or_else(|| part.result(of)))
            .collect())
    }

    /// Forgets a pane of the group in hand.
    pub(super) fn forget_pane(&mut self, pane: i64) -> Result<()> {
        self.store.state().delete(Key::Pane(&self.id, pane))?;
        for (aggregate, of) in self.plan.aggregates.iter().enumerate() {
            sketch::forget(&self.store, Place { group: &self.id, pane, aggregate }, of)?;
        }
        Ok(())
    }

    /// Emits a window of the group in hand.
    pub(super) fn emit(
        &mut self,
        borders: &[ValueRef<'_>],
        results: &[Value],
        out: &mut Output,
    ) -> Result<()> {
        let values = self.group.values.iter().chain(results).map(Value::as_ref);
        let row: Vec<_> = borders.iter().copied().chain(values).collect();
        self.emitted += 1;
        out.emit(&row)
    }
}

/// A state is read as it was written, so it must have been written with the same options.
fn check_plan(plan: &Plan, state: &State, context: &TaskContext) -> Result<()> {
    match state.mark(PLAN)? {
        Some(found) if found != plan.fingerprint() => Err(Error::data(format!(
            "the state of `{}` was kept with other windows, groups or aggregates; give them back, \
             or give the bolt another id, with which it begins anew",
            context.component()
        ))),
        _ => Ok(()),
    }
}
