//! The committer at its end of the line: takes epochs from it and commits them, a step at a time.

use std::{sync::Arc, time::Duration};

use super::{Committer, Line, Note, Progress};

/// The pause before a note that could not be written is tried again.
const PAUSE: Duration = Duration::from_millis(100);

/// What came of a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Work {
    /// There is a next step.
    Going,
    /// There is nothing to do until the line has something.
    Idle,
    /// The step is to be tried again after this pause.
    Wait(Duration),
    /// There will be no more commits of this run.
    Over,
}

/// Commits what comes through the line, and writes notes.
pub(crate) struct Clerk {
    committer: Committer,
    line: Arc<Line>,
    /// How many rows the commit in hand has.
    rows: Option<u64>,
    note: Option<Note>,
    /// The first epoch of the run, and a note for the case that it ends in order before that one
    /// is committed.
    pardon: (u64, Note),
}

impl Clerk {
    pub(crate) fn new(committer: Committer, line: Arc<Line>, pardon: (u64, Note)) -> Self {
        Clerk { committer, line, rows: None, note: None, pardon }
    }

    /// Does the next step.
    pub(crate) fn step(&mut self) -> Work {
        if let Some(rows) = self.rows {
            return self.commit(rows);
        }
        if let Some(note) = self.note.take().or_else(|| self.line.take_note()) {
            return self.write(note);
        }
        let Some(frozen) = self.line.take() else { return Work::Idle };
        self.rows = Some(frozen.row_count());
        self.committer.begin(frozen);
        Work::Going
    }

    fn commit(&mut self, rows: u64) -> Work {
        match self.committer.step() {
            Progress::Going => Work::Going,
            Progress::Done => {
                let committer = &self.committer;
                self.line.done(|commits| {
                    commits.committed = committer.epoch();
                    commits.count += 1;
                    commits.rows += rows - committer.rejected.min(rows);
                    commits.rejected += committer.rejected;
                    commits.commit_us = committer.commit_us;
                    commits.whole_us = committer.elapsed_us();
                    commits.waiting = None;
                });
                self.rows = None;
                Work::Going
            }
            Progress::Wait(pause, reason) => {
                tracing::warn!(reason, ?pause, "a commit waits");
                self.line.tell(|commits| commits.waiting = Some(reason));
                Work::Wait(pause)
            }
            Progress::Ended(reason) => {
                self.line.done(|commits| commits.ended = Some(reason));
                Work::Over
            }
        }
    }

    fn write(&mut self, note: Note) -> Work {
        match self.committer.states().put_note(note.0, &note.1) {
            Ok(()) => {
                self.line.noted();
                Work::Going
            }
            Err(error) => {
                tracing::warn!(%error, "a note waits");
                self.note = Some(note);
                Work::Wait(PAUSE)
            }
        }
    }

    /// The run ends in order: nothing has killed it.
    pub(crate) fn end(&mut self) {
        let (first, (name, note)) = &self.pardon;
        if self.committer.epoch() < *first
            && let Err(error) = self.committer.ports.states.put_note(name, note)
        {
            tracing::warn!(%error, "this run counts as one that was killed");
        }
    }
}
