//! Windows that are over: each is emitted, and what no later one needs is let go.

use squall_framework::{Output, Result, ValueRef};

use super::{agenda::Agenda, flush::Visited, keys::Key, shape::Shape, task::Task, totals::Totals};

impl Task {
    /// Closes the window that is due of the group in hand.
    pub(super) fn close(&mut self, out: &mut Output) -> Result<()> {
        let window = self.group.due;
        self.store.pane(&self.id, window, &mut self.pane)?;
        self.group.behind.enter(&self.plan.aggregates, &self.pane.totals);
        if self.group.behind.rows > 0 {
            let totals = std::mem::take(&mut self.group.behind);
            let emitted = self.emit_window(window, &totals, out);
            self.group.behind = totals;
            emitted?;
        }
        let oldest = window - self.plan.shape.panes() + 1;
        if self.store.pane(&self.id, oldest, &mut self.pane)? {
            self.group.behind.leave(&self.plan.aggregates, &self.pane.totals);
            self.forget_pane(oldest)?;
        }
        if self.plan.has_distinct() {
            self.members.depart(&mut self.store, &self.id, window, &mut self.group.behind)?;
        }
        self.group.due = window + 1;
        Ok(())
    }

    /// Emits a window of the group in hand that has these totals.
    pub(super) fn emit_window(
        &mut self,
        window: i64,
        totals: &Totals,
        out: &mut Output,
    ) -> Result<()> {
        let first = window - self.plan.shape.panes() + 1;
        let results = self.results(totals, first..=window)?;
        match self.plan.shape {
            Shape::Endless => self.emit(&[], &results, out),
            // People count from one.
            Shape::Tuples { .. } => self.emit(&[ValueRef::Int(window + 1)], &results, out),
            Shape::Time { .. } | Shape::Sessions { .. } => {
                let (start, end) = (self.calendar.start(first), self.calendar.start(window + 1));
                let borders = [ValueRef::Timestamp(start), ValueRef::Timestamp(end)];
                self.emit(&borders, &results, out)
            }
        }
    }

    /// Closes the windows of the group in hand that are over.
    pub(super) fn close_windows(&mut self, out: &mut Output) -> Result<Visited> {
        if !self.store.group(&self.id, &mut self.group)? {
            return Ok(Visited::Gone);
        }
        loop {
            let end = self.calendar.start(self.group.due + 1);
            let over = end <= self.watermark.now();
            if !over || self.is_enough() {
                self.pass(self.group.due - 1)?;
                self.store.put_group(&self.id, &self.group)?;
                return Ok(if over { Visited::Unfinished } else { Visited::Until(end) });
            }
            self.close(out)?;
            if self.group.behind.rows == 0 {
                match self.pass(self.group.due - 1)? {
                    Some(next) => self.group.due = next,
                    None => {
                        self.store.state().delete(Key::Group(&self.id))?;
                        return Ok(Visited::Gone);
                    }
                }
            }
        }
    }

    /// Takes the panes up to this one from the agenda of the group in hand; gives the next one.
    pub(super) fn pass(&self, pane: i64) -> Result<Option<i64>> {
        let mut agenda = Agenda::open(&self.store, &self.id)?;
        agenda.pass(pane)?;
        let next = agenda.first()?;
        agenda.close()?;
        Ok(next)
    }
}
