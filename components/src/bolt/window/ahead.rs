//! Windows that are still open, as they would be emitted now; nothing is changed by looking.

use squall_framework::{Output, Result};

use super::{agenda::Agenda, group::Group, task::Task};

/// The open windows of a group, while they are emitted.
#[derive(Debug)]
pub(super) struct Ahead {
    /// As if all windows before had been closed.
    group: Group,
    /// The panes with rows that are to come.
    panes: Vec<i64>,
    /// The panes whose windows are wanted; all if there is nothing.
    wanted: Option<Vec<i64>>,
}

impl Ahead {
    /// Whether a window is wanted that has so many panes.
    fn wants(&self, window: i64, panes: i64) -> bool {
        let Some(wanted) = &self.wanted else { return true };
        let first = wanted.partition_point(|pane| *pane <= window - panes);
        wanted.get(first).is_some_and(|pane| *pane <= window)
    }

    /// Whether no window from this one on is wanted.
    fn is_past(&self, window: i64, panes: i64) -> bool {
        let last = self.wanted.as_ref().map(|wanted| wanted.last().copied());
        last.is_some_and(|last| last.is_none_or(|last| window > last + panes - 1))
    }
}

impl Task {
    /// Begins to look at the open windows of the group in hand; nothing if it is gone.
    pub(super) fn look_ahead(&mut self, mut wanted: Option<Vec<i64>>) -> Result<Option<Ahead>> {
        if !self.store.group(&self.id, &mut self.group)? {
            return Ok(None);
        }
        if let Some(wanted) = &mut wanted {
            wanted.sort_unstable();
        }
        let panes = Agenda::open(&self.store, &self.id)?.all()?;
        Ok(Some(Ahead { group: self.group.clone(), panes, wanted }))
    }

    /// Emits open windows of the group in hand; true when there are no more.
    pub(super) fn emit_ahead(&mut self, ahead: &mut Ahead, out: &mut Output) -> Result<bool> {
        self.group.values.clone_from(&ahead.group.values);
        let plan = self.plan.clone();
        let (panes, of) = (plan.shape.panes(), &plan.aggregates);
        loop {
            let window = ahead.group.due;
            if ahead.is_past(window, panes) {
                return Ok(true);
            }
            if self.is_enough() {
                return Ok(false);
            }
            let totals = &mut ahead.group.behind;
            self.store.pane(&self.id, window, &mut self.pane)?;
            totals.enter(of, &self.pane.totals);
            if totals.rows > 0 && ahead.wants(window, panes) {
                self.emit_window(window, &ahead.group.behind, out)?;
            }
            let totals = &mut ahead.group.behind;
            if self.store.pane(&self.id, window - panes + 1, &mut self.pane)? {
                totals.leave(of, &self.pane.totals);
            }
            if plan.has_distinct() {
                self.members.look_ahead(&self.store, &self.id, window, totals)?;
            }
            ahead.group.due = window + 1;
            if totals.rows == 0 {
                let next = ahead.panes.partition_point(|pane| *pane <= window);
                match ahead.panes.get(next) {
                    Some(pane) => ahead.group.due = *pane,
                    None => return Ok(true),
                }
            }
        }
    }
}
