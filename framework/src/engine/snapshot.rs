//! Everything about a running topology, to be shown or sent.

use std::{
    sync::{Arc, atomic::Ordering::Relaxed},
    time::Instant,
};

use hdrhistogram::Histogram;
use serde::Serialize;

use super::{
    clock::now_ns,
    edge::Edge,
    epochs::EpochStats,
    history::Event,
    slot::{Slot, TaskStatus},
    stats::new_histogram,
    supervisor::Watched,
};
use crate::topology::Topology;

/// A running topology at one moment. Counters count from the start.
#[derive(Debug, Clone, Serialize)]
pub struct Snapshot {
    /// The topology's name.
    pub topology: String,
    /// Seconds since the start.
    pub uptime_s: f64,
    /// How it is.
    pub state: TopologyState,
    /// Its components, each behind all that it reads.
    pub components: Vec<ComponentSnapshot>,
    /// Its tasks by number.
    pub tasks: Vec<TaskSnapshot>,
    /// The ways between components.
    pub edges: Vec<EdgeSnapshot>,
    /// How commits are going, in a topology that runs in epochs.
    pub epochs: Option<EpochSnapshot>,
    /// What happened to its tasks, oldest first; the newest thousand.
    pub history: Vec<Event>,
}

/// How the commits of a topology are going.
#[derive(Debug, Clone, Serialize)]
pub struct EpochSnapshot {
    /// The number of this run.
    pub incarnation: u64,
    /// The epoch in hand.
    pub epoch: u64,
    /// The last epoch that is committed.
    pub committed: u64,
    /// How many were committed in this run.
    pub commits: u64,
    /// Rows that they wrote.
    pub rows: u64,
    /// Rows that the store rejected; they are dead letters.
    pub rejected: u64,
    /// How often an epoch was given up and begun anew.
    pub rollbacks: u64,
    /// How long spouts waited for the last epoch to end, in microseconds.
    pub drain_us: u64,
    /// How long the store took for the last commit, in microseconds.
    pub commit_us: u64,
    /// The same, with all that is done after it.
    pub whole_us: u64,
    /// Why the commit in hand waits.
    pub waiting: Option<String>,
    /// Why an epoch was given up last.
    pub reason: Option<String>,
    /// Why there will be no more commits: this run has to end.
    pub ended: Option<String>,
}

/// How a topology is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case", tag = "is", content = "reason")]
pub enum TopologyState {
    /// All is well.
    Running,
    /// Everything fails, for this reason; messages wait for it to be mended.
    Stalled(String),
    /// A task was restarted too often and is down; the others run on.
    Failed(String),
}

/// Percentiles of a time, in microseconds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
pub struct Latency {
    /// Half are faster.
    pub p50_us: f64,
    /// 99 of 100 are faster.
    pub p99_us: f64,
    /// 999 of 1,000 are faster.
    pub p999_us: f64,
    /// The slowest.
    pub max_us: f64,
}

/// All tasks of a component together.
#[derive(Debug, Clone, Serialize)]
pub struct ComponentSnapshot {
    /// Its id.
    pub id: String,
    /// Its type.
    pub kind: String,
    /// Whether it is a spout.
    pub is_spout: bool,
    /// How many tasks it has.
    pub parallelism: usize,
    /// Tuples that it worked on.
    pub executed: u64,
    /// Tuples that it emitted.
    pub emitted: u64,
    /// For a spout: messages that were done.
    pub acked: u64,
    /// Tuples, for a spout messages, that failed.
    pub failed: u64,
    /// For a spout: failed messages that came back or will.
    pub retried: u64,
    /// For a spout: messages that became dead letters.
    pub dead: u64,
    /// For a spout: messages that are under way.
    pub in_flight: u64,
    /// For a spout: messages that wait in memory to be emitted again.
    pub retrying: u64,
    /// How often its tasks were built again.
    pub restarts: u64,
    /// Batches that wait in its inboxes.
    pub inbox: u64,
    /// Seconds that its tasks spent inside the component.
    pub busy_s: f64,
    /// Seconds that its tasks waited for credit of those behind it.
    pub blocked_s: f64,
    /// For a bolt the time of a tuple, averaged over its batch; for a spout
    /// the time of a message until it was done.
    pub latency: Latency,
    /// The newest error of any of its tasks.
    pub last_error: Option<String>,
}

/// One task.
#[derive(Debug, Clone, Serialize)]
pub struct TaskSnapshot {
    /// Its number in the topology.
    pub task: u32,
    /// Its component.
    pub component: Arc<str>,
    /// Its number in the component.
    pub index: usize,
    /// The thread it runs on.
    pub thread: usize,
    /// What it is doing.
    pub state: TaskState,
    /// Tuples that it worked on.
    pub executed: u64,
    /// Tuples that it emitted.
    pub emitted: u64,
    /// How often it was built again.
    pub restarts: u64,
    /// Batches in its inbox.
    pub inbox: u64,
    /// Its newest error.
    pub last_error: Option<String>,
}

