//! The task of a bolt.

mod epochs;

use std::{
    collections::VecDeque,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Arc,
        atomic::Ordering::{Relaxed, SeqCst},
    },
    task::{Context, Poll},
};

use super::{
    Fallen, Reports, TURN_BATCHES, TURN_NS, Turn,
    call::{Call, Returned},
    discard, panic_text,
    patience::Patience,
};
use crate::{
    ack::{Failure, FailureKind},
    component::{AnyBolt, Bolt, BoltFactory, Flush, TaskContext},
    engine::{
        clock::now_ns,
        edge::{Delivery, Inbox},
        epochs::BoltEpochs,
        slot::{Slot, TaskStatus},
    },
    output::Output,
    tuple::TupleBatch,
};

/// Where a row takes longer than this many nanoseconds, the clock may be read
/// for each.
const SLOW_ROW_NS: u64 = 20_000;

/// A bolt at work: takes batches from its inbox and never waits for a
/// particular one; takes nothing while something of its output is blocked.
pub(crate) struct BoltTask {
    slot: Arc<Slot>,
    context: TaskContext,
    factory: BoltFactory,
    reports: Reports,
    /// `None` while a call has it or after a panic.
    bolt: Option<AnyBolt>,
    out: Option<Output>,
    make_output: Box<dyn Fn() -> Output>,
    call: Option<Call>,
    /// A call that takes longer than this many nanoseconds is given up.
    call_limit_ns: u64,
    /// Taken from the inbox and not yet worked on.
    hand: VecDeque<Delivery>,
    /// The bolt has emitted all that it was asked for and nobody knows yet.
    flushed: bool,
    /// When the sources of all that waits here were last told that the task
    /// gets on, in nanoseconds of the engine's clock.
    touched_ns: u64,
    /// The time of a row in the batch before; unknown is slow.
    row_ns: u64,
    /// What outputs before this one have emitted.
    emitted_before: u64,
    /// Deliveries that are worked on.
    finished: u64,
    counts: Counts,
    /// In a topology that runs in epochs.
    pub(super) epochs: Option<BoltEpochs>,
    /// In epochs: what is first in the hand is tried again in its place.
    pub(super) patience: Patience,
}

/// What one turn adds to the statistics.
#[derive(Default)]
struct Counts {
    executed: u64,
    failed: u64,
    busy_ns: u64,
    last_error: Option<String>,
}

impl BoltTask {
    pub(crate) fn new(
        slot: Arc<Slot>,
        context: TaskContext,
        factory: BoltFactory,
        reports: Reports,
        make_output: Box<dyn Fn() -> Output>,
        call_limit_ns: u64,
        (epochs, patience): (Option<BoltEpochs>, Patience),
    ) -> Self {
        let out = Some(make_output());
        BoltTask {
            slot,
            context,
            factory,
            reports,
            bolt: None,
            out,
            make_output,
            call: None,
            call_limit_ns,
            hand: VecDeque::new(),
            flushed: false,
            touched_ns: 0,
            row_ns: u64::MAX,
            emitted_before: 0,
            finished: 0,
            counts: Counts::default(),
            epochs,
            patience,
        }
    }

    /// Makes the bolt from its factory and prepares it.
    pub(crate) fn build(&mut self) {
        // One that was halted is built when it is reset: with the state as of the last commit.
        let halted = self.epochs.as_ref().is_some_and(|epochs| epochs.halted);
        if self.bolt.is_some() || self.call.is_some() || halted {
            return;
        }
        self.slot.busy_since.store(now_ns(), Relaxed);
        let built = catch_unwind(AssertUnwindSafe(|| {
            let mut bolt = (self.factory)()?;
            if let Some(epochs) = &mut self.epochs {
                self.context.collector = Some(epochs.collector.clone());
                if bolt.stateful() {
                    self.context.state = Some(epochs.open_state()?);
                }
            }
            bolt.prepare(&self.context)?;
            Ok::<_, crate::Error>(bolt)
        }));
        self.slot.busy_since.store(0, Relaxed);
        match built {
            Ok(Ok(bolt)) => {
                self.bolt = Some(bolt);
                self.slot.set_status(TaskStatus::Running);
            }
            Ok(Err(error)) => self.fall(false, format!("prepare: {error}"), false),
            Err(panic) => self.fall(true, format!("prepare: {}", panic_text(&*panic)), false),
        }
    }

