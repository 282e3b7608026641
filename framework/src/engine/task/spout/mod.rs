//! The task of a spout.

mod epochs;

use std::{
    cmp::Reverse,
    collections::BinaryHeap,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Arc,
        atomic::Ordering::{Relaxed, SeqCst},
    },
    task::Context,
    time::{Duration, Instant},
};

use super::{
    DeadLetter, DeadLetters, Fallen, Reports, RetryPolicy, TURN_BATCHES, TURN_NS, Turn, discard,
    panic_text, retry::Streak,
};
use crate::{
    ack::{Failure, FailureKind, Settled, Settlements},
    component::{Failed, Next, Spout, SpoutFactory, TaskContext, Verdict},
    engine::{
        alarm::Alarm,
        clock::{now_ms, now_ns},
        epochs::{Door, SpoutEpochs},
        slot::{Slot, TaskStatus},
    },
    output::{SourceBatch, SpoutOutput},
    tuple::{MAX_ROWS, Schema, Value},
};

/// How long an idle spout waits before it is asked again, if nobody wakes it.
const IDLE_POLL: Duration = Duration::from_millis(100);
/// How long a spout waits after an error of its source.
const ERROR_PAUSE: Duration = Duration::from_secs(1);
/// How many messages a stalled spout has under way, to see whether it still is.
const PROBE: usize = 1;

/// The bounds of a spout's work.
#[derive(Clone)]
pub(crate) struct SpoutLimits {
    pub(crate) max_pending: usize,
    pub(crate) message_timeout: Duration,
    pub(crate) retry: RetryPolicy,
    pub(crate) dead_letters: Option<Arc<dyn DeadLetters>>,
}

/// A message that the engine emits again when it is due.
struct Again {
    due_ns: u64,
    id: u64,
    attempt: u32,
    stream: usize,
    values: Vec<Value>,
    /// Set when it is to become a dead letter and could not be kept yet.
    dead: Option<Failure>,
}

/// A spout at work.
pub(crate) struct SpoutTask {
    slot: Arc<Slot>,
    context: TaskContext,
    factory: SpoutFactory,
    reports: Reports,
    limits: SpoutLimits,
    schemas: Vec<Schema>,
    spout: Option<Box<dyn Spout>>,
    out: SpoutOutput,
    settlements: Arc<Settlements>,
    settled: Vec<Settled>,
    alarm: Option<Alarm>,
    active: bool,
    next: Next,
    again: BinaryHeap<Reverse<ByDue>>,
    streak: Streak,
    stalled: Option<String>,
    scratch: Vec<u64>,
    counts: Counts,
    /// In a topology that runs in epochs.
    epochs: Option<SpoutEpochs>,
}

#[derive(Default)]
struct Counts {
    acked: u64,
    failed: u64,
    retried: u64,
    dead: u64,
    busy_ns: u64,
    /// Latencies in nanoseconds, each for so many messages.
    latencies: Vec<(u64, u64)>,
    last_error: Option<String>,
}

impl SpoutTask {
    pub(crate) fn new(
        (slot, settlements): (Arc<Slot>, Arc<Settlements>),
        context: TaskContext,
        factory: SpoutFactory,
        reports: Reports,
        limits: SpoutLimits,
        (schemas, out): (Vec<Schema>, SpoutOutput),
        epochs: Option<SpoutEpochs>,
    ) -> Self {
        SpoutTask {
            slot,
            context,
            factory,
            reports,
            limits,
            schemas,
            spout: None,
            out,
            settlements,
            settled: Vec::new(),
            alarm: None,
            active: true,
            next: Next::More,
            again: BinaryHeap::new(),
            streak: Streak::default(),
            stalled: None,
            scratch: Vec::new(),
            counts: Counts::default(),
            epochs,
        }
    }

    /// Makes the spout from its factory and prepares it.
    pub(crate) fn build(&mut self) {
        if self.spout.is_some() {
            return;
        }
        self.slot.busy_since.store(now_ns(), Relaxed);
        let built = catch_unwind(AssertUnwindSafe(|| {
            let mut spout = (self.factory)()?;
            spout.prepare(&self.context)?;
            Ok::<_, crate::Error>(spout)
        }));
        self.slot.busy_since.store(0, Relaxed);
        if self.alarm.is_none() {
            self.alarm = Alarm::new().ok();
        }
        match built {
            Ok(Ok(spout)) => {
                // In epochs the source goes back, if there is one that can.
                let replays = match self.epochs {
                    Some(_) => self.context.source.is_some(),
                    None => spout.replays(),
                };
                self.out.set_keep(!replays);
                self.spout = Some(spout);
                self.next = Next::More;
                self.slot.set_status(TaskStatus::Running);
            }
            Ok(Err(error)) => self.fall(false, format!("prepare: {error}")),
            Err(panic) => self.fall(true, format!("prepare: {}", panic_text(&*panic))),
        }
    }

