//! How a run begins: strictly in this order, and nothing is read before.

use super::{
    SourceClaim, StoreFault,
    committer::{Committer, Ports, dead_letters},
    steps::reached,
};
use crate::{
    clock::Clock,
    component::Resources,
    error::{Error, ErrorKind},
};

/// Why a run cannot begin.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Obstacle {
    /// What is in the way and what to do about it.
    pub(crate) reason: String,
    /// Whether it may go away by itself.
    pub(crate) retry: bool,
}

/// The number of a run that begins now, see [`CommitStore::claim`](super::CommitStore::claim).
#[must_use]
pub fn run_number() -> u64 {
    u64::try_from(Clock::default().now() / 1_000_000).unwrap_or_default()
}

fn wait(reason: impl std::fmt::Display) -> Obstacle {
    Obstacle { reason: reason.to_string(), retry: true }
}

fn refuse(reason: String) -> Obstacle {
    Obstacle { reason, retry: false }
}

impl Committer {
    /// Claims the store and the sources, and finishes what the last commit left to be done. After
    /// it the sources give what comes after the last commit, and the states are as of it.
    pub(crate) fn recover(&mut self, resources: &Resources) -> Result<(), Obstacle> {
        reached("recover.claim");
        self.committed = self.ports.store.claim(run_number()).map_err(|fault| match fault {
            StoreFault::Retry(reason) | StoreFault::Unknown(reason) => wait(reason),
            StoreFault::Refused(reason) | StoreFault::Fenced(reason) => refuse(reason),
        })?;
        reached("recover.sources");
        self.claim_sources(resources)?;
        let epoch = self.committed.epoch;
        let redo = self.ports.states.redo().map_err(of_states)?;
        let redo = redo.filter(|redo| {
            redo.epoch == epoch && redo.commit_id == self.committed.commit_id && epoch > 0
        });
        if let Some(redo) = &redo {
            reached("recover.apply");
            self.ports.states.apply(redo).map_err(of_states)?;
        }
        self.check_states()?;
        if let Some(redo) = &redo {
            reached("recover.publish");
            let Ports { topology, outbox, .. } = &mut self.ports;
            outbox.publish(topology, redo.commit(), &redo.outbox).map_err(wait)?;
            dead_letters(&self.ports, redo).map_err(of_source)?;
        }
        reached("recover.settle");
        for (spout, position) in &self.committed.positions {
            if let Some(source) = self.ports.source(spout) {
                source.settle(&position.ranges).map_err(of_source)?;
            }
        }
        for (_, source) in &self.ports.sources {
            source.rewind().map_err(of_source)?;
        }
        reached("recover.drop");
        // Whatever its commit id: it is done, or was never part of a commit.
        self.ports.states.drop_redo().map_err(of_states)
    }

    fn claim_sources(&mut self, resources: &Resources) -> Result<(), Obstacle> {
        let claim = SourceClaim {
            topology: self.ports.topology.clone(),
            incarnation: self.committed.incarnation,
            resources: resources.clone(),
        };
        for (spout, source) in &self.ports.sources {
            let identity = source.claim(&claim).map_err(|error| {
                of_source(error.context(format!("`{spout}` cannot claim its source")))
            })?;
            // Even where the positions name no messages: what the source was to remember of them
            // may be gone with its former life.
            let known = self.committed.positions.get(spout);
            if let Some(known) = known.filter(|known| known.identity != identity) {
                return Err(refuse(format!(
                    "`{spout}` was read as {} when the last results were committed, but now is \
                     {identity}: it was deleted, rewound or purged since, or another queue took its \
                     place. Run the topology under another name, or forget its results and state \
                     with `squall state forget`",
                    known.identity
                )));
            }
            self.identities.insert(spout.clone(), identity);
        }
        Ok(())
    }

    fn check_states(&self) -> Result<(), Obstacle> {
        let (applied, id) = self.ports.states.applied();
        let Committer { committed, .. } = self;
        if applied == committed.epoch && id == committed.commit_id {
            return Ok(());
        }
        let store = self.ports.store.name();
        Err(refuse(if applied == 0 {
            format!(
                "{store} has results up to epoch {}, but the state that goes with them is not in \
                 this data folder. If it is lost, `squall state rebuild` computes it again from the \
                 messages that are kept",
                committed.epoch
            )
        } else if committed.epoch == 0 {
            format!(
                "the state in this data folder is of epoch {applied}, but {store} has no results of \
                 this topology: it is another store, or was emptied. Name the right store, or forget \
                 the state with `squall state forget`"
            )
        } else {
            format!(
                "the state in this data folder is of epoch {applied} ({id}), but {store} is at epoch \
                 {} ({}): one of them was put back to an earlier time. Put both back to the same, or \
                 run `squall state rebuild`",
                committed.epoch, committed.commit_id
            )
        }))
    }
}

fn of_source(error: Error) -> Obstacle {
    Obstacle { reason: error.to_string(), retry: error.kind() == ErrorKind::Retry }
}

fn of_states(error: super::StateError) -> Obstacle {
    Obstacle { reason: error.message, retry: error.retry }
}
