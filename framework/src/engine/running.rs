//! A topology that runs, and its handle.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::Relaxed},
        mpsc,
    },
    thread::JoinHandle,
    time::{Duration, Instant},
};

use super::{
    clock::now_ns,
    edge::Edge,
    epochs::{EpochThreads, Epochs, LiveTasks, Lost, Prepared},
    history::History,
    slot::Slot,
    snapshot::{Snapshot, snapshot},
    supervisor::{Supervisor, Watched},
    system::{EpochWiring, Lent, Threads},
    task::Control,
    wiring::Wiring,
};
use crate::{error::Result, topology::Topology};

/// How often conditions are looked at while somebody waits for them.
const LOOK: Duration = Duration::from_millis(2);

/// A task that is inside one call for this long is not waited for at the end.
const GRACE: Duration = Duration::from_millis(500);

/// A running topology. Dropping it stops the tasks without draining them.
pub struct Running {
    topology: Arc<Topology>,
    threads: Option<Arc<Threads>>,
    watched: Arc<Watched>,
    edges: Vec<Arc<Edge>>,
    supervisor: Option<JoinHandle<()>>,
    epochs: Option<EpochThreads>,
    started: Instant,
}

/// Starts the topology: threads, tasks, supervisor. Spouts begin at once.
///
/// ```
/// use std::time::Duration;
/// use squall_framework::{Grouping, Topology, start, testing::{Discard, Numbers}};
///
/// let topology = Topology::builder("count")
///     .spout("numbers", 1, || Ok(Numbers::up_to(10_000)))
///     .bolt("sink", 2, &[("numbers", Grouping::Shuffle)], || Ok(Discard))
///     .build()?;
/// let running = start(topology, Default::default())?;
/// assert!(running.wait_idle(Duration::from_secs(30)));
/// assert_eq!(running.snapshot().component("sink").unwrap().executed, 10_000);
/// running.stop();
/// # Ok::<(), squall_framework::AnyError>(())
/// ```
///
/// A topology that runs in epochs, because a bolt keeps state, commits to the
/// memory of this process; see [`start_in_epochs`].
///
/// # Errors
/// A thread could not be started, or a source not be claimed.
pub fn start(topology: Topology, lent: Lent) -> Result<Running> {
    let epochs = topology.runs_in_epochs().then(Epochs::in_memory);
    start_with(topology, lent, epochs)
}

/// As [`start`], with results, states and what was read committed together to what `epochs` names.
/// What the last run left to be done is done first.
///
/// # Errors
/// What is in the way, and what to do about it: a store that is away, a state that does not go
/// with the store's results, a source that somebody else has.
pub fn start_in_epochs(topology: Topology, lent: Lent, epochs: Epochs) -> Result<Running> {
    start_with(topology, lent, Some(epochs))
}

fn start_with(topology: Topology, lent: Lent, epochs: Option<Epochs>) -> Result<Running> {
    let topology = Arc::new(topology);
    let prepared = epochs.map(|epochs| Prepared::new(&topology, &lent.resources, epochs));
    let prepared = prepared.transpose()?;
    let wiring = Wiring::new(&topology);
    let (reports, fallen) = mpsc::channel();
    let (replies, answers) = mpsc::channel();
    let epochs = prepared.as_ref().map(|prepared| EpochWiring::new(&topology, prepared, replies));
    let threads = Threads::start(&topology, &wiring, &lent, &reports, epochs.as_ref())?;
    drop(epochs);
    let threads = Arc::new(threads);
    let watched = Arc::new(Watched {
        slots: wiring.tasks.iter().map(|task| task.slot.clone()).collect(),
        history: History::default(),
        stop: AtomicBool::new(false),
    });
    let ticks = ticks(&topology, &wiring);
    let lost = prepared.as_ref().map(|_| Lost::default());
    let supervisor = Supervisor::new(
        watched.clone(),
        threads.clone(),
        topology.settings().clone(),
        ticks,
        lost.clone(),
    );
    let supervisor = std::thread::Builder::new()
        .name("squall-supervisor".into())
        .spawn(move || supervisor.run(&fallen))?;
    let mut running = Running {
        topology,
        threads: Some(threads.clone()),
        watched,
        edges: wiring.edges,
        supervisor: Some(supervisor),
        epochs: None,
        started: Instant::now(),
    };
    if let (Some(prepared), Some(lost)) = (prepared, lost) {
        let tasks = LiveTasks {
            slots: running.watched.slots.clone(),
            edges: running.edges.clone(),
            threads,
            door: prepared.door.clone(),
            replies: answers,
            lost,
            sources: prepared.sources.clone(),
            bolts: bolts(&running.topology, &running.watched.slots),
            round: 0,
            cuts: Vec::new(),
            halted: 0,
        };
        let settings = running.topology.settings();
        running.epochs = Some(EpochThreads::start(prepared, settings, tasks)?);
    }
    Ok(running)
}

