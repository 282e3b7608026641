//! The coordinator: opens an epoch, ends it, and hands it to the committer.
//!
//! It does nothing by itself: `step` is called again and again with the time, looks how far the
//! tasks are and tells them what is next. So it runs in a thread beside the tasks as well as in a
//! simulation.

use std::{sync::Arc, time::Duration};

use super::{frozen::Frozen, line::Line, steps::reached};

/// The tasks of a topology, as the coordinator sees them.
pub(crate) trait Tasks {
    /// Lets the spouts hand out up to `messages` messages of this epoch.
    fn open(&mut self, epoch: u64, messages: u64);

    /// Shuts the spouts.
    fn shut(&mut self);

    /// Whether the spouts are shut and every message that they handed out is done.
    fn is_drained(&mut self) -> bool;

    /// How many messages were handed out since `open`, and about how many bytes the epoch holds.
    fn taken(&mut self) -> (u64, u64);

    /// Asks the bolts of a component, by its place in topological order, for what they hold back.
    fn fire(&mut self, component: usize, last: bool);

    /// How many components there are to fire.
    fn components(&self) -> usize;

    /// Whether all that was fired has been worked on.
    fn is_quiet(&mut self) -> bool;

    /// Asks all tasks for what the epoch leaves; from then on they work for the next one.
    fn cut(&mut self, next: u64);

    /// What the epoch leaves, when every task has answered.
    fn collected(&mut self) -> Option<Frozen>;

    /// Why the epoch in hand must be given up, since the last time this was asked.
    fn fallen(&mut self) -> Option<String>;

    /// Has all tasks drop what they have.
    fn halt(&mut self);

    /// Whether all have.
    fn is_halted(&mut self) -> bool;

    /// Has the sources go back and all tasks begin anew with this epoch, as of the last commit.
    fn reset(&mut self, epoch: u64) -> Result<(), String>;
}

/// When epochs end.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limits {
    /// After this long.
    pub(crate) interval: Duration,
    /// Or with so many messages.
    pub(crate) messages: u64,
    /// Or with so many bytes of rows and changes.
    pub(crate) bytes: u64,
    /// When so many messages have failed since one was last done, in this epoch and those before,
    /// the epoch is not committed: everything fails, and nothing more is buried.
    pub(crate) stall_after: u64,
}

/// What the coordinator is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Phase {
    /// No epoch is in hand.
    Closed,
    /// The spouts hand out messages.
    Open,
    /// The spouts are shut and wait for the commit before.
    Full,
    /// The spouts are shut, the tuples on their way are worked on.
    Draining,
    /// The component of this number emits what it held back.
    Firing(usize),
    /// The tasks hand over what the epoch leaves.
    Cutting,
    /// The epoch is to be given up, once it is known what becomes of the commit in hand.
    Failed,
    /// The tasks drop what they have.
    Halting,
    /// Waits before it begins anew.
    Pausing,
    /// The last epoch is with the committer.
    Ending,
    /// It is over.
    Ended,
}

/// When to call again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Next {
    /// At once.
    Now,
    /// Very soon: tasks are about to answer.
    Soon,
    /// At this time, or when something happens.
    At(Duration),
    /// Never; with the reason, if it was not asked to end.
    Ended(Option<String>),
}

/// How often an idle epoch looks whether anything is due.
const LOOK: Duration = Duration::from_millis(5);
const FIRST_PAUSE: Duration = Duration::from_millis(20);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// Ends epochs.
pub(crate) struct Coordinator {
    limits: Limits,
    line: Arc<Line>,
    phase: Phase,
    epoch: u64,
    opened: Duration,
    sealed: Duration,
    /// From the seal to the next opening, the last time.
    pub(crate) drain: Duration,
    /// Fewer messages than the limit: something in the epoch kills the process.
    pub(crate) budget: Option<u64>,
    /// Asked to end: whether the input has ended.
    finish: Option<bool>,
    /// What `finish` was when the epoch in hand was sealed: all its bolts are told the same.
    ending: Option<bool>,
    /// Asked to end the epoch in hand, by the number of the request; the request that the epoch
    /// under seal answers; and the last one that an epoch has answered.
    requested: u64,
    sealed_for: u64,
    pub(crate) answered: u64,
    /// Messages that became dead letters since one was last done.
    failed: u64,
    /// So many messages were in the epoch that was given up and have not been handed out again.
    owed: u64,
    pause: Duration,
    pause_until: Duration,
    /// How often epochs were given up.
    pub(crate) rollbacks: u64,
    /// Why nothing goes on: everything fails.
    pub(crate) stalled: Option<String>,
    /// Why the last epoch was given up.
    pub(crate) reason: Option<String>,
}

