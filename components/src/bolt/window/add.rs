//! What a row changes.

use squall_framework::{Output, Result};

use super::{
    agenda::Agenda,
    fields::Row,
    groups,
    keys::short,
    members::Member,
    plan::LATE,
    shape::Shape,
    sketch::{self, Place},
    task::Task,
    time::Time,
};

/// The only pane of a window without end.
const ONLY: i64 = 1;

/// Where a row counts.
#[derive(Debug, Clone, Copy)]
struct Spot {
    pane: i64,
    /// The first window that the row is in.
    from: i64,
    /// Windows before this one are closed.
    floor: i64,
    /// The first open window has passed the pane, so its rows count there already.
    behind: bool,
}

impl Task {
    /// Takes in a row, or hands it on if all its windows are over.
    pub(super) fn add(&mut self, row: Row<'_>, out: &mut Output) -> Result<()> {
        let at = row.time()?;
        let now = match self.plan.time {
            Time::Processing => self.clock.now().max(self.watermark.now()),
            // All at once: so the first is the first to arrive.
            Time::Field(_) | Time::Arrival => at.unwrap_or_default(),
        };
        if self.is_late(now) {
            let late = out.stream(LATE).unwrap_or_default();
            out.emit_to(late, &row.all())?;
            self.late += 1;
        } else {
            row.group_id(&mut self.id);
            let spot = match self.plan.shape {
                Shape::Endless => self.spot_of_all(row)?,
                Shape::Tuples { .. } => self.spot_by_order(row)?,
                Shape::Time { .. } => self.spot_by_time(row, now)?,
                Shape::Sessions { gap } => self.spot_in_session(row, now, gap)?,
            };
            self.add_to(row, now, spot)?;
            if let Shape::Tuples { every, .. } = self.plan.shape
                && self.pane.totals.rows >= every
            {
                self.close(out)?;
                self.store.put_group(&self.id, &self.group)?;
            }
            self.touch(spot.pane);
        }
        if let Some(at) = at {
            let batch = row.tuple().batch();
            self.watermark.hear(batch.input(), batch.sender(), at);
        }
        self.busy = true;
        Ok(())
    }

    /// Whether all windows of this time were over when the watermark was taken.
    fn is_late(&mut self, at: i64) -> bool {
        match self.plan.shape {
            Shape::Time { panes, .. } => self.calendar.pane(at) + panes - 1 < self.open,
            Shape::Sessions { gap } => at.saturating_add(gap) <= self.watermark.now(),
            Shape::Endless | Shape::Tuples { .. } => false,
        }
    }

    fn spot_of_all(&mut self, row: Row<'_>) -> Result<Spot> {
        let known = self.store.pane(&self.id, ONLY, &mut self.pane)?;
        if !known {
            self.begin_group(row, ONLY)?;
            self.store.put_group(&self.id, &self.group)?;
        }
        Ok(Spot { pane: ONLY, from: ONLY, floor: ONLY, behind: false })
    }

    fn spot_by_order(&mut self, row: Row<'_>) -> Result<Spot> {
        if !self.store.group(&self.id, &mut self.group)? {
            self.begin_group(row, 0)?;
            self.store.put_group(&self.id, &self.group)?;
            // Not for any time, but to be found when the input ends.
            self.call_at(i64::MAX)?;
        }
        let pane = self.group.due;
        self.store.pane(&self.id, pane, &mut self.pane)?;
        Ok(Spot { pane, from: pane, floor: pane, behind: false })
    }

    fn spot_by_time(&mut self, row: Row<'_>, at: i64) -> Result<Spot> {
        let pane = self.calendar.pane(at);
        let known = self.store.pane(&self.id, pane, &mut self.pane)?;
        if known && pane >= self.open {
            // Then it is known, too, that the group waits for the pane, or for one before.
            return Ok(Spot { pane, from: pane, floor: self.open, behind: false });
        }
        let is_new = !self.store.group(&self.id, &mut self.group)?;
        if is_new {
            self.begin_group(row, pane.max(self.open))?;
        }
        // Windows that are over by the watermark, but that the group has not closed, are open: the
        // watermark may be that of another task when their number was changed.
        let floor = self.open.min(self.group.due);
        let from = pane.max(floor);
        let earlier = from < self.group.due;
        self.group.due = self.group.due.min(from);
        let behind = pane < self.group.due;
        if is_new || earlier {
            self.store.put_group(&self.id, &self.group)?;
            self.call_at(self.calendar.start(self.group.due + 1))?;
        }
        if !known && !behind {
            self.expect(pane)?;
        }
        Ok(Spot { pane, from, floor, behind })
    }

