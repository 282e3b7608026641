//! A pane: the rows between two neighbouring borders of windows, so that a row is taken in once,
//! however many windows it is in. The panes of sessions are as long as their gap, so that all rows
//! of a pane are of one session.

use squall_framework::Result;

use super::{
    aggregate::Aggregate,
    codec::{self, Reader},
    totals::Totals,
};

/// What the state keeps of a pane of a group.
#[derive(Debug, Clone)]
pub(super) struct Pane {
    pub(super) totals: Totals,
    /// For sessions.
    pub(super) span: Option<Span>,
}

/// When the rows of a session's pane happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Span {
    pub(super) first: i64,
    pub(super) last: i64,
    /// The beginning under which its session was emitted, if it was and this is its first pane.
    pub(super) shown: Option<i64>,
}

impl Span {
    const NOTHING: Span = Span { first: i64::MAX, last: i64::MIN, shown: None };
}

impl Pane {
    pub(super) fn new(of: &[Aggregate], sessions: bool) -> Self {
        Self { totals: Totals::new(of), span: sessions.then_some(Span::NOTHING) }
    }

    pub(super) fn clear(&mut self) {
        self.totals.clear();
        if self.span.is_some() {
            self.span = Some(Span::NOTHING);
        }
    }

    pub(super) fn encode(&self, to: &mut Vec<u8>) {
        if let Some(span) = self.span {
            codec::signed(span.first, to);
            codec::signed(span.last, to);
            to.push(u8::from(span.shown.is_some()));
            span.shown.iter().for_each(|shown| codec::signed(*shown, to));
        }
        self.totals.encode(to);
    }

    pub(super) fn decode(&mut self, from: &mut Reader<'_>) -> Result<()> {
        if let Some(span) = &mut self.span {
            let (first, last) = (from.signed()?, from.signed()?);
            let shown = if from.byte()? == 0 { None } else { Some(from.signed()?) };
            *span = Span { first, last, shown };
        }
        self.totals.decode(from)
    }
}