    /// The bolt is gone; the supervisor says when to build it again. `lost` says that something of
    /// the epoch in hand is gone with it, so that the epoch has to begin anew.
    fn fall(&mut self, panicked: bool, reason: String, lost: bool) {
        discard(self.bolt.take());
        self.slot.set_error(reason.clone());
        self.slot.set_status(TaskStatus::Restarting(reason.clone()));
        // The supervisor is gone only when the engine is being dropped.
        let lost = lost && self.epochs.is_some();
        let _ = self.reports.send(Fallen { task: self.slot.id, panicked, reason, lost });
    }

    pub(crate) fn close(&mut self) {
        if let Some(bolt) = &mut self.bolt
            && let Err(panic) = catch_unwind(AssertUnwindSafe(|| bolt.close()))
        {
            self.slot.set_error(format!("close: {}", panic_text(&*panic)));
        }
        discard(self.bolt.take());
        discard(self.call.take());
        self.slot.set_status(TaskStatus::Stopped);
    }

    pub(crate) fn turn(&mut self, cx: &mut Context<'_>) -> Turn {
        let turn = self.work(cx);
        // Whatever ended the turn, nothing waits here for the next one.
        if let Some(out) = &mut self.out {
            out.flush();
        }
        self.publish();
        turn
    }

    fn work(&mut self, cx: &mut Context<'_>) -> Turn {
        let start = now_ns();
        let in_epochs = self.epochs.is_some();
        if self.epochs.as_ref().is_some_and(|epochs| epochs.halted) {
            return Turn::Idle;
        }
        // In epochs ticks are taken when the epoch ends.
        let mut ticked = in_epochs;
        for _ in 0..TURN_BATCHES {
            if self.call.is_some() && !self.poll_call(cx) {
                return Turn::Idle;
            }
            let Some(out) = &mut self.out else { return Turn::Idle };
            let was_blocked = out.is_blocked();
            let free = out.unblock();
            if was_blocked {
                // Somebody downstream has given credit.
                self.touch(now_ns());
            }
            if !free {
                return Turn::Idle;
            }
            if self.bolt.is_none() {
                return Turn::Idle;
            }
            if !self.patience.is_over(cx) {
                return Turn::Idle;
            }
            // Once a turn: a tick may take longer than its interval, and the
            // tuples want their turn too.
            if !ticked && self.slot.take_tick() {
                ticked = true;
                self.control(|bolt, out| bolt.tick(out));
                continue;
            }
            if self.hand.is_empty() {
                self.slot.inbox.take(&mut self.hand);
            }
            match self.hand.pop_front() {
                Some(delivery) => self.execute(delivery),
                None if !self.flushed && self.slot.is_to_flush() => self.flush_bolt(),
                None => return Turn::Idle,
            }
            if now_ns() - start > TURN_NS {
                break;
            }
        }
        Turn::Again
    }

    fn execute(&mut self, delivery: Delivery) {
        match self.bolt.take() {
            Some(AnyBolt::Row(bolt)) => self.execute_rows(bolt, delivery),
            Some(AnyBolt::Batch(bolt)) => {
                let most = bolt.rows_per_call();
                let (batch, deliveries) = self.gather(delivery, most);
                match self.out.take() {
                    Some(mut out) => {
                        // The call may take long: nothing must wait for it.
                        out.flush();
                        if let Some(epochs) = &self.epochs {
                            epochs.begin_call();
                        }
                        self.slot.busy_since.store(now_ns(), Relaxed);
                        self.call = Some(Call::new(bolt, out, batch, deliveries));
                    }
                    None => self.bolt = Some(AnyBolt::Batch(bolt)),
                }
            }
            None => self.hand.push_front(delivery),
        }
    }