    fn fall(&mut self, panicked: bool, reason: String) {
        discard(self.spout.take());
        // Whatever this one has said, the next may have more.
        self.next = Next::More;
        self.slot.set_error(reason.clone());
        self.slot.set_status(TaskStatus::Restarting(reason.clone()));
        // The supervisor is gone only when the engine is being dropped.
        // What it had read ahead is lost with it.
        let lost = self.epochs.is_some();
        let _ = self.reports.send(Fallen { task: self.slot.id, panicked, reason, lost });
    }

    pub(crate) fn set_active(&mut self, active: bool) {
        self.active = active;
    }

    pub(crate) fn close(&mut self) {
        self.settle();
        if let Some(spout) = &mut self.spout
            && let Err(panic) = catch_unwind(AssertUnwindSafe(|| spout.close()))
        {
            self.slot.set_error(format!("close: {}", panic_text(&*panic)));
        }
        discard(self.spout.take());
        self.slot.set_status(TaskStatus::Stopped);
    }

    pub(crate) fn turn(&mut self, cx: &mut Context<'_>) -> Turn {
        self.settle();
        if self.slot.take_housekeeping() && self.epochs.is_none() {
            self.expire();
        }
        let door = self.epochs.as_ref().map_or(0, |epochs| epochs.door.number());
        let turn = if Door::is_open(door) { self.emit(cx) } else { self.rest() };
        self.out.seal();
        self.out.out.flush();
        let untold = self.settlements.set_quiet(self.out.out.is_blocked());
        self.publish();
        if !Door::is_open(door) && self.out.in_flight() == 0 && !self.out.out.is_blocked() {
            self.slot.at_rest.store(door, SeqCst);
        }
        if untold && self.spout.is_some() { Turn::Again } else { turn }
    }

    /// The door is shut: only what is on its way goes on.
    fn rest(&mut self) -> Turn {
        self.out.out.unblock();
        Turn::Idle
    }

    fn emit(&mut self, cx: &mut Context<'_>) -> Turn {
        let start = now_ns();
        // The turn of an idle spout means that somebody woke it.
        match self.next {
            Next::Idle => self.next = Next::More,
            Next::At(at) if Instant::now() >= at => self.next = Next::More,
            _ => {}
        }
        for _ in 0..TURN_BATCHES {
            let room = self.room();
            let was_blocked = self.out.out.is_blocked();
            let free = self.out.out.unblock();
            if was_blocked {
                // Somebody downstream has given credit.
                self.out.out.touch(start / 1_000_000);
            }
            if !free || self.spout.is_none() || room == 0 {
                return Turn::Idle;
            }
            let got = self.epochs.as_ref().map_or(room, |epochs| epochs.take(room));
            if got == 0 {
                return Turn::Idle;
            }
            self.condemn();
            let before = self.out.in_flight();
            let again = self.emit_again(got);
            let asleep = !again && (!self.active || self.next != Next::More);
            if !again && !asleep {
                self.ask(got);
            }
            if let Some(epochs) = &self.epochs {
                epochs.door.used(got, self.out.in_flight() - before);
            }
            if asleep {
                return self.sleep(cx);
            }
            if now_ns() - start > TURN_NS {
                break;
            }
        }
        Turn::Again
    }

    fn room(&self) -> usize {
        let most = if self.stalled.is_some() { PROBE } else { self.limits.max_pending };
        most.saturating_sub(self.out.in_flight()).min(4 * MAX_ROWS)
    }

    fn ask(&mut self, room: usize) {
        let Some(spout) = &mut self.spout else { return };
        self.out.set_room(room);
        let start = now_ns();
        self.slot.busy_since.store(start, Relaxed);
        let next = catch_unwind(AssertUnwindSafe(|| spout.next(&mut self.out)));
        self.slot.busy_since.store(0, Relaxed);
        self.counts.busy_ns += now_ns() - start;
        match next {
            Ok(Ok(next)) => self.next = next,
            Ok(Err(error)) => {
                self.counts.last_error = Some(error.to_string());
                let pause = error.delay().unwrap_or(ERROR_PAUSE);
                self.next = Next::At(Instant::now() + pause);
            }
            Err(panic) => self.fall(true, panic_text(&*panic)),
        }
    }

    /// Ends the turn until somebody wakes the task or something is due.
    fn sleep(&mut self, cx: &mut Context<'_>) -> Turn {
        self.arm();
        let Some(alarm) = &mut self.alarm else { return Turn::Idle };
        if alarm.is_set() && alarm.poll(cx).is_ready() { Turn::Again } else { Turn::Idle }
    }

