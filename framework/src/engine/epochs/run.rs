//! The threads of the coordinator and the committer, and how a run in epochs begins.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU8, AtomicU64, Ordering::SeqCst},
    },
    thread::JoinHandle,
    time::{Duration, Instant},
};

use parking_lot::Mutex;

use super::{
    door::Door,
    live::LiveTasks,
    memory::{MemoryCommits, MemoryStates, NoOutbox},
    poison::Suspicion,
};
use crate::{
    component::Resources,
    engine::settings::Settings,
    epoch::{
        Clerk, CommitStore, Commits, Committer, Coordinator, Limits, Line, Next, Outbox, Phase,
        Ports, ReplayableSource, StateStore, Work,
    },
    error::{Error, Result},
    state::StateReader,
    topology::{Body, Topology},
};

/// How soon the coordinator looks again while tasks are about to answer.
const SOON: Duration = Duration::from_micros(100);

/// What a topology that runs in epochs commits to. Without it everything lasts as long as the
/// process.
pub struct Epochs {
    /// Takes rows and the record of the commit.
    pub store: Box<dyn CommitStore>,
    /// Keeps the states.
    pub states: Box<dyn StateStore>,
    /// Sends what leaves after the commit.
    pub outbox: Box<dyn Outbox>,
    /// The queue for rows that become dead letters.
    pub dead_letters: String,
    /// How long the start may wait for a store or a source that is away.
    pub patience: Duration,
}

impl Epochs {
    /// Everything lasts as long as the process.
    #[must_use]
    pub fn in_memory() -> Self {
        Epochs {
            store: Box::<MemoryCommits>::default(),
            states: Box::<MemoryStates>::default(),
            outbox: Box::<NoOutbox>::default(),
            dead_letters: "dead".into(),
            patience: Duration::from_secs(10),
        }
    }
}

impl std::fmt::Debug for Epochs {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Epochs(in {})", self.store.name())
    }
}

/// A run that may begin: the last commit is finished, the sources are behind it.
pub(crate) struct Prepared {
    pub(crate) reader: Arc<dyn StateReader>,
    pub(crate) sources: Vec<(String, Arc<dyn ReplayableSource>)>,
    pub(crate) epoch: u64,
    pub(crate) incarnation: u64,
    pub(crate) dead_letters: String,
    pub(crate) door: Arc<Door>,
    committer: Committer,
    suspicion: Suspicion,
}

impl Prepared {
    /// Recovers, and waits for what is away as long as `epochs.patience` says.
    pub(crate) fn new(topology: &Topology, resources: &Resources, epochs: Epochs) -> Result<Self> {
        let mut sources = Vec::new();
        let mut spouts = 0;
        for component in topology.components() {
            if let Body::Spout(factory) = &component.body {
                spouts += 1;
                if let Some(source) = factory()?.source() {
                    sources.push((component.id.clone(), source));
                }
            }
        }
        let reader = epochs.states.reader();
        let ports = Ports {
            topology: topology.name().into(),
            store: epochs.store,
            states: epochs.states,
            outbox: epochs.outbox,
            sources: sources.clone(),
            dead_queue: epochs.dead_letters.clone(),
        };
        let mut committer = Committer::new(ports);
        let deadline = Instant::now() + epochs.patience;
        let mut pause = Duration::from_millis(50);
        while let Err(obstacle) = committer.recover(resources) {
            if !obstacle.retry || Instant::now() + pause > deadline {
                return Err(Error::data(obstacle.reason));
            }
            tracing::warn!(reason = obstacle.reason, "the topology cannot begin yet");
            std::thread::sleep(pause);
            pause = (pause * 2).min(Duration::from_secs(2));
        }
        let epoch = committer.epoch() + 1;
        let most = topology.settings().commit_messages;
        let suspicion = Suspicion::count(committer.states(), epoch, most, spouts)
            .map_err(|error| Error::retry(error.message))?;
        let door = Door::shut_door();
        suspicion.admit(&door);
        Ok(Prepared {
            reader,
            sources,
            epoch,
            incarnation: committer.incarnation(),
            dead_letters: epochs.dead_letters,
            door,
            committer,
            suspicion,
        })
    }
}

/// How the epochs of a run are going.
#[derive(Debug, Clone)]
pub(crate) struct EpochStats {
    pub(crate) incarnation: u64,
    pub(crate) epoch: u64,
    pub(crate) phase: Phase,
    /// Whether the epoch in hand has nothing in it yet, nor to be taken in again.
    idle: bool,
    pub(crate) drain: Duration,
    pub(crate) rollbacks: u64,
    pub(crate) reason: Option<String>,
    pub(crate) stalled: Option<String>,
    pub(crate) ended: Option<String>,
    /// When the last epoch began that has something to commit.
    pub(crate) commits: Commits,
}

/// What is asked of the coordinator.
const NOTHING: u8 = 0;
const END: u8 = 1;
const END_OF_INPUT: u8 = 2;

struct Shared {
    asked: AtomicU8,
    /// Requests for a commit so far, and those that are answered.
    requested: AtomicU64,
    answered: AtomicU64,
    stop: AtomicBool,
    over: AtomicBool,
    stats: Mutex<EpochStats>,
    line: Arc<Line>,
    door: Arc<Door>,
}

/// The threads of the coordinator and the committer.
pub(crate) struct EpochThreads {
    shared: Arc<Shared>,
    coordinator: Option<JoinHandle<()>>,
    committer: Option<JoinHandle<()>>,
}