/// What a task is doing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case", tag = "is")]
pub enum TaskState {
    /// It has not been prepared yet.
    Starting,
    /// It works or waits for work.
    Running,
    /// It waits for credit of this component.
    Blocked {
        /// The component's id.
        by: Arc<str>,
    },
    /// It has been inside one call for this long.
    Stuck {
        /// Milliseconds.
        for_ms: u64,
    },
    /// It shares a thread with a task that is stuck.
    WaitingFor {
        /// The component of the stuck task.
        stuck: Arc<str>,
    },
    /// It will be built again.
    Restarting {
        /// Why it fell.
        reason: String,
    },
    /// It was restarted too often.
    Failed {
        /// Why.
        reason: String,
    },
    /// The topology has ended.
    Stopped,
}

/// The way from one component to another: all edges between their tasks.
#[derive(Debug, Clone, Serialize)]
pub struct EdgeSnapshot {
    /// The component that sends.
    pub from: Arc<str>,
    /// The component that receives.
    pub to: Arc<str>,
    /// Rows sent.
    pub rows: u64,
    /// Batches on their way.
    pub in_flight: u64,
    /// Bytes on their way.
    pub bytes: u64,
    /// Seconds that senders waited for credit.
    pub blocked_s: f64,
}

impl Snapshot {
    /// The component of this id.
    #[must_use]
    pub fn component(&self, id: &str) -> Option<&ComponentSnapshot> {
        self.components.iter().find(|component| component.id == id)
    }

    /// The sum of a counter over all spouts.
    #[must_use]
    pub fn spouts(&self, counter: impl Fn(&ComponentSnapshot) -> u64) -> u64 {
        self.components.iter().filter(|component| component.is_spout).map(counter).sum()
    }

    /// The component that holds the others up: of those that have the most of
    /// their time inside calls, per task.
    #[must_use]
    pub fn slowest(&self) -> Option<&ComponentSnapshot> {
        let load = |c: &&ComponentSnapshot| (c.busy_s / c.parallelism.max(1) as f64 * 1e6) as u64;
        self.components.iter().filter(|c| c.busy_s > 0.0).max_by_key(load)
    }
}

pub(super) fn snapshot(
    topology: &Topology,
    watched: &Watched,
    edges: &[Arc<Edge>],
    started: Instant,
    epochs: Option<EpochStats>,
) -> Snapshot {
    let stuck_after = topology.settings().stuck_after.as_nanos() as u64;
    let tasks: Vec<_> =
        watched.slots.iter().map(|slot| task(slot, &watched.slots, edges, stuck_after)).collect();
    let components = topology.components().iter().map(|component| {
        let slots = watched.slots.iter().filter(|slot| *slot.component == *component.id);
        let mut all = ComponentSnapshot {
            id: component.id.clone(),
            kind: component.kind.clone(),
            is_spout: component.is_spout(),
            parallelism: component.parallelism,
            executed: 0,
            emitted: 0,
            acked: 0,
            failed: 0,
            retried: 0,
            dead: 0,
            in_flight: 0,
            retrying: 0,
            restarts: 0,
            inbox: 0,
            busy_s: 0.0,
            blocked_s: 0.0,
            latency: Latency::default(),
            last_error: None,
        };
        let mut latency = new_histogram();
        for slot in slots {
            add(&mut all, slot, &mut latency, edges);
        }
        all.latency = percentiles(&latency);
        all
    });
    Snapshot {
        topology: topology.name().into(),
        uptime_s: started.elapsed().as_secs_f64(),
        state: state(&watched.slots, epochs.as_ref()),
        components: components.collect(),
        tasks,
        edges: between(watched, edges),
        epochs: epochs.map(of_epochs),
        history: watched.history.all(),
    }
}

fn of_epochs(stats: EpochStats) -> EpochSnapshot {
    let EpochStats { commits, .. } = stats;
    EpochSnapshot {
        incarnation: stats.incarnation,
        epoch: stats.epoch,
        committed: commits.committed,
        commits: commits.count,
        rows: commits.rows,
        rejected: commits.rejected,
        rollbacks: stats.rollbacks,
        drain_us: stats.drain.as_micros() as u64,
        commit_us: commits.commit_us,
        whole_us: commits.whole_us,
        waiting: commits.waiting,
        reason: stats.reason,
        ended: stats.ended,
    }
}