    /// One batch of the deliveries that wait, up to `most` rows.
    fn gather(&mut self, first: Delivery, most: usize) -> (TupleBatch, Vec<(u32, u64)>) {
        let part = first.part;
        let mut deliveries = first.more;
        if !part {
            deliveries.push((first.edge, first.bytes));
        }
        let mut batch = first.batch;
        if part {
            return (batch, deliveries);
        }
        loop {
            if self.hand.is_empty() {
                self.slot.inbox.take(&mut self.hand);
            }
            match self.hand.front() {
                Some(next)
                    if !next.part
                        && next.batch.input() == batch.input()
                        && batch.len() + next.batch.len() <= most => {}
                _ => return (batch, deliveries),
            }
            if let Some(next) = self.hand.pop_front() {
                deliveries.push((next.edge, next.bytes));
                deliveries.extend(next.more);
                batch.append(next.batch);
            }
        }
    }

    fn execute_rows(&mut self, mut bolt: Box<dyn Bolt>, mut delivery: Delivery) {
        // With the state of a bolt that panics the whole epoch is lost.
        let lost = self.is_stateful();
        let Some(out) = &mut self.out else { return };
        let start = now_ns();
        self.slot.busy_since.store(start, Relaxed);
        let batch = &mut delivery.batch;
        out.anchor.begin(std::mem::take(&mut batch.origins));
        let rows = batch.len();
        let mut row = 0;
        let counts = &mut self.counts;
        let epochs = self.epochs.as_ref();
        let state = epochs.and_then(|epochs| epochs.state.as_ref());
        // In epochs: the row at which to stop and wait, and the one behind the last that failed.
        let mut stop = None;
        let mut clean_from = 0;
        // Where rows take long, what waits behind them must not run out of time.
        let slow = self.row_ns > SLOW_ROW_NS;
        let (hand, inbox, every) = (&self.hand, &self.slot.inbox, self.call_limit_ns / 8);
        let mut touched = start;
        let panic = catch_unwind(AssertUnwindSafe(|| {
            while row < rows {
                out.anchor.set_row(row);
                if slow {
                    let now = now_ns();
                    if now - touched > every {
                        touched = now;
                        out.anchor.origins.progress(now / 1_000_000);
                        touch_waiting(hand, inbox, now);
                    }
                }
                let tuple = batch.row(row);
                if let Some(epochs) = epochs {
                    epochs.collector.begin_call();
                    if let Some(state) = state {
                        state.working().begin_row(batch.input(), |column| tuple.at(column));
                    }
                }
                if let Err(error) = bolt.execute(&tuple, out) {
                    out.roll_back();
                    let failure = Failure::of(&error, &out.component);
                    counts.failed += 1;
                    counts.last_error = Some(error.to_string());
                    if let Some(epochs) = epochs {
                        epochs.roll_back();
                        if self.patience.has_more(row - clean_from, &failure) {
                            stop = Some(failure);
                            break;
                        }
                    }
                    fail_row(epochs, out, batch, row, &failure);
                    clean_from = row + 1;
                }
                row += 1;
            }
        }));
        batch.origins = out.anchor.end();
        let end = now_ns();
        self.counts.busy_ns += end - start;
        self.row_ns = (end - start) / rows.max(1) as u64;
        self.slot.busy_since.store(0, Relaxed);
        if let Some(epochs) = &mut self.epochs {
            epochs.tell();
        }
        match panic {
            Ok(()) => {
                self.bolt = Some(AnyBolt::Row(bolt));
                self.counts.executed += row as u64;
                batch.origins.progress(end / 1_000_000);
                match stop {
                    Some(failure) => self.put_back(delivery, row, &failure),
                    None => {
                        if row > clean_from {
                            self.patience.forget();
                        }
                        batch.recycle();
                        self.finish(&delivery);
                    }
                }
                self.touch(end);
            }
            Err(panic) => {
                out.roll_back();
                let reason = panic_text(&*panic);
                let failure = Failure::new(FailureKind::Panic, &self.slot.component, &*reason);
                self.counts.failed += 1;
                discard(bolt);
                if let Some(epochs) = self.epochs.as_ref().filter(|_| !lost) {
                    epochs.roll_back();
                    if self.patience.has_more(row - clean_from, &failure) {
                        self.counts.executed += row as u64;
                        self.put_back(delivery, row, &failure);
                        self.fall(true, reason, false);
                        return;
                    }
                }
                self.counts.executed += row as u64 + 1;
                let origins = std::mem::take(&mut batch.origins);
                out.anchor.begin(origins);
                fail_row(self.epochs.as_ref(), out, batch, row, &failure);
                batch.origins = out.anchor.end();
                // The rows behind it have done nothing wrong: they wait for
                // the new bolt, first in line.
                let rest = batch.split_off(row + 1);
                batch.recycle();
                if rest.is_empty() {
                    self.finish(&delivery);
                } else {
                    self.hand.push_front(Delivery { batch: rest, ..delivery });
                }
                self.fall(true, reason, lost);
            }
        }
    }

