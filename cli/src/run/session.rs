//! A topology that runs with a data folder.

use std::time::{Duration, Instant};

use squall_framework::{
    ComponentSnapshot, Lent, Resources, Running, Snapshot, TaskState, TopologyFile, TopologyState,
    start,
};

use super::{
    dead_letters,
    summary::{Outcome, Summary},
};
use crate::{failure::Failure, local::DataFolder};

/// A running topology and the data folder that its components use.
pub(crate) struct Session {
    // Stopped before the store is closed.
    running: Running,
    folder: DataFolder,
    started: Instant,
}

impl Session {
    /// Starts a topology with the queues of `folder`.
    pub(crate) fn start(file: TopologyFile, folder: DataFolder) -> Result<Self, Failure> {
        let lent = Lent {
            resources: Resources::default().with(folder.store().clone()),
            dead_letters: Some(dead_letters::of(&file, folder.store())?),
            ..Lent::default()
        };
        let started = Instant::now();
        let running = start(file.topology, lent).map_err(|error| {
            Failure::failed(format!("the topology could not be started: {error}"))
        })?;
        Ok(Session { running, folder, started })
    }

    /// Everything there is to know, as of now.
    pub(crate) fn snapshot(&self) -> Snapshot {
        self.running.snapshot()
    }

    /// How long it has been running.
    pub(crate) fn elapsed(&self) -> Duration {
        self.started.elapsed()
    }

    /// Messages in the queues that this topology reads which it has not settled.
    pub(crate) fn backlog(&self) -> u64 {
        let store = self.folder.store();
        let queues =
            store.list().into_iter().filter_map(|name| store.queue(&name).ok()?.stats().ok());
        let groups = queues.flat_map(|queue| queue.groups);
        // Nobody else has this store, so whatever is claimed is claimed by this topology.
        groups
            .filter(|group| group.claimed_by.is_some())
            .map(|group| group.active + group.inactive)
            .sum()
    }

    /// Whether all that its sources have for now is done.
    pub(crate) fn is_idle(&self) -> bool {
        self.running.is_idle() && self.backlog() == 0 && self.running.is_idle()
    }

    /// Reads nothing more and waits up to `patience` until what is under way is done.
    #[must_use]
    pub(crate) fn drain(&self, patience: Duration) -> bool {
        self.running.drain(patience)
    }

    /// Stops the topology, closes the folder and says how it went.
    pub(crate) fn end(self, outcome: Outcome, sent: u64) -> Summary {
        let elapsed = self.elapsed();
        let unsettled = self.backlog();
        let snapshot = self.running.snapshot();
        self.running.stop();
        Summary::new(&snapshot, outcome, elapsed, sent, unsettled)
    }
}

/// What keeps a topology from going on, in words.
pub(super) fn trouble(snapshot: &Snapshot) -> Option<String> {
    match &snapshot.state {
        TopologyState::Stalled(reason) | TopologyState::Failed(reason) => {
            return Some(reason.clone());
        }
        TopologyState::Running => {}
    }
    let task = snapshot.tasks.iter().find_map(|task| match &task.state {
        TaskState::Restarting { reason } => {
            Some(format!("{} cannot be started: {reason}", task.component))
        }
        TaskState::Stuck { for_ms } => Some(format!(
            "{} has been inside one call for {:.0} s",
            task.component,
            *for_ms as f64 / 1e3
        )),
        _ => None,
    });
    let told = |component: &ComponentSnapshot| {
        component.last_error.as_ref().map(|error| format!("{}: {error}", component.id))
    };
    task.or_else(|| snapshot.components.iter().find_map(told))
}