/// The tasks of each bolt, in topological order.
fn bolts(topology: &Topology, slots: &[Arc<Slot>]) -> Vec<Vec<u32>> {
    let bolts = topology.components().iter().filter(|component| !component.is_spout());
    let tasks =
        |id: &str| slots.iter().filter(|slot| &*slot.component == id).map(|slot| slot.id).collect();
    bolts.map(|component| tasks(&component.id)).collect()
}

fn ticks(topology: &Topology, wiring: &Wiring) -> Vec<(Duration, Vec<u32>)> {
    let components = topology.components().iter().enumerate();
    let ticked = components.filter_map(|(index, component)| {
        let tasks = wiring.tasks.iter().filter(|task| task.component == index);
        Some((component.tick?, tasks.map(|task| task.slot.id).collect()))
    });
    ticked.collect()
}

impl Running {
    /// The topology that runs.
    #[must_use]
    pub fn topology(&self) -> &Topology {
        &self.topology
    }

    /// Everything there is to know, as of now.
    #[must_use]
    pub fn snapshot(&self) -> Snapshot {
        let epochs = self.epochs.as_ref().map(EpochThreads::stats);
        snapshot(&self.topology, &self.watched, &self.edges, self.started, epochs)
    }

    /// Lets the spouts emit, or hold back. What is under way goes on.
    pub fn set_active(&self, active: bool) {
        if let Some(threads) = &self.threads {
            for slot in self.watched.slots.iter().filter(|slot| slot.is_spout) {
                threads.send(slot.id, Control::Active(active));
            }
        }
    }