fn state(slots: &[Arc<Slot>], epochs: Option<&EpochStats>) -> TopologyState {
    if let Some(epochs) = epochs {
        if let Some(reason) = &epochs.ended {
            return TopologyState::Failed(reason.clone());
        }
        let waits = epochs.commits.waiting.as_ref().or(epochs.stalled.as_ref());
        if let Some(reason) = waits {
            return TopologyState::Stalled(reason.clone());
        }
    }
    for slot in slots {
        if let TaskStatus::Failed(reason) = &*slot.status.lock() {
            return TopologyState::Failed(format!("{}: {reason}", slot.component));
        }
    }
    let stalled = slots.iter().find_map(|slot| slot.stats.lock().stalled.clone());
    stalled.map_or(TopologyState::Running, TopologyState::Stalled)
}

fn add(
    all: &mut ComponentSnapshot,
    slot: &Slot,
    latency: &mut Histogram<u64>,
    edges: &[Arc<Edge>],
) {
    let stats = slot.stats.lock();
    all.executed += stats.executed;
    all.emitted += stats.emitted;
    all.acked += stats.acked;
    all.failed += stats.failed;
    all.retried += stats.retried;
    all.dead += stats.dead;
    all.in_flight += stats.in_flight;
    all.retrying += stats.retrying;
    all.restarts += stats.restarts;
    all.inbox += slot.inbox.depth() + slot.in_hand.load(Relaxed);
    all.busy_s += stats.busy_ns as f64 / 1e9;
    let blocked: u64 = edges.iter().filter(|e| e.from == slot.id).map(|e| e.blocked_ns()).sum();
    all.blocked_s += blocked as f64 / 1e9;
    if stats.last_error.is_some() {
        all.last_error.clone_from(&stats.last_error);
    }
    // The bounds of both are the same, so adding cannot fail.
    let _ = latency.add(&stats.latency);
}

fn task(slot: &Slot, slots: &[Arc<Slot>], edges: &[Arc<Edge>], stuck_after: u64) -> TaskSnapshot {
    let stats = slot.stats.lock();
    TaskSnapshot {
        task: slot.id,
        component: slot.component.clone(),
        index: slot.index,
        thread: slot.thread,
        state: task_state(slot, slots, edges, stuck_after),
        executed: stats.executed,
        emitted: stats.emitted,
        restarts: stats.restarts,
        inbox: slot.inbox.depth() + slot.in_hand.load(Relaxed),
        last_error: stats.last_error.clone(),
    }
}

fn task_state(
    slot: &Slot,
    slots: &[Arc<Slot>],
    edges: &[Arc<Edge>],
    stuck_after: u64,
) -> TaskState {
    let inside = |slot: &Slot| match slot.busy_since.load(Relaxed) {
        0 => 0,
        since => now_ns().saturating_sub(since),
    };
    match slot.status.lock().clone() {
        TaskStatus::Starting => return TaskState::Starting,
        TaskStatus::Stopped => return TaskState::Stopped,
        TaskStatus::Restarting(reason) => return TaskState::Restarting { reason },
        TaskStatus::Failed(reason) => return TaskState::Failed { reason },
        TaskStatus::Running => {}
    }
    let ns = inside(slot);
    if ns > stuck_after {
        return TaskState::Stuck { for_ms: ns / 1_000_000 };
    }
    let neighbours =
        slots.iter().filter(|other| other.thread == slot.thread && other.id != slot.id);
    if let Some(stuck) = neighbours.into_iter().find(|other| inside(other) > stuck_after) {
        return TaskState::WaitingFor { stuck: stuck.component.clone() };
    }
    match edges.iter().find(|edge| edge.from == slot.id && edge.is_blocked()) {
        Some(edge) => TaskState::Blocked { by: slots[edge.to as usize].component.clone() },
        None => TaskState::Running,
    }
}

fn between(watched: &Watched, edges: &[Arc<Edge>]) -> Vec<EdgeSnapshot> {
    let mut all: Vec<EdgeSnapshot> = Vec::new();
    for edge in edges {
        let from = &watched.slots[edge.from as usize].component;
        let to = &watched.slots[edge.to as usize].component;
        let known = all.iter().position(|known| known.from == *from && known.to == *to);
        let index = known.unwrap_or_else(|| {
            all.push(EdgeSnapshot {
                from: from.clone(),
                to: to.clone(),
                rows: 0,
                in_flight: 0,
                bytes: 0,
                blocked_s: 0.0,
            });
            all.len() - 1
        });
        let (batches, bytes) = edge.in_flight();
        all[index].rows += edge.rows();
        all[index].in_flight += batches;
        all[index].bytes += bytes;
        all[index].blocked_s += edge.blocked_ns() as f64 / 1e9;
    }
    all
}

fn percentiles(histogram: &Histogram<u64>) -> Latency {
    let at = |quantile| histogram.value_at_quantile(quantile) as f64 / 1e3;
    if histogram.is_empty() {
        return Latency::default();
    }
    Latency {
        p50_us: at(0.5),
        p99_us: at(0.99),
        p999_us: at(0.999),
        max_us: histogram.max() as f64 / 1e3,
    }
}
