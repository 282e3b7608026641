//! The end of an epoch: windows that are over are closed, those that have changed are emitted, and
//! at the end of the input all that are open. Some thousand rows at a time.

use squall_framework::{Flush, Output, Result};

use super::{ahead::Ahead, groups, shape::Shape, task::Task};

/// A call of `flush` emits about so many rows.
const ENOUGH: usize = 4_096;

/// What a flush has still to do.
#[derive(Debug)]
pub(super) struct Flushing {
    stage: Stage,
    /// The place in hand.
    visit: Option<Visit>,
    /// Places to visit, the next one last.
    places: Vec<Visit>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// Windows that are over.
    Close,
    /// Windows that have changed.
    Changed,
    /// Open windows, for the input has ended.
    Open,
}

/// A visit to a place.
#[derive(Debug, Default)]
struct Visit {
    place: Vec<u8>,
    /// Its groups, and the one in hand.
    groups: Vec<Vec<u8>>,
    at: usize,
    /// The groups that go on, and the first time at which one is to be visited again.
    go_on: Vec<Vec<u8>>,
    next: Option<i64>,
    /// The panes whose windows are wanted; all if there is nothing.
    wanted: Option<Vec<i64>>,
    /// How far the group in hand has been looked at.
    ahead: Option<Ahead>,
    from: Option<i64>,
}

/// What came of a visit to a group whose windows were to be closed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Visited {
    /// It has no rows any more.
    Gone,
    /// The next of its windows is over then.
    Until(i64),
    /// There is more to close, but it was enough for now.
    Unfinished,
}

impl Task {
    /// Does what is due, some thousand rows at a time.
    pub(super) fn flush(&mut self, out: &mut Output) -> Result<Flush> {
        self.emitted = 0;
        let mut work = match self.flushing.take() {
            Some(work) => work,
            None => {
                self.take_watermark()?;
                Flushing { stage: Stage::Close, visit: None, places: Vec::new() }
            }
        };
        while !self.is_enough() {
            if self.step(&mut work, out)? {
                self.remember()?;
                return Ok(Flush::Done);
            }
        }
        self.flushing = Some(work);
        Ok(Flush::More)
    }

    /// Whether this call has emitted enough.
    pub(super) fn is_enough(&self) -> bool {
        self.emitted >= ENOUGH
    }

    /// Works on the next group; true when there is none.
    fn step(&mut self, work: &mut Flushing, out: &mut Output) -> Result<bool> {
        let Some(mut visit) = self.next_visit(work)? else {
            return self.next_stage(work, out.is_last());
        };
        self.store.state().turn_to(&visit.place);
        if let Some(group) = visit.groups.get(visit.at) {
            self.id.clone_from(group);
            let done = match work.stage {
                Stage::Close => self.close_due(&mut visit, out)?,
                Stage::Changed | Stage::Open => self.emit_open(&mut visit, out)?,
            };
            visit.at += usize::from(done);
            work.visit = Some(visit);
        } else if work.stage == Stage::Close {
            self.leave(&visit)?;
        }
        Ok(false)
    }

    fn next_visit(&mut self, work: &mut Flushing) -> Result<Option<Visit>> {
        if let Some(visit) = work.visit.take() {
            return Ok(Some(visit));
        }
        if work.stage != Stage::Close {
            return Ok(work.places.pop());
        }
        let state = self.store.state();
        match state.next_due(self.watermark.now())? {
            Some(_) => {
                self.busy = true;
                self.visit_here().map(Some)
            }
            None => Ok(None),
        }
    }

    /// A visit to all groups of the place in hand.
    fn visit_here(&self) -> Result<Visit> {
        let place = self.store.state().place();
        let several = !self.plan.further.is_empty();
        let groups = if several { groups::all(&self.store)? } else { vec![Vec::new()] };
        Ok(Visit { place, groups, ..Visit::default() })
    }

    /// Goes on to the next stage; true when there is none.
    fn next_stage(&mut self, work: &mut Flushing, last: bool) -> Result<bool> {
        // At the end of the input all open windows are emitted, those that have changed with them.
        // One without an end is not among them: it is emitted when it has changed.
        let all = last && self.plan.shape != Shape::Endless;
        work.stage = match work.stage {
            Stage::Close if all => Stage::Open,
            Stage::Close => Stage::Changed,
            Stage::Changed | Stage::Open => return Ok(true),
        };
        let touched = std::mem::take(&mut self.touched);
        if all {
            work.places = self.all_places()?;
        } else {
            work.places.extend(touched.into_iter().map(|((place, group), wanted)| Visit {
                place,
                groups: vec![group],
                wanted: Some(wanted),
                ..Visit::default()
            }));
        }
        Ok(false)
    }

    /// Every place with an open window has a timer, which is where it was in the end.
    fn all_places(&mut self) -> Result<Vec<Visit>> {
        let state = self.store.state().clone();
        let mut places = Vec::new();
        while let Some(at) = state.next_due(i64::MAX)? {
            places.push((at, self.visit_here()?));
        }
        for (at, visit) in &places {
            state.turn_to(&visit.place);
            state.set_timer(Some(*at))?;
        }
        self.busy |= !places.is_empty();
        Ok(places.into_iter().rev().map(|(_, visit)| visit).collect())
    }

    /// Closes what is over of the group in hand; false if there is more.
    fn close_due(&mut self, visit: &mut Visit, out: &mut Output) -> Result<bool> {
        let visited = match self.plan.shape {
            Shape::Sessions { gap } => self.close_sessions(gap, out)?,
            _ => self.close_windows(out)?,
        };
        match visited {
            Visited::Unfinished => return Ok(false),
            Visited::Gone => {}
            Visited::Until(at) => {
                visit.next = Some(visit.next.map_or(at, |next| next.min(at)));
                visit.go_on.push(self.id.clone());
            }
        }
        Ok(true)
    }

    /// Leaves a place whose windows have been closed.
    fn leave(&mut self, visit: &Visit) -> Result<()> {
        if !self.plan.further.is_empty() && visit.go_on.len() < visit.groups.len() {
            groups::replace(&mut self.store, &visit.go_on)?;
        }
        self.store.state().set_timer(visit.next)
    }

    /// Emits what is open of the group in hand; false if there is more.
    fn emit_open(&mut self, visit: &mut Visit, out: &mut Output) -> Result<bool> {
        if let Shape::Sessions { gap } = self.plan.shape {
            let from = visit.from.take().unwrap_or(i64::MIN);
            visit.from = self.emit_open_sessions(gap, from, visit.wanted.as_deref(), out)?;
            return Ok(visit.from.is_none());
        }
        if visit.ahead.is_none() {
            visit.ahead = self.look_ahead(visit.wanted.take())?;
        }
        let Some(ahead) = &mut visit.ahead else { return Ok(true) };
        let done = self.emit_ahead(ahead, out)?;
        if done {
            visit.ahead = None;
        }
        Ok(done)
    }
}