    /// Sets the alarm to when there is something to do without being woken.
    fn arm(&mut self) {
        let at = match self.next {
            _ if !self.active => None,
            Next::Idle => Some(Instant::now() + IDLE_POLL),
            Next::At(at) => Some(at),
            Next::More | Next::Done => None,
        };
        let due = self.again.peek().map(|Reverse(first)| {
            Instant::now() + Duration::from_nanos(first.0.due_ns.saturating_sub(now_ns()))
        });
        let Some(at) = at.into_iter().chain(due).min() else { return };
        if let Some(alarm) = &mut self.alarm
            && let Err(error) = alarm.set(at)
        {
            self.counts.last_error = Some(format!("cannot set a timer: {error}"));
        }
    }

    /// Emits what is due to be emitted again. True when there was any.
    fn emit_again(&mut self, room: usize) -> bool {
        let mut emitted = 0;
        while emitted < room
            && self.again.peek().is_some_and(|Reverse(first)| first.0.due_ns <= now_ns())
        {
            let Some(Reverse(ByDue(again))) = self.again.pop() else { break };
            if let Some(failure) = again.dead {
                self.bury(again.id, again.attempt, failure, again.stream, again.values);
                continue;
            }
            let row: Vec<_> = again.values.iter().map(Value::as_ref).collect();
            if let Err(error) = self.out.emit_row(again.stream, again.id, again.attempt, &row) {
                self.counts.last_error = Some(error.to_string());
            }
            emitted += 1;
        }
        emitted > 0
    }

    /// Tells the spout what has become of its messages.
    fn settle(&mut self) {
        // A spout that is being built again hears of them afterwards. In epochs it hears nothing.
        let deaf = self.spout.is_none() && self.epochs.is_none();
        if deaf || self.settlements.is_empty() {
            return;
        }
        let mut settled = std::mem::take(&mut self.settled);
        self.settlements.take(&mut settled);
        let mut untold = settled.drain(..);
        // It may fall while it is told: the next one hears of the rest.
        while (self.spout.is_some() || self.epochs.is_some())
            && let Some(settled) = untold.next()
        {
            let Some(batch) = self.out.ended(settled.batch) else { continue };
            let latency = now_ns().saturating_sub(batch.opened_ns);
            if settled.failures.is_empty() && settled.expired.is_none() {
                self.counts.latencies.push((latency, batch.ids.len() as u64));
                self.acked(&batch.ids);
            } else if self.epochs.is_some() {
                self.settle_in_epoch(&batch, settled, latency);
            } else {
                self.settle_partly(&batch, settled, latency);
            }
            if let Some(epochs) = self.epochs.as_mut().filter(|_| self.context.source.is_none()) {
                epochs.keep(batch);
            } else {
                self.out.reuse(batch);
            }
        }
        self.settlements.put_back(untold);
        self.settled = settled;
    }

    fn settle_partly(&mut self, batch: &SourceBatch, settled: Settled, latency: u64) {
        let mut failures: Vec<Option<Failure>> = vec![settled.expired; batch.ids.len()];
        for (place, failure) in settled.failures {
            if let Some(known) = failures.get_mut(place as usize) {
                // Of several reasons the first stands, unless it was not the
                // message's own fault.
                let own =
                    known.as_ref().is_some_and(|k| k.counts() && k.kind != FailureKind::Timeout);
                if !own {
                    *known = Some(failure);
                }
            }
        }
        let mut done = std::mem::take(&mut self.scratch);
        done.extend(batch.ids.iter().zip(&failures).filter(|(_, f)| f.is_none()).map(|(id, _)| id));
        if !done.is_empty() {
            self.counts.latencies.push((latency, done.len() as u64));
            self.acked(&done);
        }
        done.clear();
        self.scratch = done;
        let mut failed = Vec::new();
        for (place, failure) in failures.into_iter().enumerate() {
            if let Some(failure) = failure {
                failed.push(self.judge(batch, place, failure));
            }
        }
        if let Some(spout) = &mut self.spout {
            let told = catch_unwind(AssertUnwindSafe(|| spout.fail(&failed)));
            self.told(told);
        }
    }

    fn acked(&mut self, ids: &[u64]) {
        self.counts.acked += ids.len() as u64;
        if !ids.is_empty() {
            self.streak = Streak::default();
            self.stalled = None;
        }
        if let Some(epochs) = &mut self.epochs {
            epochs.done(ids);
        } else if let Some(spout) = &mut self.spout {
            let told = catch_unwind(AssertUnwindSafe(|| spout.ack(ids)));
            self.told(told);
        }
    }

