//! The batch that is being filled for one receiving task.

use std::{collections::VecDeque, sync::Arc};

use crate::{
    ack::Source,
    engine::Edge,
    tuple::{Origins, TupleBatch, ValueRef},
};

/// What emitted rows are anchored to: rows of the batch in hand.
#[derive(Debug, Default)]
pub(crate) struct Anchor {
    /// Whether rows have origins at all: acks are on.
    tracked: bool,
    /// The origins of the batch in hand, lent by it while it is worked on.
    pub(crate) origins: Origins,
    row: u32,
    /// The row's one source and its place there, if it has just one: what
    /// nearly every row has.
    one: Option<(u32, u32)>,
    /// Several rows instead of one; empty otherwise.
    rows: Vec<u32>,
    /// Counts calls of `execute`, so that one can be taken back.
    call: u64,
    /// Counts batches, so that targets know when their table of holds is old.
    batch: u64,
}

impl Anchor {
    pub(crate) fn new(tracked: bool) -> Self {
        Anchor { tracked, ..Anchor::default() }
    }

    /// A new batch is in hand.
    pub(crate) fn begin(&mut self, origins: Origins) {
        self.origins = origins;
        self.batch += 1;
        self.call += 1;
        self.rows.clear();
        self.one = None;
    }

    /// The next call works on this row.
    #[inline]
    pub(crate) fn set_row(&mut self, row: usize) {
        self.row = row as u32;
        self.one = self.origins.one(row);
        self.call += 1;
    }

    pub(crate) fn set_rows(&mut self, rows: &[usize]) {
        self.rows.clear();
        self.rows.extend(rows.iter().map(|row| *row as u32));
        self.one = None;
    }

    pub(crate) fn call(&self) -> u64 {
        self.call
    }

    /// A source batch is opened: rows come from its messages.
    pub(crate) fn begin_source(&mut self, source: Source) {
        self.begin(Origins::open(source));
    }

    /// The next row comes from the message at this place of the open source.
    #[inline]
    pub(crate) fn set_place(&mut self, place: usize) {
        self.one = Some((0, place as u32));
    }

    /// The batch is done; gives its origins back.
    pub(crate) fn end(&mut self) -> Origins {
        self.rows.clear();
        self.one = None;
        std::mem::take(&mut self.origins)
    }
}

const NOT_HELD: u32 = u32::MAX;

impl Drop for Target {
    /// What was sent must be noticed, also when the sender gives up.
    fn drop(&mut self) {
        if self.untold {
            self.edge.notify();
        }
    }
}

/// One receiving task: the batch that is being filled for it, and full ones
/// that its edge has no credit for.
#[derive(Debug)]
pub(crate) struct Target {
    pub(crate) edge: Arc<Edge>,
    batch: TupleBatch,
    waiting: VecDeque<TupleBatch>,
    /// Whether the edge had no credit when it was tried last.
    refused: bool,
    /// Whether batches were sent of which the receiver has not been told.
    untold: bool,
    /// For each source of the batch in hand its index in `batch`.
    held: Vec<u32>,
    held_for: u64,
    /// The source asked for last and its index, while `held_for` stands.
    last: (u32, u32),
    /// Where the call in hand began to emit into `batch`.
    mark: usize,
    mark_waiting: usize,
    mark_call: u64,
}

impl Target {
    pub(crate) fn new(edge: Arc<Edge>, batch: TupleBatch) -> Self {
        Target {
            edge,
            batch,
            waiting: VecDeque::new(),
            refused: false,
            untold: false,
            held: Vec::new(),
            held_for: 0,
            last: (NOT_HELD, NOT_HELD),
            mark: 0,
            mark_waiting: 0,
            mark_call: 0,
        }
    }