    /// True when the call is over.
    fn poll_call(&mut self, cx: &mut Context<'_>) -> bool {
        let Some(call) = &mut self.call else { return true };
        let polled = call.poll(cx);
        let taken = now_ns() - call.started_ns;
        match polled {
            Poll::Pending if taken > self.call_limit_ns => {
                // Dropping it fails its rows; what it had of the output goes too.
                let deliveries = std::mem::take(&mut call.deliveries);
                discard(self.call.take());
                self.emitted_before = self.slot.stats.lock().emitted;
                self.out = Some((self.make_output)());
                self.give_back(&deliveries);
                self.slot.busy_since.store(0, Relaxed);
                let seconds = taken / 1_000_000_000;
                let reason = format!("gave up a call that took more than {seconds} s");
                self.fall(false, reason, true);
                true
            }
            Poll::Pending => false,
            Poll::Ready(returned) => {
                let deliveries = std::mem::take(&mut call.deliveries);
                self.call = None;
                self.counts.busy_ns += taken;
                self.slot.busy_since.store(0, Relaxed);
                self.returned(returned, deliveries);
                self.touch(now_ns());
                true
            }
        }
    }

    /// Tells the sources of all that waits here that the task gets on, now
    /// and then: time spent in a line that moves is no lack of progress.
    fn touch(&mut self, now_ns: u64) {
        if now_ns.saturating_sub(self.touched_ns) < self.call_limit_ns / 8 {
            return;
        }
        self.touched_ns = now_ns;
        touch_waiting(&self.hand, &self.slot.inbox, now_ns);
        if let Some(out) = &self.out {
            out.touch(now_ns / 1_000_000);
        }
    }

    fn returned(&mut self, returned: Returned, deliveries: Vec<(u32, u64)>) {
        let Returned { bolt, mut out, mut batch, result } = returned;
        let failed = std::mem::take(&mut out.failed);
        let failure = match &result {
            Ok(Ok(())) => None,
            Ok(Err(error)) => Some(Failure::of(error, &self.slot.component)),
            Err(panic) => Some(Failure::new(FailureKind::Panic, &self.slot.component, &**panic)),
        };
        let mut again = false;
        if let Some(failure) = &failure {
            out.roll_back();
            if let Some(epochs) = &self.epochs {
                epochs.roll_back();
                again = self.patience.has_more(0, failure);
            }
        }
        // Of a batch that is tried again every row is.
        for (row, failure) in failed.into_iter().filter(|_| !again) {
            self.counts.failed += 1;
            self.counts.last_error = Some(failure.reason.to_string());
            fail_row(self.epochs.as_ref(), &mut out, &batch, row as usize, &failure);
        }
        if let Some(failure) = &failure {
            self.counts.failed += batch.len() as u64;
            self.counts.last_error = Some(failure.reason.to_string());
            for row in (0..batch.len()).filter(|_| !again) {
                fail_row(self.epochs.as_ref(), &mut out, &batch, row, failure);
            }
        }
        let origins = out.anchor.end();
        origins.progress(now_ns() / 1_000_000);
        batch.origins = origins;
        self.out = Some(out);
        if let Some(failure) = failure.filter(|_| again) {
            self.call_again(batch, deliveries, &failure);
        } else {
            self.counts.executed += batch.len() as u64;
            if matches!(result, Ok(Ok(()))) {
                self.patience.forget();
            }
            batch.recycle();
            self.give_back(&deliveries);
        }
        match result {
            Err(panic) => {
                discard(bolt);
                self.fall(true, panic, false);
            }
            Ok(_) => self.bolt = Some(AnyBolt::Batch(bolt)),
        }
    }