impl Coordinator {
    /// The first epoch that it opens is `epoch`.
    pub(crate) fn new(limits: Limits, line: Arc<Line>, epoch: u64) -> Self {
        Coordinator {
            limits,
            line,
            phase: Phase::Closed,
            epoch,
            opened: Duration::ZERO,
            sealed: Duration::ZERO,
            drain: Duration::ZERO,
            budget: None,
            finish: None,
            ending: None,
            requested: 0,
            sealed_for: 0,
            answered: 0,
            failed: 0,
            owed: 0,
            pause: FIRST_PAUSE,
            pause_until: Duration::ZERO,
            rollbacks: 0,
            stalled: None,
            reason: None,
        }
    }

    /// The epoch in hand.
    pub(crate) fn epoch(&self) -> u64 {
        self.epoch
    }

    /// What it is doing.
    pub(crate) fn phase(&self) -> Phase {
        self.phase
    }

    /// Whether the epoch in hand has nothing in it, as far as the coordinator knows: no messages of
    /// one that was given up are still to come again.
    pub(crate) fn is_idle(&self) -> bool {
        self.phase == Phase::Open && self.owed == 0
    }

    /// Ends the epoch in hand, commits it, and ends. `last` says that the input has ended.
    pub(crate) fn finish(&mut self, last: bool) {
        self.finish = Some(last);
    }

    /// Ends the epoch in hand, commits it, and goes on; for a request of this number, which an epoch
    /// that is given up does not answer.
    pub(crate) fn commit(&mut self, request: u64) {
        self.requested = request;
    }

    /// Does what there is to do at this time.
    pub(crate) fn step(&mut self, tasks: &mut impl Tasks, now: Duration) -> Next {
        if self.phase != Phase::Ended
            && let Some(reason) = self.line.ended()
        {
            tasks.shut();
            self.phase = Phase::Ended;
            return Next::Ended(Some(reason));
        }
        if !matches!(self.phase, Phase::Failed | Phase::Halting | Phase::Pausing | Phase::Ended)
            && let Some(reason) = tasks.fallen()
        {
            self.fail(tasks, reason);
            return Next::Now;
        }
        match self.phase {
            // While something is looked for that kills the process, an epoch has to stand alone:
            // otherwise a message of the next one kills the process before this one is committed,
            // and this one is suspected.
            Phase::Closed => match self.budget.is_none() || self.line.is_free() {
                true => self.open(tasks, now),
                false => Next::At(now + LOOK),
            },
            Phase::Open => self.watch(tasks, now),
            Phase::Full => match self.line.is_free() {
                true => self.seal(tasks, now),
                false => Next::At(now + LOOK),
            },
            Phase::Draining => match tasks.is_drained() {
                true => self.fire(tasks, 0),
                false => Next::Soon,
            },
            Phase::Firing(component) => match tasks.is_quiet() {
                true => self.fire(tasks, component + 1),
                false => Next::Soon,
            },
            Phase::Cutting => match tasks.collected() {
                Some(frozen) => self.hand_over(tasks, frozen, now),
                None => Next::Soon,
            },
            Phase::Failed => match self.line.is_free() {
                true => {
                    tasks.halt();
                    self.phase = Phase::Halting;
                    Next::Now
                }
                false => Next::At(now + LOOK),
            },
            Phase::Halting => match tasks.is_halted() {
                true => {
                    self.pause_until = now + self.pause;
                    self.pause = (self.pause * 2).min(LONGEST_PAUSE);
                    self.phase = Phase::Pausing;
                    Next::At(self.pause_until)
                }
                false => Next::Soon,
            },
            Phase::Pausing => self.begin_anew(tasks, now),
            Phase::Ending => match self.line.is_free() {
                true => {
                    self.phase = Phase::Ended;
                    Next::Ended(None)
                }
                false => Next::At(now + LOOK),
            },
            Phase::Ended => Next::Ended(self.line.ended()),
        }
    }

