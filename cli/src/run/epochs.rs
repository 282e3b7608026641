//! What a topology that runs in epochs commits to: its stores, its state folder, the queues.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    thread,
    time::{Duration, Instant},
};

use squall_broker::Store;
use squall_components::{QueueOutbox, state::StateFolder};
use squall_framework::{
    CommitMode, CommitStore, CommitStores, DeadLetterTarget, Epochs, StateError, Topology,
    TopologyFile,
};

use crate::failure::Failure;

/// How long the start waits for a store that is away.
const PATIENCE: Duration = Duration::from_secs(30);
/// How long it waits for somebody else to let go of the state.
const MOMENT: Duration = Duration::from_secs(5);
const LOOK: Duration = Duration::from_millis(10);

/// The state folder of a topology in a data folder.
pub(crate) fn state_folder(data: &Path, topology: &str) -> PathBuf {
    data.join("topologies").join(topology).join("state")
}

/// What this topology commits to.
pub(super) fn of(file: &TopologyFile, data: &Path, store: &Store) -> Result<Epochs, Failure> {
    let topology = &file.topology;
    let folder = state_folder(data, topology.name());
    let mut states = open(&folder, topology.name())?;
    Ok(Epochs {
        store: commit_store(topology, &mut states)?,
        states: Box::new(states),
        outbox: Box::new(QueueOutbox::new(store.clone())),
        dead_letters: dead_letters(file),
        patience: PATIENCE,
    })
}

/// Opens the folder. A command that only looks at it has it for a moment, and so have the threads of
/// a run of this process that has just ended.
fn open(folder: &Path, topology: &str) -> Result<StateFolder, Failure> {
    let deadline = Instant::now() + MOMENT;
    loop {
        match StateFolder::open(folder, topology) {
            Err(error) if error.retry && Instant::now() < deadline => thread::sleep(LOOK),
            opened => return opened.map_err(of_states),
        }
    }
}

/// The queue for rows that become dead letters.
fn dead_letters(file: &TopologyFile) -> String {
    match &file.dead_letters {
        Some(DeadLetterTarget::Queue(name)) => name.clone(),
        // What leaves with a commit leaves by a queue.
        _ => format!("{}.dead", file.topology.name()),
    }
}

/// The store that the topology names first keeps the record of the commits; all others only take
/// rows. Without a store, or when rows may be written again, the state folder keeps the record.
pub(crate) fn commit_store(
    topology: &Topology,
    states: &mut StateFolder,
) -> Result<Box<dyn CommitStore>, Failure> {
    let record = topology.commit_target();
    let mut beside: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for (component, target) in topology.targets() {
        if record.is_none_or(|record| record.name() != target.name()) {
            beside.entry(target.name()).or_default().push(component.id.clone());
        }
    }
    let mut stores = CommitStores::new(match record {
        Some(target) => target.open(topology.name(), CommitMode::WithRecord),
        None => Box::new(states.commit_store(None).map_err(of_states)?),
    });
    for (name, components) in beside {
        if let Some((_, target)) = topology.targets().find(|(_, target)| target.name() == name) {
            stores.add(components, target.open(topology.name(), CommitMode::RowsOnly));
        }
    }
    Ok(Box::new(stores))
}

pub(crate) fn of_states(error: StateError) -> Failure {
    Failure::failed(error.message)
}