    /// A delivery is worked on.
    fn finish(&mut self, delivery: &Delivery) {
        if !delivery.part {
            self.give_back(&[(delivery.edge, delivery.bytes)]);
        }
        self.give_back(&delivery.more);
    }

    fn give_back(&mut self, deliveries: &[(u32, u64)]) {
        self.finished += deliveries.len() as u64;
        for (edge, bytes) in deliveries {
            self.slot.in_edges[*edge as usize].give_back(*bytes);
        }
    }

    /// Calls the bolt outside of any tuple.
    fn control<T: Default>(
        &mut self,
        call: impl FnOnce(&mut dyn Bolt, &mut Output) -> crate::Result<T>,
    ) -> T {
        let (Some(AnyBolt::Row(bolt)), Some(out)) = (&mut self.bolt, &mut self.out) else {
            return T::default();
        };
        if let Some(epochs) = &self.epochs {
            epochs.begin_call();
            out.set_last(epochs.door.last.load(Relaxed));
        }
        out.anchor.begin(Default::default());
        let start = now_ns();
        self.slot.busy_since.store(start, Relaxed);
        let result = catch_unwind(AssertUnwindSafe(|| call(&mut **bolt, out)));
        self.counts.busy_ns += now_ns() - start;
        self.slot.busy_since.store(0, Relaxed);
        match result {
            Ok(Ok(value)) => return value,
            Ok(Err(error)) if self.is_stateful() => {
                self.fall(false, error.to_string(), true);
            }
            Ok(Err(error)) => self.counts.last_error = Some(error.to_string()),
            Err(panic) => self.fall(true, panic_text(&*panic), true),
        }
        T::default()
    }

    fn flush_bolt(&mut self) {
        if self.epochs.is_some() && self.slot.take_tick() {
            self.control(|bolt, out| bolt.tick(out));
            if self.bolt.is_none() {
                return;
            }
        }
        let more = self.control(|bolt, out| bolt.flush(out).map(|flush| flush == Flush::More));
        // In epochs one that fell has not emitted all: its epoch must not end before it is known
        // that it is lost.
        let fell = self.bolt.is_none() && self.epochs.is_some();
        self.flushed = !more && !fell;
    }

    fn publish(&mut self) {
        let hand = self.hand.len() as u64 + u64::from(self.call.is_some());
        let blocked = self.out.as_ref().is_some_and(Output::is_blocked);
        self.slot.in_hand.store(hand + u64::from(blocked), Relaxed);
        // What was emitted is on its way: whoever waits for it counts it there.
        if !blocked && self.out.is_some() {
            self.slot.finished.store(self.finished, SeqCst);
            if std::mem::take(&mut self.flushed) {
                self.slot.flush_is_done();
            }
        }
        let counts = std::mem::take(&mut self.counts);
        let mut stats = self.slot.stats.lock();
        if let Some(per_row) = counts.busy_ns.checked_div(counts.executed) {
            stats.latency.saturating_record_n(per_row.max(1), counts.executed);
        }
        stats.executed += counts.executed;
        stats.failed += counts.failed;
        stats.busy_ns += counts.busy_ns;
        if let Some(out) = &self.out {
            stats.emitted = self.emitted_before + out.emitted();
        }
        if counts.last_error.is_some() {
            stats.last_error = counts.last_error;
        }
        stats.stalled.clone_from(&self.patience.stalled);
    }
}

/// A row has failed for good: its messages have. In epochs a row that comes of no message, but of
/// what a bolt remembers, becomes a dead letter of its own.
fn fail_row(
    epochs: Option<&BoltEpochs>,
    out: &mut Output,
    batch: &TupleBatch,
    row: usize,
    failure: &Failure,
) {
    match epochs {
        Some(epochs) if out.anchor.origins.is_of_none(row) => {
            epochs.bury(&batch.row(row), failure);
        }
        _ => out.anchor.origins.fail(row, failure),
    }
}

fn touch_waiting(hand: &VecDeque<Delivery>, inbox: &Inbox, now_ns: u64) {
    for delivery in hand {
        delivery.batch.origins.progress(now_ns / 1_000_000);
    }
    inbox.touch(now_ns / 1_000_000);
}
