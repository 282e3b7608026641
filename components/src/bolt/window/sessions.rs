//! Sessions: runs of panes between whose rows there is less than the gap.
//!
//! A pane is as long as the gap, so its rows are of one session, and a row only ever changes its
//! own pane, in whatever order rows come. What belongs together is seen when a session is emitted.

use std::collections::HashSet;

use squall_framework::{Output, Result, Value, ValueRef};

use super::{
    agenda::Agenda, flush::Visited, keys::Key, members::Member, sketch::Sketch, task::Task,
    totals::Totals,
};

/// A session of the group in hand.
#[derive(Debug)]
pub(super) struct Session {
    /// Its first pane and its last one.
    panes: (i64, i64),
    start: i64,
    end: i64,
    totals: Totals,
    /// Beginnings under which it, or what became part of it, was emitted before.
    shown: Vec<i64>,
}

impl Task {
    /// Emits the sessions of the group in hand that are over.
    pub(super) fn close_sessions(&mut self, gap: i64, out: &mut Output) -> Result<Visited> {
        if !self.store.group(&self.id, &mut self.group)? {
            return Ok(Visited::Gone);
        }
        let mut next = Agenda::open(&self.store, &self.id)?.first()?;
        while let Some(pane) = next {
            let session = self.session(pane, gap)?;
            if session.end > self.watermark.now() {
                return Ok(Visited::Until(session.end));
            }
            if self.is_enough() {
                return Ok(Visited::Unfinished);
            }
            self.emit_session(&session, out)?;
            for pane in session.panes.0..=session.panes.1 {
                self.forget_pane(pane)?;
                self.forget_members(pane)?;
            }
            next = self.pass(session.panes.1)?;
        }
        self.store.state().delete(Key::Group(&self.id))?;
        Ok(Visited::Gone)
    }

    /// Emits the open sessions of the group in hand with any of the panes that are wanted, or all;
    /// gives the pane to go on with if that is enough for now.
    pub(super) fn emit_open_sessions(
        &mut self,
        gap: i64,
        from: i64,
        wanted: Option<&[i64]>,
        out: &mut Output,
    ) -> Result<Option<i64>> {
        if !self.store.group(&self.id, &mut self.group)? {
            return Ok(None);
        }
        let mut done = i64::MIN;
        for pane in Agenda::open(&self.store, &self.id)?.all()? {
            if pane < from || pane <= done {
                continue;
            }
            if self.is_enough() {
                return Ok(Some(pane));
            }
            let session = self.session(pane, gap)?;
            let (first, last) = session.panes;
            done = last;
            if wanted.is_none_or(|wanted| wanted.iter().any(|pane| (first..=last).contains(pane))) {
                self.emit_session(&session, out)?;
                self.show(&session)?;
            }
        }
        Ok(None)
    }

    /// The session that begins with a pane.
    fn session(&mut self, first: i64, gap: i64) -> Result<Session> {
        let mut session = Session {
            panes: (first, first),
            start: i64::MAX,
            end: i64::MIN,
            totals: Totals::new(&self.plan.aggregates),
            shown: Vec::new(),
        };
        let mut pane = first;
        while self.store.pane(&self.id, pane, &mut self.pane)? {
            let Some(span) = self.pane.span else { break };
            if pane > first && span.first >= session.end {
                break;
            }
            session.panes.1 = pane;
            session.start = session.start.min(span.first);
            session.end = span.last.saturating_add(gap);
            session.shown.extend(span.shown);
            session.totals.enter(&self.plan.aggregates, &self.pane.totals);
            pane += 1;
        }
        Ok(session)
    }

    /// Emits a session, and takes back what was emitted under beginnings that it no longer has.
    fn emit_session(&mut self, session: &Session, out: &mut Output) -> Result<()> {
        for shown in session.shown.iter().filter(|shown| **shown != session.start) {
            let nothing: Vec<_> = (self.plan.aggregates.iter())
                .map(|of| Sketch::of(of).result().unwrap_or_else(|| of.nothing().result(of)))
                .collect();
            self.emit(&[ValueRef::Timestamp(*shown); 2], &nothing, out)?;
        }
        let (first, last) = session.panes;
        let mut results = self.results(&session.totals, first..=last)?;
        for (aggregate, distinct) in self.distinct(first, last)?.into_iter().enumerate() {
            if self.plan.aggregates[aggregate].is_distinct() {
                results[aggregate] = Value::Int(distinct as i64);
            }
        }
        let borders = [ValueRef::Timestamp(session.start), ValueRef::Timestamp(session.end)];
        self.emit(&borders, &results, out)
    }

    /// How many distinct values each aggregate has in these panes.
    fn distinct(&mut self, first: i64, last: i64) -> Result<Vec<usize>> {
        let mut values = vec![HashSet::new(); self.plan.aggregates.len()];
        if self.plan.has_distinct() {
            for pane in first..=last {
                for (aggregate, value) in self.members.listed(&self.store, &self.id, pane)? {
                    if let Some(values) = values.get_mut(aggregate) {
                        values.insert(value);
                    }
                }
            }
        }
        Ok(values.iter().map(HashSet::len).collect())
    }

    fn forget_members(&mut self, pane: i64) -> Result<()> {
        if !self.plan.has_distinct() {
            return Ok(());
        }
        for (aggregate, value) in self.members.listed(&self.store, &self.id, pane)? {
            let member = Member { group: &self.id, aggregate, value: &value };
            self.store.state().delete(member.key(pane))?;
        }
        self.members.forget(&self.store, &self.id, pane)
    }

    /// Notes under which beginning a session was emitted.
    fn show(&mut self, session: &Session) -> Result<()> {
        if session.shown == [session.start] {
            return Ok(());
        }
        for number in session.panes.0..=session.panes.1 {
            let shown = (number == session.panes.0).then_some(session.start);
            self.store.pane(&self.id, number, &mut self.pane)?;
            if let Some(span) = &mut self.pane.span
                && span.shown != shown
            {
                span.shown = shown;
                self.store.put_pane(&self.id, number, &self.pane)?;
            }
        }
        Ok(())
    }
}