    fn spot_in_session(&mut self, row: Row<'_>, at: i64, gap: i64) -> Result<Spot> {
        let pane = at.div_euclid(gap);
        let known = self.store.pane(&self.id, pane, &mut self.pane)?;
        if !known {
            if !self.store.group(&self.id, &mut self.group)? {
                self.begin_group(row, 0)?;
                self.store.put_group(&self.id, &self.group)?;
            }
            // The session may last longer; that is seen when its time comes.
            self.call_at(at.saturating_add(gap))?;
            self.expect(pane)?;
        }
        if let Some(span) = &mut self.pane.span {
            span.first = span.first.min(at);
            span.last = span.last.max(at);
        }
        Ok(Spot { pane, from: pane, floor: pane, behind: false })
    }

    /// Makes the group in hand a new one.
    fn begin_group(&mut self, row: Row<'_>, due: i64) -> Result<()> {
        self.group.begin(due, row.owned_group());
        if self.plan.further.is_empty() { Ok(()) } else { groups::add(&mut self.store, &self.id) }
    }

    /// Sees to it that the place in hand is visited when time has come so far.
    fn call_at(&self, at: i64) -> Result<()> {
        let state = self.store.state();
        match state.timer()? {
            Some(timer) if timer <= at => Ok(()),
            _ => state.set_timer(Some(at)),
        }
    }

    /// Notes that a pane has rows.
    fn expect(&self, pane: i64) -> Result<()> {
        let mut agenda = Agenda::open(&self.store, &self.id)?;
        agenda.add(pane)?;
        agenda.close()
    }

    /// Adds a row to the pane in hand.
    fn add_to(&mut self, row: Row<'_>, at: i64, spot: Spot) -> Result<()> {
        let value = |aggregate| row.value(aggregate);
        if spot.behind {
            self.group.behind.add_sliding(&self.plan.aggregates, at, value)?;
        }
        self.pane.totals.add(&self.plan.aggregates, at, value)?;
        for aggregate in 0..self.plan.aggregates.len() {
            let (of, value) = (&self.plan.aggregates[aggregate], row.value(aggregate));
            if of.is_sketch() {
                let place = Place { group: &self.id, pane: spot.pane, aggregate };
                sketch::add(&self.store, place, of, value)?;
            } else if of.is_distinct() && !value.is_null() {
                short([value], &mut self.member);
                if self.plan.is_of_sessions() {
                    self.add_to_session(spot.pane, aggregate)?;
                } else {
                    self.add_to_windows(spot, aggregate)?;
                }
            }
        }
        self.store.put_pane(&self.id, spot.pane, &self.pane)?;
        if spot.behind { self.store.put_group(&self.id, &self.group) } else { Ok(()) }
    }

    /// Counts the distinct value in hand in all windows of the row.
    fn add_to_windows(&mut self, spot: Spot, aggregate: usize) -> Result<()> {
        let member = Member { group: &self.id, aggregate, value: &self.member };
        let to = spot.pane + self.plan.shape.panes() - 1;
        self.members.count(&mut self.store, member, spot.floor, spot.from..=to)?;
        for (window, enters) in self.members.enters.drain(..) {
            let totals = if window == spot.pane {
                &mut self.pane.totals
            } else if spot.behind && window == spot.from {
                &mut self.group.behind
            } else {
                // The value has been counted from there on, for a row that came before this one.
                self.store.pane(&self.id, window, &mut self.other)?;
                self.other.totals.parts[aggregate].enter(enters);
                self.store.put_pane(&self.id, window, &self.other)?;
                continue;
            };
            totals.parts[aggregate].enter(enters);
        }
        Ok(())
    }

    /// Notes the distinct value in hand with its pane.
    fn add_to_session(&mut self, pane: i64, aggregate: usize) -> Result<()> {
        let member = Member { group: &self.id, aggregate, value: &self.member };
        let key = member.key(pane);
        if self.store.state().read(key, |known| known.is_some())? {
            return Ok(());
        }
        self.store.state().put_bytes(key, &[])?;
        self.members.look_at(&mut self.store, member, pane)
    }

    /// Notes that the windows of a pane have changed, where they are emitted then.
    fn touch(&mut self, pane: i64) {
        if !self.plan.updates {
            return;
        }
        let key = (self.store.state().place(), self.id.clone());
        let panes = self.touched.entry(key).or_default();
        if panes.last() != Some(&pane) {
            panes.push(pane);
        }
    }
}