    fn told(&mut self, told: std::thread::Result<crate::Result<()>>) {
        match told {
            Ok(Ok(())) => {}
            Ok(Err(error)) => self.counts.last_error = Some(error.to_string()),
            Err(panic) => self.fall(true, panic_text(&*panic)),
        }
    }

    fn judge(&mut self, batch: &SourceBatch, place: usize, failure: Failure) -> Failed {
        let (id, attempt) = (batch.ids[place], batch.attempt(place));
        self.counts.failed += 1;
        let now = Duration::from_nanos(now_ns());
        let judgement = self.limits.retry.judge(attempt, &failure, &mut self.streak, now);
        if judgement.stalled {
            if self.stalled.is_none() {
                tracing::warn!(spout = %self.slot.component, reason = %failure,
                    "stalled: every message fails; none becomes a dead letter while this lasts");
            }
            self.stalled = Some(failure.to_string());
        }
        match judgement.verdict {
            Verdict::Retry { .. } => self.counts.retried += 1,
            Verdict::Dead => self.counts.dead += 1,
        }
        if let Some((stream, values)) = batch.kept(place) {
            match judgement.verdict {
                Verdict::Retry { after, counts } => self.again.push(Reverse(ByDue(Again {
                    due_ns: now_ns() + after.as_nanos() as u64,
                    id,
                    attempt: attempt + u32::from(counts),
                    stream,
                    values,
                    dead: None,
                }))),
                Verdict::Dead => self.bury(id, attempt, failure.clone(), stream, values),
            }
        }
        Failed { id, attempt, failure, verdict: judgement.verdict }
    }

    /// Gives a message to the dead letters, or tries again later.
    fn bury(
        &mut self,
        id: u64,
        attempts: u32,
        failure: Failure,
        stream: usize,
        values: Vec<Value>,
    ) {
        tracing::warn!(spout = %self.slot.component, id, attempts, reason = %failure, "dead letter");
        let Some(dead_letters) = &self.limits.dead_letters else { return };
        let letter = DeadLetter {
            spout: self.slot.component.clone(),
            id,
            attempts,
            failure,
            schema: self.schemas[stream].clone(),
            values,
        };
        if let Err(error) = dead_letters.put(std::slice::from_ref(&letter)) {
            self.counts.last_error = Some(format!("cannot keep a dead letter: {error}"));
            self.again.push(Reverse(ByDue(Again {
                due_ns: now_ns() + ERROR_PAUSE.as_nanos() as u64,
                id,
                attempt: attempts,
                stream,
                values: letter.values,
                dead: Some(letter.failure),
            })));
        }
    }

    /// Fails what had no progress for the message time-out.
    fn expire(&mut self) {
        let timeout = self.limits.message_timeout;
        let Some(since) = now_ms().checked_sub(timeout.as_millis() as u64) else { return };
        let limit = format!("{}s", timeout.as_secs_f64());
        for batch in self.out.flying() {
            if let Some(watch) = &batch.watch {
                watch.expire(since, &self.slot.component, &limit);
            }
        }
    }

    fn publish(&mut self) {
        // First, for once it says that it is idle nothing else may be under way.
        self.slot.in_hand.store(u64::from(self.out.out.is_blocked()), Relaxed);
        let counts = std::mem::take(&mut self.counts);
        let mut stats = self.slot.stats.lock();
        for (ns, messages) in &counts.latencies {
            stats.latency.saturating_record_n((*ns).max(1), *messages);
        }
        stats.acked += counts.acked;
        stats.failed += counts.failed;
        stats.retried += counts.retried;
        stats.dead += counts.dead;
        stats.busy_ns += counts.busy_ns;
        stats.emitted = self.out.out.emitted();
        stats.in_flight = self.out.in_flight() as u64;
        stats.retrying = self.again.len() as u64;
        let halted = self.epochs.as_ref().is_some_and(|epochs| epochs.halted);
        stats.idle = matches!(self.next, Next::Idle | Next::Done) && !halted;
        stats.done = self.next == Next::Done;
        stats.stalled.clone_from(&self.stalled);
        if counts.last_error.is_some() {
            stats.last_error = counts.last_error;
        }
        drop(stats);
        self.counts.latencies = counts.latencies;
        self.counts.latencies.clear();
    }
}

/// Orders by due time, then by number.
struct ByDue(Again);

impl ByDue {
    fn key(&self) -> (u64, u64) {
        (self.0.due_ns, self.0.id)
    }
}

impl PartialEq for ByDue {
    fn eq(&self, other: &Self) -> bool {
        self.key() == other.key()
    }
}

impl Eq for ByDue {}

impl PartialOrd for ByDue {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for ByDue {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.key().cmp(&other.key())
    }
}
