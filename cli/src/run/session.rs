//! A topology that runs with a data folder.

use std::time::{Duration, Instant};

use squall_components::Replay;
use squall_config::did_you_mean;
use squall_framework::{
    ComponentSnapshot, Lent, Resources, Running, Snapshot, TaskState, Topology, TopologyFile,
    TopologyState, start, start_in_epochs,
};

use super::{
    dead_letters, epochs,
    summary::{Outcome, Summary},
};
use crate::{
    failure::Failure,
    local::{Asks, DataFolder, Rebalance},
};

/// A running topology and the data folder that its components use.
pub(crate) struct Session {
    // Stopped before the store is closed.
    running: Running,
    file: TopologyFile,
    replay: Option<Replay>,
    folder: DataFolder,
    started: Instant,
}

impl Session {
    /// Starts a topology with the queues of `folder`.
    pub(crate) fn start(file: TopologyFile, folder: DataFolder) -> Result<Self, Failure> {
        Self::start_with(file, folder, None)
    }

    /// Starts a topology that computes again from messages that are kept.
    pub(crate) fn replay(
        file: TopologyFile,
        folder: DataFolder,
        replay: Replay,
    ) -> Result<Self, Failure> {
        Self::start_with(file, folder, Some(replay))
    }

    fn start_with(
        file: TopologyFile,
        folder: DataFolder,
        replay: Option<Replay>,
    ) -> Result<Self, Failure> {
        let started = Instant::now();
        let running = begin(&file, &folder, replay.as_ref())?;
        Ok(Session { running, file, replay, folder, started })
    }

    /// What others ask of this topology.
    pub(crate) fn asks(&self) -> &Asks {
        self.folder.asks()
    }

    /// Runs a component with another number of tasks from the next commit on. Nothing is lost and
    /// nothing done twice: the state moves with its keys. The inner error leaves it as it was.
    pub(crate) fn rebalance(
        mut self,
        asked: &Rebalance,
        patience: Duration,
    ) -> Result<(Self, Result<(), Failure>), Failure> {
        let topology = match rebalanced(&self.file.topology, asked) {
            Ok(topology) => topology,
            Err(refused) => return Ok((self, Err(refused))),
        };
        let drained = self.running.drain(patience);
        let Session { running, replay, folder, started, .. } = self;
        running.stop();
        let outcome = match drained {
            true => {
                self.file.topology = topology;
                Ok(())
            }
            // What was under way comes again to the tasks that there were.
            false => Err(Failure::failed("what was under way could not be finished in time")),
        };
        let running = begin(&self.file, &folder, replay.as_ref())?;
        Ok((Session { running, file: self.file, replay, folder, started }, outcome))
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

    /// As `drain`, at the end of the input: windows that wait for later tuples need wait no more.
    #[must_use]
    pub(crate) fn finish(&self, patience: Duration) -> bool {
        self.running.finish(patience)
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

fn rebalanced(topology: &Topology, asked: &Rebalance) -> Result<Topology, Failure> {
    if topology.name() != asked.topology {
        let message = format!("`{}` runs here, not `{}`", topology.name(), asked.topology);
        return Err(Failure::usage(message));
    }
    if topology.component(&asked.component).is_none() {
        let ids = topology.components().iter().map(|component| component.id.as_str());
        let near =
            did_you_mean(&asked.component, ids).map(|near| format!("did you mean `{near}`?"));
        let message = format!("`{}` has no component `{}`", asked.topology, asked.component);
        return Err(Failure::usage(message).maybe_help(near));
    }
    let builder = topology.to_builder().parallelism(&asked.component, asked.tasks);
    builder.build().map_err(Failure::usage)
}

fn begin(
    file: &TopologyFile,
    folder: &DataFolder,
    replay: Option<&Replay>,
) -> Result<Running, Failure> {
    let mut resources = Resources::default().with(folder.store().clone());
    if let Some(replay) = replay {
        resources = resources.with(replay.clone());
    }
    let lent = Lent {
        resources,
        dead_letters: Some(dead_letters::of(file, folder.store())?),
        ..Lent::default()
    };
    let topology = file.topology.clone();
    let running = if topology.runs_in_epochs() {
        start_in_epochs(topology, lent, epochs::of(file, folder.path(), folder.store())?)
    } else {
        start(topology, lent)
    };
    running.map_err(|error| Failure::failed(format!("the topology could not be started: {error}")))
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