impl EpochThreads {
    /// Opens the first epoch.
    pub(crate) fn start(prepared: Prepared, settings: &Settings, tasks: LiveTasks) -> Result<Self> {
        let line = Arc::new(Line::default());
        line.tell(|commits| commits.committed = prepared.epoch - 1);
        let limits = Limits {
            interval: settings.commit_interval,
            messages: settings.commit_messages,
            bytes: settings.commit_bytes,
            stall_after: settings.retry.stall_after,
        };
        let mut coordinator = Coordinator::new(limits, line.clone(), prepared.epoch);
        coordinator.budget = prepared.suspicion.limit();
        let stats = EpochStats {
            incarnation: prepared.incarnation,
            epoch: prepared.epoch,
            phase: Phase::Closed,
            idle: false,
            drain: Duration::ZERO,
            rollbacks: 0,
            reason: None,
            stalled: None,
            ended: None,
            commits: line.commits(),
        };
        let shared = Arc::new(Shared {
            asked: AtomicU8::new(NOTHING),
            requested: AtomicU64::new(0),
            answered: AtomicU64::new(0),
            stop: AtomicBool::new(false),
            over: AtomicBool::new(false),
            stats: Mutex::new(stats),
            line: line.clone(),
            door: prepared.door,
        });
        let clerk = Clerk::new(prepared.committer, line.clone(), prepared.suspicion.pardon());
        let (ours, suspicion) = (shared.clone(), prepared.suspicion);
        let coordinator = std::thread::Builder::new()
            .name("squall-epochs".into())
            .spawn(move || coordinate(coordinator, tasks, suspicion, &ours))?;
        let committer = std::thread::Builder::new()
            .name("squall-commits".into())
            .spawn(move || commit(clerk, &line))?;
        Ok(EpochThreads { shared, coordinator: Some(coordinator), committer: Some(committer) })
    }

    /// How it is going.
    pub(crate) fn stats(&self) -> EpochStats {
        let mut stats = self.shared.stats.lock().clone();
        stats.commits = self.shared.line.commits();
        stats.ended = stats.ended.or_else(|| stats.commits.ended.clone());
        stats
    }

    /// Whether the epoch in hand has taken nothing in and nothing waits for a commit.
    pub(crate) fn is_idle(&self) -> bool {
        let idle = self.shared.door.taken() == 0 && self.shared.line.is_free();
        idle && self.shared.stats.lock().idle
    }

    /// The place among the bolts of the one that is asked for what it holds back.
    pub(crate) fn firing(&self) -> Option<usize> {
        match self.shared.stats.lock().phase {
            Phase::Firing(place) => Some(place),
            _ => None,
        }
    }

    /// Asks for the epoch in hand to be the last one; `last` says that the input has ended.
    pub(crate) fn finish(&self, last: bool) {
        self.shared.asked.store(if last { END_OF_INPUT } else { END }, SeqCst);
        self.wake();
    }

    /// Asks for the epoch in hand to end as soon as the spouts have nothing more for now. Gives the
    /// number of the request.
    pub(crate) fn request_commit(&self) -> u64 {
        let request = self.shared.requested.fetch_add(1, SeqCst) + 1;
        self.wake();
        request
    }

    /// Whether the epoch that this request has ended is committed.
    pub(crate) fn is_committed(&self, request: u64) -> bool {
        self.shared.answered.load(SeqCst) >= request && self.shared.line.is_free()
    }

    /// Whether it has been the last one and is committed, or never will be.
    pub(crate) fn is_over(&self) -> bool {
        self.shared.over.load(SeqCst)
    }

    fn wake(&self) {
        if let Some(thread) = &self.coordinator {
            thread.thread().unpark();
        }
    }

    /// Ends the threads. What is not committed comes again in the next run.
    pub(crate) fn stop(&mut self) {
        self.shared.stop.store(true, SeqCst);
        self.wake();
        self.shared.line.close();
        for thread in [self.coordinator.take(), self.committer.take()].into_iter().flatten() {
            if thread.join().is_err() {
                tracing::error!("a thread of the epochs panicked");
            }
        }
    }
}

fn coordinate(
    mut coordinator: Coordinator,
    mut tasks: LiveTasks,
    mut suspicion: Suspicion,
    shared: &Shared,
) {
    let start = Instant::now();
    while !shared.stop.load(SeqCst) {
        match shared.asked.load(SeqCst) {
            END => coordinator.finish(false),
            END_OF_INPUT => coordinator.finish(true),
            _ => {}
        }
        let requested = shared.requested.load(SeqCst);
        if requested > coordinator.answered && tasks.spouts_are_idle() {
            coordinator.commit(requested);
        }
        let next = coordinator.step(&mut tasks, start.elapsed());
        shared.answered.store(coordinator.answered, SeqCst);
        suspicion.watch(coordinator.epoch(), &tasks.door, &shared.line, start.elapsed());
        let mut stats = shared.stats.lock();
        stats.epoch = coordinator.epoch();
        stats.phase = coordinator.phase();
        stats.idle = coordinator.is_idle();
        stats.drain = coordinator.drain;
        stats.rollbacks = coordinator.rollbacks;
        stats.reason.clone_from(&coordinator.reason);
        stats.stalled.clone_from(&coordinator.stalled);
        drop(stats);
        match next {
            Next::Now => {}
            Next::Soon => std::thread::sleep(SOON),
            Next::At(at) => std::thread::park_timeout(at.saturating_sub(start.elapsed())),
            Next::Ended(reason) => {
                if let Some(reason) = reason {
                    tracing::error!(reason, "this run ends");
                    shared.stats.lock().ended = Some(reason);
                }
                shared.over.store(true, SeqCst);
                return;
            }
        }
    }
}

fn commit(mut clerk: Clerk, line: &Line) {
    loop {
        let goes_on = match clerk.step() {
            Work::Going => true,
            Work::Idle => line.wait(),
            Work::Wait(pause) => line.pause(pause),
            Work::Over => false,
        };
        if !goes_on {
            return clerk.end();
        }
    }
}
