//! Between the coordinator, which ends epochs, and the committer, which commits them: room for one.
//! Notes for the state folder go the same way, for it belongs to the committer's thread.

use std::time::Duration;

use parking_lot::{Condvar, Mutex};

use super::frozen::Frozen;

/// A small record for the state folder: its name and value.
pub(crate) type Note = (&'static str, String);

/// How the commits are going.
#[derive(Debug, Clone, Default)]
pub(crate) struct Commits {
    /// The last epoch that is committed and settled everywhere.
    pub(crate) committed: u64,
    /// How many there were in this run.
    pub(crate) count: u64,
    /// Rows that they wrote.
    pub(crate) rows: u64,
    /// Rows that the store rejected.
    pub(crate) rejected: u64,
    /// How long the last one took, from its beginning to the store's yes, in microseconds.
    pub(crate) commit_us: u64,
    /// How long the last one took as a whole.
    pub(crate) whole_us: u64,
    /// Why the one in hand waits.
    pub(crate) waiting: Option<String>,
    /// Why there will be no more: this run has to end.
    pub(crate) ended: Option<String>,
}

#[derive(Debug, Default)]
struct State {
    next: Option<Frozen>,
    busy: bool,
    note: Option<Note>,
    noting: bool,
    closed: bool,
    commits: Commits,
}

/// The line to the committer. At most one epoch is in it, waiting or in hand.
#[derive(Debug, Default)]
pub(crate) struct Line {
    state: Mutex<State>,
    changed: Condvar,
}

impl Line {
    /// Whether the committer has nothing to do.
    pub(crate) fn is_free(&self) -> bool {
        let state = self.state.lock();
        state.next.is_none() && !state.busy
    }

    /// Gives the committer an epoch. Only when the line is free.
    pub(crate) fn submit(&self, frozen: Frozen) {
        let mut state = self.state.lock();
        debug_assert!(state.next.is_none() && !state.busy);
        state.next = Some(frozen);
        self.changed.notify_all();
    }

    /// For the committer: the next epoch, if there is one.
    pub(crate) fn take(&self) -> Option<Frozen> {
        let mut state = self.state.lock();
        let next = state.next.take();
        state.busy |= next.is_some();
        next
    }

    /// Asks the committer to write a note.
    pub(crate) fn note(&self, note: Note) {
        self.state.lock().note = Some(note);
        self.changed.notify_all();
    }

    /// Whether every note is on disk.
    pub(crate) fn is_noted(&self) -> bool {
        let state = self.state.lock();
        state.note.is_none() && !state.noting
    }

    /// For the committer: a note that is to be written, if there is one.
    pub(crate) fn take_note(&self) -> Option<Note> {
        let mut state = self.state.lock();
        let note = state.note.take();
        state.noting |= note.is_some();
        note
    }

    /// For the committer: the note is on disk.
    pub(crate) fn noted(&self) {
        self.state.lock().noting = false;
    }

    /// For the committer: waits for something to do. False when there will be nothing more.
    pub(crate) fn wait(&self) -> bool {
        let mut state = self.state.lock();
        while state.next.is_none() && state.note.is_none() {
            if state.closed {
                return false;
            }
            self.changed.wait(&mut state);
        }
        true
    }

    /// For the committer: waits before it tries again. False when it need not try any more.
    pub(crate) fn pause(&self, how_long: Duration) -> bool {
        let mut state = self.state.lock();
        if !state.closed {
            self.changed.wait_for(&mut state, how_long);
        }
        !state.closed
    }

    /// For the committer: the epoch in hand is committed, or given up.
    pub(crate) fn done(&self, tell: impl FnOnce(&mut Commits)) {
        let mut state = self.state.lock();
        state.busy = false;
        tell(&mut state.commits);
    }

    /// For the committer: how it is going.
    pub(crate) fn tell(&self, tell: impl FnOnce(&mut Commits)) {
        tell(&mut self.state.lock().commits);
    }

    /// How it is going.
    pub(crate) fn commits(&self) -> Commits {
        self.state.lock().commits.clone()
    }

    /// Why there will be no more commits.
    pub(crate) fn ended(&self) -> Option<String> {
        self.state.lock().commits.ended.clone()
    }

    /// No more epochs will come; a commit that waits is given up.
    pub(crate) fn close(&self) {
        self.state.lock().closed = true;
        self.changed.notify_all();
    }
}