    /// Whether nothing is under way, nothing is to be retried, and no spout
    /// has anything for now.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        if self.epochs.as_ref().is_some_and(|epochs| !epochs.is_idle()) {
            return false;
        }
        self.spouts_are_idle() && self.is_quiet() && self.spouts_are_idle()
    }

    /// Waits until the topology is idle. False when `timeout` came first.
    #[must_use]
    pub fn wait_idle(&self, timeout: Duration) -> bool {
        wait(timeout, || self.is_idle())
    }

    fn spouts_are_idle(&self) -> bool {
        self.watched.slots.iter().filter(|slot| slot.is_spout).all(|slot| slot.stats.lock().idle)
    }

    /// Whether nothing is under way.
    fn is_quiet(&self) -> bool {
        let settled = |slot: &Arc<super::slot::Slot>| {
            let stats = slot.stats.lock();
            stats.in_flight == 0 && stats.retrying == 0
        };
        self.watched.slots.iter().all(|slot| slot.is_idle() && settled(slot))
            && self.edges.iter().all(|edge| edge.in_flight().0 == 0)
    }

    /// Shuts the spouts and waits until all that is under way is done, then
    /// lets every bolt emit what it holds back. False when `timeout` came
    /// first: what was not done stays with its source.
    ///
    /// In epochs: ends and commits the epoch in hand; it is the last one.
    #[must_use]
    pub fn drain(&self, timeout: Duration) -> bool {
        self.end_epochs(false, timeout).unwrap_or_else(|| self.drain_tuples(timeout))
    }

    /// As [`drain`](Self::drain), at the end of the input: windows that wait
    /// for later tuples need wait no more.
    #[must_use]
    pub fn finish(&self, timeout: Duration) -> bool {
        self.end_epochs(true, timeout).unwrap_or_else(|| self.drain_tuples(timeout))
    }

    /// In epochs: asks for the epoch in hand to end, and be committed, as soon as the spouts have
    /// nothing more for now. Gives the number of the request.
    pub(crate) fn request_commit(&self) -> u64 {
        self.epochs.as_ref().map_or(0, EpochThreads::request_commit)
    }

    /// Whether what a request asked for is done.
    pub(crate) fn is_committed(&self, request: u64) -> bool {
        self.epochs.as_ref().is_none_or(|epochs| epochs.is_committed(request))
    }

    /// Ticks a component; in epochs it takes the tick when the epoch in hand ends.
    pub(crate) fn tick(&self, component: &str) {
        for slot in self.watched.slots.iter().filter(|slot| *slot.component == *component) {
            slot.request_tick();
        }
    }

    /// In epochs: the bolt that is asked for what it holds back.
    pub(crate) fn flushed(&self) -> Option<&str> {
        let place = self.epochs.as_ref()?.firing()?;
        let mut bolts = self.topology.components().iter().filter(|component| !component.is_spout());
        bolts.nth(place).map(|component| component.id.as_str())
    }

    /// In epochs: ends and commits the epoch in hand. False when it could not be.
    fn end_epochs(&self, last: bool, timeout: Duration) -> Option<bool> {
        let epochs = self.epochs.as_ref()?;
        epochs.finish(last);
        Some(wait(timeout, || epochs.is_over()) && epochs.stats().ended.is_none())
    }

    fn drain_tuples(&self, timeout: Duration) -> bool {
        let deadline = Instant::now() + timeout;
        let left = || deadline.saturating_duration_since(Instant::now());
        self.set_active(false);
        if !wait(left(), || self.nothing_moves()) {
            return false;
        }
        for component in self.topology.components().iter().filter(|c| !c.is_spout()) {
            for slot in self.watched.slots.iter().filter(|slot| *slot.component == *component.id) {
                slot.request_flush();
            }
            if !wait(left(), || self.nothing_moves()) {
                return false;
            }
        }
        true
    }

    /// As `is_quiet`, but messages that wait for a retry may go on waiting.
    fn nothing_moves(&self) -> bool {
        self.watched.slots.iter().all(|slot| slot.is_idle() && slot.stats.lock().in_flight == 0)
            && self.edges.iter().all(|edge| edge.in_flight().0 == 0)
    }

    /// Closes every component and ends the threads.
    pub fn stop(mut self) {
        self.end();
    }

    fn end(&mut self) {
        let Some(threads) = self.threads.take() else { return };
        if let Some(mut epochs) = self.epochs.take() {
            epochs.stop();
        }
        for slot in &self.watched.slots {
            threads.send(slot.id, Control::Stop);
        }
        let stopped = |slot: &Arc<super::slot::Slot>| {
            let since = slot.busy_since.load(Relaxed);
            let inside = now_ns().saturating_sub(since);
            (since != 0 && inside > GRACE.as_nanos() as u64)
                || *slot.status.lock() == super::slot::TaskStatus::Stopped
        };
        if !wait(Duration::from_secs(5), || self.watched.slots.iter().all(stopped)) {
            tracing::warn!("a task did not stop in time and is left behind");
        }
        let ended = |slot: &Arc<Slot>| *slot.status.lock() == super::slot::TaskStatus::Stopped;
        let all_ended = self.watched.slots.iter().all(ended);
        self.watched.stop.store(true, Relaxed);
        if let Some(supervisor) = self.supervisor.take()
            && supervisor.join().is_err()
        {
            tracing::error!("the supervisor panicked");
        }
        match Arc::try_unwrap(threads) {
            Ok(threads) => threads.stop(all_ended),
            Err(_) => tracing::error!("the threads are still in use and are left behind"),
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.end();
    }
}

fn wait(timeout: Duration, condition: impl Fn() -> bool) -> bool {
    let deadline = Instant::now() + timeout;
    while !condition() {
        if Instant::now() >= deadline {
            return false;
        }
        std::thread::sleep(LOOK);
    }
    true
}