    fn open(&mut self, tasks: &mut impl Tasks, now: Duration) -> Next {
        reached("epoch.open");
        // While everything fails a few messages are enough to see whether it still does.
        let probe = self.stalled.as_ref().map(|_| self.limits.stall_after);
        let messages = [self.budget, probe].into_iter().flatten().min();
        tasks.open(self.epoch, messages.unwrap_or(self.limits.messages).min(self.limits.messages));
        self.opened = now;
        self.phase = Phase::Open;
        Next::At(now + LOOK)
    }

    fn watch(&mut self, tasks: &mut impl Tasks, now: Duration) -> Next {
        let (messages, bytes) = tasks.taken();
        let most = self.budget.unwrap_or(self.limits.messages).min(self.limits.messages);
        let full = messages >= most || bytes >= self.limits.bytes;
        // The pauses for commits must not take more than a tenth of the time.
        let interval = self.limits.interval.max(self.drain * 10);
        if messages >= self.owed {
            self.owed = 0;
        }
        // What was in hand when the epoch was given up is not left behind at the end.
        let ends = self.finish.is_some() && self.owed == 0;
        let asked = ends || self.requested > self.answered;
        let due = now >= self.opened + interval || full || asked;
        if due && self.line.is_free() {
            return self.seal(tasks, now);
        }
        if full {
            // What is kept in memory has its bounds: the spouts wait for the store.
            tasks.shut();
            self.phase = Phase::Full;
        }
        Next::At((self.opened + interval).max(now + LOOK / 5).min(now + LOOK))
    }

    fn seal(&mut self, tasks: &mut impl Tasks, now: Duration) -> Next {
        reached("epoch.seal");
        tasks.shut();
        self.sealed = now;
        self.ending = self.finish;
        self.sealed_for = self.requested;
        self.phase = Phase::Draining;
        Next::Soon
    }

    fn fire(&mut self, tasks: &mut impl Tasks, component: usize) -> Next {
        if component < tasks.components() {
            reached("epoch.fire");
            tasks.fire(component, self.ending == Some(true));
            self.phase = Phase::Firing(component);
        } else {
            reached("epoch.cut");
            tasks.cut(self.epoch + 1);
            self.phase = Phase::Cutting;
        }
        Next::Soon
    }

    fn hand_over(&mut self, tasks: &mut impl Tasks, mut frozen: Frozen, now: Duration) -> Next {
        let failed = if frozen.done > 0 { 0 } else { self.failed + frozen.failed };
        if frozen.failed > 0 && failed >= self.limits.stall_after {
            let reason = frozen.reason.unwrap_or_else(|| "every message fails".to_owned());
            if self.stalled.is_none() {
                tracing::warn!(
                    reason,
                    "stalled: every message fails; none becomes a dead letter while this lasts"
                );
            }
            self.stalled = Some(reason.clone());
            self.fail(tasks, reason);
            return Next::Now;
        }
        self.failed = failed;
        if frozen.done + frozen.failed > 0 {
            self.stalled = None;
        }
        self.owed = self.owed.saturating_sub(tasks.taken().0);
        self.drain = now - self.sealed;
        self.answered = self.sealed_for;
        if !frozen.is_empty() {
            frozen.epoch = self.epoch;
            self.line.submit(frozen);
            self.epoch += 1;
            self.pause = FIRST_PAUSE;
            self.budget = self.budget.and_then(|budget| {
                budget.checked_mul(2).filter(|budget| *budget < self.limits.messages)
            });
        }
        if self.ending.is_some() {
            self.phase = Phase::Ending;
            return Next::Now;
        }
        if self.budget.is_some() {
            self.phase = Phase::Closed;
            return Next::Now;
        }
        self.open(tasks, now)
    }

    fn fail(&mut self, tasks: &mut impl Tasks, reason: String) {
        tracing::warn!(epoch = self.epoch, reason, "the epoch is given up and begun anew");
        tasks.shut();
        self.owed = self.owed.max(tasks.taken().0);
        self.rollbacks += 1;
        self.reason = Some(reason);
        self.phase = Phase::Failed;
    }

    fn begin_anew(&mut self, tasks: &mut impl Tasks, now: Duration) -> Next {
        if now < self.pause_until {
            return Next::At(self.pause_until);
        }
        if let Err(reason) = tasks.reset(self.epoch) {
            self.reason = Some(reason);
            self.pause_until = now + self.pause;
            self.pause = (self.pause * 2).min(LONGEST_PAUSE);
            return Next::At(self.pause_until);
        }
        // What was asked for counts again when the spouts have handed out what they had before.
        self.requested = self.answered;
        self.open(tasks, now)
    }
}
