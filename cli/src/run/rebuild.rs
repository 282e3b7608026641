//! A state that was lost is computed again, from the messages that the queues still keep.

use std::time::Duration;

use serde::Serialize;
use squall_components::{
    Replay,
    state::{StateFolder, set_aside},
};
use squall_framework::{
    Body, Commit, CommitNumber, CommitStore, Committed, Epochs, ErrorKind, Lent, Outbox,
    OutboxMessage, Rejected, ReplayableSource, Resources, SourceClaim, StoreFault, TopologyFile,
    run_number, start_in_epochs,
};

use super::{commit_store, of_states, state_folder};
use crate::{failure::Failure, local::DataFolder};

/// What is put behind the names of the groups that are read once more.
const SUFFIX: &str = "-rebuild";
const LOOK: Duration = Duration::from_millis(10);

/// What was done.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Rebuilt {
    /// The epoch that the state is as of.
    pub(crate) epoch: u64,
    /// Messages that were computed again.
    pub(crate) messages: u64,
    /// Where the state is that was there before.
    pub(crate) aside: Option<String>,
}

/// Computes the state again that goes with the store's last commit: everything that the topology
/// has dealt with and its queues still keep goes through it once more, and what comes out is dropped.
pub(crate) fn rebuild(
    file: TopologyFile,
    data: DataFolder,
    patience: Duration,
) -> Result<Rebuilt, Failure> {
    let topology = file.topology;
    let folder = state_folder(data.path(), topology.name());
    let aside = folder.exists().then(|| set_aside(&folder)).transpose().map_err(of_states)?;
    let resources = Resources::default().with(data.store().clone());

    let mut states = StateFolder::open(&folder, topology.name()).map_err(of_states)?;
    let mut store = commit_store(&topology, &mut states)?;
    let failed = |fault: StoreFault| Failure::failed(fault.to_string());
    let mut committed = store.claim(run_number()).map_err(failed)?;
    for component in topology.components() {
        let Body::Spout(factory) = &component.body else { continue };
        let source = factory().ok().and_then(|spout| spout.source()).ok_or_else(|| {
            let message = format!("`{}` cannot go back, so nothing can be rebuilt", component.id);
            Failure::failed(message)
        })?;
        committed = claim(&*source, &mut *store, committed, topology.name(), &resources)?;
        if let Some(position) = committed.positions.get(&component.id) {
            source.settle(&position.ranges).map_err(|e| Failure::failed(e.to_string()))?;
        }
    }
    // With a record in the folder itself the new commits are the record.
    let in_folder = topology.commit_target().is_none();
    let store: Box<dyn CommitStore> = match in_folder {
        true => Box::new(Dropped(store)),
        false => Box::new(Nowhere(Committed {
            incarnation: committed.incarnation,
            ..Committed::default()
        })),
    };
    let epochs = Epochs {
        store,
        states: Box::new(states),
        outbox: Box::new(NoMessages),
        dead_letters: String::new(),
        patience,
    };
    let replay = Replay {
        from_ms: 0,
        group_suffix: SUFFIX.to_owned(),
        table_suffix: String::new(),
        only_settled: true,
    };
    let lent = Lent { resources: resources.with(replay), ..Lent::default() };
    let running = start_in_epochs(topology.clone(), lent, epochs).map_err(Failure::failed)?;
    let (mut done, mut since) = (0, std::time::Instant::now());
    while !running.is_idle() {
        let now = running.snapshot().spouts(|spout| spout.acked + spout.dead);
        if now != done {
            (done, since) = (now, std::time::Instant::now());
        }
        if since.elapsed() > patience {
            return Err(Failure::failed(format!(
                "nothing was finished any more: {:?}",
                running.snapshot().state
            )));
        }
        std::thread::sleep(LOOK);
    }
    // Windows stay open: what they emit at the end of the input is not wanted here.
    if !running.drain(patience) {
        return Err(Failure::failed("the last commit could not be made in time"));
    }
    let messages = running.snapshot().spouts(|spout| spout.acked + spout.dead);
    let epoch = running.snapshot().epochs.map_or(0, |epochs| epochs.committed);
    running.stop();
    forget_groups(&data)?;
    let aside = aside.map(|aside| aside.display().to_string());
    if in_folder {
        return Ok(Rebuilt { epoch, messages, aside });
    }
    let mut states = StateFolder::open(&folder, topology.name()).map_err(of_states)?;
    states.stand_for(&committed).map_err(of_states)?;
    Ok(Rebuilt { epoch: committed.epoch, messages, aside })
}