    #[inline]
    pub(crate) fn push(&mut self, row: &[ValueRef<'_>], anchor: &Anchor) {
        if self.mark_call != anchor.call {
            self.begin_call(anchor.call);
        }
        self.push_origin(anchor);
        self.batch.push(row);
        if self.batch.is_full() {
            self.set_aside();
        }
    }

    /// What the call before has filled may leave now: it will not be taken back.
    #[inline]
    fn begin_call(&mut self, call: u64) {
        if !self.waiting.is_empty() && !self.refused {
            self.unblock();
        }
        self.mark_call = call;
        self.mark = self.batch.len();
        self.mark_waiting = self.waiting.len();
    }

    #[inline]
    fn push_origin(&mut self, anchor: &Anchor) {
        if let Some((source, place)) = anchor.one {
            let index = if self.held_for == anchor.batch && self.last.0 == source {
                self.last.1
            } else {
                self.hold(source, anchor)
            };
            self.batch.origins.push(index, place);
        } else if anchor.tracked {
            self.push_list(anchor);
        }
    }

    /// The row comes from several messages, or from none: a tick's or a flush's.
    #[cold]
    fn push_list(&mut self, anchor: &Anchor) {
        let one = [anchor.row];
        let rows = if anchor.rows.is_empty() { &one[..] } else { &anchor.rows };
        let mut list = Vec::with_capacity(rows.len());
        for row in rows {
            for (source, place) in anchor.origins.of(*row as usize) {
                list.push(Origins::pack(self.hold(source, anchor), place));
            }
        }
        self.batch.origins.push_list(list);
    }

    /// The index in `batch` of a source of the batch in hand.
    fn hold(&mut self, source: u32, anchor: &Anchor) -> u32 {
        if self.held_for != anchor.batch {
            self.held_for = anchor.batch;
            self.held.clear();
            self.held.resize(anchor.origins.sources(), NOT_HELD);
        }
        let mut index = self.held[source as usize];
        if index == NOT_HELD {
            index = self.batch.origins.hold(anchor.origins.source(source));
            self.held[source as usize] = index;
        }
        self.last = (source, index);
        index
    }

    /// Lets the batch wait for the end of the call, behind those that already do.
    fn set_aside(&mut self) {
        let next = TupleBatch::new(self.batch.schema().clone(), 0);
        let full = std::mem::replace(&mut self.batch, next);
        self.held_for = 0;
        self.waiting.push_back(full);
    }

    /// False when the edge has no credit and the batch waits, first in line.
    fn send(&mut self, batch: TupleBatch) -> bool {
        match self.edge.send(batch) {
            Ok(untold) => {
                self.untold = untold;
                true
            }
            Err(batch) => {
                self.refused = true;
                self.waiting.push_front(batch);
                false
            }
        }
    }

    /// Sends a batch that is not full, and tells the receiver. A batch behind
    /// others that wait may as well be filled further.
    pub(crate) fn flush(&mut self) {
        // Between calls: nothing of what is here can be taken back any more.
        self.mark_call = 0;
        if self.unblock() && !self.batch.is_empty() {
            self.set_aside();
            self.unblock();
        }
        if self.untold {
            self.untold = false;
            self.edge.notify();
        }
    }

    /// Sends what waits as far as the credits go. True when nothing is left.
    pub(crate) fn unblock(&mut self) -> bool {
        self.refused = false;
        while let Some(batch) = self.waiting.pop_front() {
            if !self.send(batch) {
                return false;
            }
        }
        true
    }

    /// Whether nothing was put in since the last batch left.
    #[inline]
    pub(super) fn is_fresh(&self) -> bool {
        self.batch.is_empty()
    }

    pub(crate) fn touch(&self, now_ms: u64) {
        for batch in self.waiting.iter().chain([&self.batch]) {
            batch.origins.progress(now_ms);
        }
    }

    pub(crate) fn is_blocked(&self) -> bool {
        !self.waiting.is_empty()
    }

    /// Drops what has not been sent, which fails its rows.
    pub(crate) fn drop_all(&mut self) {
        self.waiting.clear();
        let next = TupleBatch::new(self.batch.schema().clone(), 0);
        self.batch = next;
        (self.held_for, self.mark_call, self.refused) = (0, 0, false);
    }

    pub(crate) fn roll_back(&mut self, call: u64) {
        if self.mark_call == call {
            // The first that was set aside in this call began with rows of calls before.
            let mut aside = self.waiting.drain(self.mark_waiting..);
            if let Some(first) = aside.next() {
                let mut taken_back = std::mem::replace(&mut self.batch, first);
                taken_back.recycle();
                aside.for_each(|mut batch| batch.recycle());
                self.held_for = 0;
            } else {
                drop(aside);
            }
            self.batch.truncate(self.mark);
            if self.batch.is_empty() {
                // An empty batch is not sent: it must not hold anything.
                self.batch.recycle();
                self.held_for = 0;
            }
        }
    }
}
