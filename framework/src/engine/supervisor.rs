//! The supervisor: builds again what fell, ticks, and notices what is stuck.

use std::{
    collections::{HashMap, VecDeque},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::Relaxed},
        mpsc::{Receiver, RecvTimeoutError},
    },
    time::{Duration, Instant},
};

use super::{
    clock::now_ns,
    epochs::Lost,
    history::{EventKind, History},
    settings::Settings,
    slot::{Slot, TaskStatus},
    system::Threads,
    task::{Control, Fallen},
};

/// How often time-outs and stuck tasks are looked for.
const ROUND: Duration = Duration::from_millis(100);
/// The wait before the first restart; doubled for each further one without
/// progress in between.
const FIRST_BACKOFF: Duration = Duration::from_millis(10);
const MAX_BACKOFF: Duration = Duration::from_secs(5);

/// What the supervisor shares with those who ask.
pub(crate) struct Watched {
    pub(crate) slots: Vec<Arc<Slot>>,
    pub(crate) history: History,
    pub(crate) stop: AtomicBool,
}

/// How often a task was restarted.
#[derive(Default)]
struct Restarts {
    /// When, within the window.
    at: VecDeque<Instant>,
    /// How often in a row, without progress in between.
    in_a_row: u32,
    /// What it had executed and emitted when it fell last.
    progress: u64,
}

/// Runs on a thread of its own, never on an arbiter.
pub(crate) struct Supervisor {
    watched: Arc<Watched>,
    threads: Arc<Threads>,
    settings: Settings,
    /// Ticks: interval, next time, tasks.
    ticks: Vec<(Duration, Instant, Vec<u32>)>,
    restarts: HashMap<u32, Restarts>,
    due: Vec<(Instant, u32)>,
    /// In epochs: tells the coordinator that the epoch in hand has to begin anew, and why.
    lost: Option<Lost>,
    stuck: HashMap<u32, u64>,
}

impl Supervisor {
    pub(crate) fn new(
        watched: Arc<Watched>,
        threads: Arc<Threads>,
        settings: Settings,
        ticks: Vec<(Duration, Vec<u32>)>,
        lost: Option<Lost>,
    ) -> Self {
        let now = Instant::now();
        Supervisor {
            watched,
            threads,
            settings,
            ticks: ticks.into_iter().map(|(every, tasks)| (every, now + every, tasks)).collect(),
            restarts: HashMap::new(),
            due: Vec::new(),
            lost,
            stuck: HashMap::new(),
        }
    }

    pub(crate) fn run(mut self, fallen: &Receiver<Fallen>) {
        let mut round = Instant::now();
        while !self.watched.stop.load(Relaxed) {
            let next = self.next_time(round + ROUND);
            match fallen.recv_timeout(next.saturating_duration_since(Instant::now())) {
                Ok(fallen) => self.fell(fallen),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return,
            }
            self.rebuild_due();
            self.tick_due();
            if round.elapsed() >= ROUND {
                round = Instant::now();
                self.look();
            }
        }
    }

    fn next_time(&self, round: Instant) -> Instant {
        let ticks = self.ticks.iter().map(|(_, next, _)| *next);
        let due = self.due.iter().map(|(at, _)| *at);
        ticks.chain(due).fold(round, Instant::min)
    }

    fn fell(&mut self, fallen: Fallen) {
        let slot = self.watched.slots[fallen.task as usize].clone();
        let kind = if fallen.panicked { EventKind::Panicked } else { EventKind::Failed };
        self.watched.history.add(kind, &slot.component, slot.id, fallen.reason.clone());
        let now = Instant::now();
        let restarts = self.restarts.entry(slot.id).or_default();
        while restarts.at.front().is_some_and(|at| now - *at > self.settings.restart_window) {
            restarts.at.pop_front();
        }
        if restarts.at.len() >= self.settings.max_restarts {
            let reason = format!(
                "restarted {} times within {:?}; the last reason: {}",
                restarts.at.len(),
                self.settings.restart_window,
                fallen.reason
            );
            tracing::error!(component = %slot.component, task = slot.id, %reason, "gave up");
            self.watched.history.add(EventKind::GaveUp, &slot.component, slot.id, reason.clone());
            slot.set_status(TaskStatus::Failed(reason));
            return;
        }
        let stats = slot.stats.lock();
        let progress = stats.executed.saturating_sub(stats.failed) + stats.emitted;
        drop(stats);
        if progress > restarts.progress {
            restarts.in_a_row = 0;
        }
        restarts.progress = progress;
        let backoff = FIRST_BACKOFF.saturating_mul(1 << restarts.in_a_row.min(16)).min(MAX_BACKOFF);
        restarts.in_a_row += 1;
        let wait = backoff.mul_f64(0.75 + fastrand::f64() / 2.0);
        tracing::warn!(component = %slot.component, task = slot.id, reason = %fallen.reason,
            restart_in = ?wait, "a task fell");
        restarts.at.push_back(now);
        match &self.lost {
            // The coordinator has all tasks built again, when it is known what is committed.
            Some(lost) if fallen.lost => {
                slot.stats.lock().restarts += 1;
                let again = "the epoch begins anew".to_owned();
                self.watched.history.add(EventKind::Restarted, &slot.component, slot.id, again);
                *lost.lock() = Some(format!("{}: {}", slot.component, fallen.reason));
            }
            _ => self.due.push((now + wait, slot.id)),
        }
    }

    fn rebuild_due(&mut self) {
        let now = Instant::now();
        let (due, later): (Vec<_>, Vec<_>) = self.due.drain(..).partition(|(at, _)| *at <= now);
        self.due = later;
        for (_, task) in due {
            let slot = &self.watched.slots[task as usize];
            slot.stats.lock().restarts += 1;
            let again = "built again from its factory".to_owned();
            self.watched.history.add(EventKind::Restarted, &slot.component, task, again);
            self.threads.send(task, Control::Rebuild);
        }
    }

    fn tick_due(&mut self) {
        let now = Instant::now();
        for (every, next, tasks) in &mut self.ticks {
            if *next <= now {
                // A tick that is late is not made up for.
                *next = now + *every;
                for task in tasks.iter() {
                    self.watched.slots[*task as usize].request_tick();
                }
            }
        }
    }

    fn look(&mut self) {
        let now = now_ns();
        let limit = self.settings.stuck_after.as_nanos() as u64;
        for slot in &self.watched.slots {
            let since = slot.busy_since.load(Relaxed);
            let stuck = since != 0 && now.saturating_sub(since) > limit;
            match (stuck, self.stuck.get(&slot.id).copied()) {
                (true, None) => {
                    self.stuck.insert(slot.id, since);
                    let reason =
                        format!("inside one call for more than {:?}", self.settings.stuck_after);
                    tracing::warn!(component = %slot.component, task = slot.id, %reason, "a task is stuck");
                    self.watched.history.add(EventKind::Stuck, &slot.component, slot.id, reason);
                }
                (_, Some(known)) if since != known => {
                    self.stuck.remove(&slot.id);
                    let reason = format!("back after {} ms", now.saturating_sub(known) / 1_000_000);
                    self.watched.history.add(EventKind::Unstuck, &slot.component, slot.id, reason);
                }
                _ => {}
            }
            // Spouts look at their time-outs, bolts at calls that take too long.
            if slot.is_spout || since != 0 {
                slot.request_housekeeping();
            }
        }
    }
}