/// Claims the source. A record that was lost with the folder counts runs from the beginning; the
/// source remembers how many there were.
fn claim(
    source: &dyn ReplayableSource,
    store: &mut dyn CommitStore,
    mut committed: Committed,
    topology: &str,
    resources: &Resources,
) -> Result<Committed, Failure> {
    for _ in 0..10_000 {
        let claim = SourceClaim {
            topology: topology.into(),
            incarnation: committed.incarnation,
            resources: resources.clone(),
        };
        match source.claim(&claim) {
            Ok(_) => return Ok(committed),
            Err(error) if error.kind() == ErrorKind::Retry && committed.epoch == 0 => {
                committed = store
                    .claim(run_number())
                    .map_err(|fault| Failure::failed(fault.to_string()))?;
            }
            Err(error) => return Err(Failure::failed(error.to_string())),
        }
    }
    Err(Failure::failed("the source cannot be claimed"))
}

fn forget_groups(data: &DataFolder) -> Result<(), Failure> {
    for name in data.store().list() {
        let queue = data.store().queue(&name)?;
        for group in queue.stats()?.groups {
            if group.name.ends_with(SUFFIX) {
                queue.delete_group(&group.name)?;
            }
        }
    }
    Ok(())
}

/// Keeps the record, and drops the rows.
struct Dropped(Box<dyn CommitStore>);

impl CommitStore for Dropped {
    fn claim(&mut self, run: u64) -> Result<Committed, StoreFault> {
        self.0.claim(run)
    }

    fn begin(&mut self, commit: &Commit) -> Result<(), StoreFault> {
        self.0.begin(commit)
    }

    fn rows(&mut self, _: &Commit) -> Result<Vec<Rejected>, StoreFault> {
        Ok(Vec::new())
    }

    fn commit(&mut self) -> Result<(), StoreFault> {
        self.0.commit()
    }

    fn roll_back(&mut self) {
        self.0.roll_back();
    }

    fn look(&mut self) -> Result<Committed, StoreFault> {
        self.0.look()
    }

    fn name(&self) -> String {
        self.0.name()
    }
}

/// Drops everything: the store has its commit already.
struct Nowhere(Committed);

impl CommitStore for Nowhere {
    fn claim(&mut self, _: u64) -> Result<Committed, StoreFault> {
        Ok(self.0.clone())
    }

    fn begin(&mut self, commit: &Commit) -> Result<(), StoreFault> {
        self.0 = Committed {
            incarnation: commit.incarnation,
            epoch: commit.epoch,
            commit_id: commit.commit_id.clone(),
            positions: commit.positions.clone(),
        };
        Ok(())
    }

    fn rows(&mut self, _: &Commit) -> Result<Vec<Rejected>, StoreFault> {
        Ok(Vec::new())
    }

    fn commit(&mut self) -> Result<(), StoreFault> {
        Ok(())
    }

    fn roll_back(&mut self) {}

    fn look(&mut self) -> Result<Committed, StoreFault> {
        Ok(self.0.clone())
    }

    fn name(&self) -> String {
        "a state that is rebuilt".to_owned()
    }
}

/// What was sent has been sent.
struct NoMessages;

impl Outbox for NoMessages {
    fn publish(
        &mut self,
        _: &str,
        _: CommitNumber,
        _: &[OutboxMessage],
    ) -> squall_framework::Result<()> {
        Ok(())
    }
}
