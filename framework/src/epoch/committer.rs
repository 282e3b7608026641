//! The committer: one epoch after the other, a step at a time.
//!
//! The order of the steps is what makes a commit happen once: the record of the commit moves on
//! first, so that a run which was taken over from writes nothing; the redo is on disk before the
//! store commits, so that what is left to be done survives; everything after the commit can be
//! done twice.

use std::{
    collections::BTreeMap,
    sync::Arc,
    time::{Duration, Instant},
};

use super::{
    Commit, CommitStore, Committed, Outbox, OutboxMessage, Positions, Redo, Rejected,
    ReplayableSource, StateStore, StoreFault, TableRows, frozen::Frozen, steps::reached,
};
use crate::{
    error::{Error, ErrorKind},
    tuple::Value,
};

/// The pause before a step that failed is tried again; doubled each time up to the longest.
const FIRST_PAUSE: Duration = Duration::from_millis(50);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// What a commit needs of the world.
pub(crate) struct Ports {
    pub(crate) topology: Arc<str>,
    pub(crate) store: Box<dyn CommitStore>,
    pub(crate) states: Box<dyn StateStore>,
    pub(crate) outbox: Box<dyn Outbox>,
    /// The sources by the ids of their spouts.
    pub(crate) sources: Vec<(String, Arc<dyn ReplayableSource>)>,
    /// The queue for rows that the store rejects.
    pub(crate) dead_queue: String,
}

/// How far the commit in hand is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    Idle,
    Begin,
    Rows,
    Redo,
    Commit,
    Look,
    Publish,
    Dead,
    Settle,
    Apply,
    Drop,
}

/// What came of a step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Progress {
    /// There is a next step.
    Going,
    /// The step failed and is to be tried again after this pause.
    Wait(Duration, String),
    /// The commit is over; nothing is left to be done.
    Done,
    /// This run may not commit any more, for this reason.
    Ended(String),
}

/// Commits epochs.
pub(crate) struct Committer {
    pub(super) ports: Ports,
    pub(super) committed: Committed,
    /// Which lives of the sources were claimed, by the ids of their spouts.
    pub(super) identities: BTreeMap<String, String>,
    stage: Stage,
    /// The outbox without what the store rejected.
    outbox: Vec<OutboxMessage>,
    commit: Commit,
    redo: Redo,
    read: Vec<(String, Vec<std::ops::Range<u64>>)>,
    pause: Duration,
    began: Instant,
    /// How long the store took, in microseconds.
    pub(crate) commit_us: u64,
    pub(crate) rejected: u64,
}

impl Committer {
    /// Nothing is committed before `recover`.
    pub(crate) fn new(ports: Ports) -> Self {
        Committer {
            ports,
            committed: Committed::default(),
            identities: BTreeMap::new(),
            stage: Stage::Idle,
            outbox: Vec::new(),
            commit: Commit::default(),
            redo: Redo::default(),
            read: Vec::new(),
            pause: FIRST_PAUSE,
            began: Instant::now(),
            commit_us: 0,
            rejected: 0,
        }
    }

    /// The last epoch that is committed.
    pub(crate) fn epoch(&self) -> u64 {
        self.committed.epoch
    }

    /// The number of this run.
    pub(crate) fn incarnation(&self) -> u64 {
        self.committed.incarnation
    }

    /// The state folder.
    pub(crate) fn states(&mut self) -> &mut dyn StateStore {
        &mut *self.ports.states
    }

    /// Begins the commit of an epoch, which is the one after the last.
    pub(crate) fn begin(&mut self, frozen: Frozen) {
        debug_assert_eq!(self.stage, Stage::Idle);
        debug_assert_eq!(frozen.epoch, self.committed.epoch + 1);
        let commit_id =
            format!("{}-{}-{:016x}", self.committed.incarnation, frozen.epoch, fastrand::u64(..));
        let positions = self.positions(&frozen);
        self.read = frozen.read;
        self.outbox.clone_from(&frozen.outbox);
        self.redo = Redo {
            incarnation: self.committed.incarnation,
            epoch: frozen.epoch,
            commit_id: commit_id.clone(),
            positions: positions.clone(),
            changes: frozen.changes,
            outbox: frozen.outbox,
            dead: frozen.dead,
        };
        self.commit = Commit {
            incarnation: self.committed.incarnation,
            epoch: frozen.epoch,
            commit_id,
            positions,
            rows: frozen.rows,
        };
        self.began = Instant::now();
        self.rejected = 0;
        self.pause = FIRST_PAUSE;
        self.stage = Stage::Begin;
    }

    /// What will have been read with this epoch, beyond what the sources remember by themselves. A
    /// spout without a source has no positions, and a source of which nothing was read none yet.
    fn positions(&self, frozen: &Frozen) -> Positions {
        let mut positions = self.committed.positions.clone();
        for (spout, ranges) in &frozen.read {
            if let Some(identity) = self.identities.get(spout).filter(|_| !ranges.is_empty()) {
                let position = positions.entry(spout.clone()).or_default();
                position.identity.clone_from(identity);
                position.add(ranges.iter().cloned());
            }
        }
        for (spout, source) in &self.ports.sources {
            if let Some(position) = positions.get_mut(spout) {
                position.drop_below(source.floor());
            }
        }
        positions
    }

    /// Does the next step.
    pub(crate) fn step(&mut self) -> Progress {
        match self.stage {
            Stage::Idle => Progress::Done,
            Stage::Begin => self.store_step("commit.begin", Stage::Rows, |ports, commit| {
                ports.store.begin(commit).map(|()| Vec::new())
            }),
            Stage::Rows => self
                .store_step("commit.rows", Stage::Redo, |ports, commit| ports.store.rows(commit)),
            Stage::Redo => {
                reached("commit.redo");
                match self.ports.states.write_redo(&self.redo) {
                    Ok(()) => self.go(Stage::Commit),
                    Err(error) => self.begin_again(error.message),
                }
            }
            Stage::Commit => {
                let progress = self.store_step("commit.commit", Stage::Publish, |ports, _| {
                    ports.store.commit().map(|()| Vec::new())
                });
                if self.stage == Stage::Publish {
                    self.decided();
                }
                progress
            }
            Stage::Look => self.look(),
            Stage::Publish => {
                reached("commit.publish");
                let Ports { topology, outbox, .. } = &mut self.ports;
                let sent = outbox.publish(topology, self.redo.commit(), &self.redo.outbox);
                self.after(sent.map_err(|error| error.to_string()), Stage::Dead)
            }
            Stage::Dead => {
                reached("commit.dead");
                let done = dead_letters(&self.ports, &self.redo);
                self.after_source(done, Stage::Settle)
            }
            Stage::Settle => {
                reached("commit.settle");
                let done = self.read.iter().try_for_each(|(spout, ranges)| {
                    self.ports.source(spout).map_or(Ok(()), |source| source.settle(ranges))
                });
                self.after_source(done, Stage::Apply)
            }
            Stage::Apply => {
                reached("commit.apply");
                match self.ports.states.apply(&self.redo) {
                    // The redo stays: the next run finishes what this one cannot.
                    Err(error) if !error.retry => Progress::Ended(error.message),
                    done => self.after(done.map_err(|error| error.message), Stage::Drop),
                }
            }
            Stage::Drop => {
                reached("commit.drop");
                if let Err(error) = self.ports.states.drop_redo() {
                    // It is known by its commit id, and the next one takes its place.
                    tracing::debug!(%error, "the redo stays");
                }
                reached("commit.done");
                self.stage = Stage::Idle;
                Progress::Done
            }
        }
    }

    fn go(&mut self, stage: Stage) -> Progress {
        self.stage = stage;
        self.pause = FIRST_PAUSE;
        Progress::Going
    }

    /// The store's transaction is lost: from the beginning, after a pause.
    fn begin_again(&mut self, reason: String) -> Progress {
        self.ports.store.roll_back();
        self.stage = Stage::Begin;
        self.rejected = 0;
        self.redo.outbox.clone_from(&self.outbox);
        self.wait(reason)
    }

    fn wait(&mut self, reason: String) -> Progress {
        let pause = self.pause;
        self.pause = (self.pause * 2).min(LONGEST_PAUSE);
        Progress::Wait(pause, reason)
    }

    fn after(&mut self, done: Result<(), String>, next: Stage) -> Progress {
        match done {
            Ok(()) => self.go(next),
            Err(reason) => self.wait(reason),
        }
    }

    /// After a call of a source. A run that lost its claim has nothing more to do: the one that took
    /// over settles what was committed.
    fn after_source(&mut self, done: Result<(), Error>, next: Stage) -> Progress {
        match done {
            Err(error) if error.kind() == ErrorKind::Data => Progress::Ended(error.to_string()),
            done => self.after(done.map_err(|error| error.to_string()), next),
        }
    }

    fn store_step(
        &mut self,
        name: &'static str,
        next: Stage,
        work: impl FnOnce(&mut Ports, &Commit) -> Result<Vec<Rejected>, StoreFault>,
    ) -> Progress {
        reached(name);
        match work(&mut self.ports, &self.commit) {
            Ok(rejected) => {
                self.bury(&rejected);
                self.go(next)
            }
            Err(StoreFault::Fenced(reason)) => {
                self.ports.store.roll_back();
                Progress::Ended(reason)
            }
            // Nobody knows only whether a COMMIT did; of everything else nothing is left.
            Err(StoreFault::Unknown(reason)) if self.stage == Stage::Commit => {
                tracing::warn!(
                    reason,
                    epoch = self.commit.epoch,
                    "looking whether the commit was made"
                );
                self.stage = Stage::Look;
                Progress::Going
            }
            Err(
                StoreFault::Retry(reason)
                | StoreFault::Refused(reason)
                | StoreFault::Unknown(reason),
            ) => self.begin_again(reason),
        }
    }

    /// After a commit of which nobody knows.
    fn look(&mut self) -> Progress {
        match self.ports.store.look() {
            Ok(found) if found.incarnation != self.commit.incarnation => Progress::Ended(format!(
                "run {} of the topology has taken over from run {}",
                found.incarnation, self.commit.incarnation
            )),
            Ok(found) if found.commit_id == self.commit.commit_id => {
                self.decided();
                self.go(Stage::Publish)
            }
            Ok(found) if found.epoch + 1 == self.commit.epoch => {
                self.begin_again("the connection broke before the commit was made".to_owned())
            }
            Ok(found) => Progress::Ended(format!(
                "the store is at epoch {}, which is neither the one before epoch {} nor this run's",
                found.epoch, self.commit.epoch
            )),
            Err(fault) => self.wait(fault.to_string()),
        }
    }

    fn decided(&mut self) {
        reached("commit.committed");
        self.commit_us = self.began.elapsed().as_micros() as u64;
        self.committed.epoch = self.commit.epoch;
        self.committed.commit_id.clone_from(&self.commit.commit_id);
        self.committed.positions.clone_from(&self.commit.positions);
    }

    /// Rows that the store rejected become dead letters.
    fn bury(&mut self, rejected: &[Rejected]) {
        self.rejected += rejected.len() as u64;
        for Rejected { table, row, reason } in rejected {
            let Some(rows) = self.commit.rows.get(*table) else { continue };
            tracing::warn!(bolt = %rows.component, reason, "the store rejected a row: dead letter");
            self.redo.outbox.push(OutboxMessage {
                queue: self.ports.dead_queue.clone(),
                body: row_as_json(rows, *row).into_bytes(),
                headers: vec![
                    ("topology".to_owned(), self.ports.topology.to_string()),
                    ("bolt".to_owned(), rows.component.to_string()),
                    ("reason".to_owned(), reason.chars().take(1_000).collect()),
                ],
            });
        }
    }

    /// How long the commit has taken so far, in microseconds.
    pub(crate) fn elapsed_us(&self) -> u64 {
        self.began.elapsed().as_micros() as u64
    }
}

impl Ports {
    pub(super) fn source(&self, spout: &str) -> Option<&Arc<dyn ReplayableSource>> {
        self.sources.iter().find(|(id, _)| id == spout).map(|(_, source)| source)
    }
}

/// Turns the messages of a redo into dead letters.
pub(super) fn dead_letters(ports: &Ports, redo: &Redo) -> Result<(), Error> {
    for (spout, dead) in &redo.dead {
        if let Some(source) = ports.source(spout).filter(|_| !dead.is_empty()) {
            source.dead_letter(dead)?;
        }
    }
    Ok(())
}

fn row_as_json(rows: &TableRows, row: usize) -> String {
    let values = rows.values.iter().skip(row * rows.columns).take(rows.columns);
    let values: Vec<_> = values.map(as_json).collect();
    match &rows.names {
        Some(names) => {
            let fields = names.iter().cloned().zip(values);
            serde_json::Value::Object(fields.collect()).to_string()
        }
        None => serde_json::Value::Array(values).to_string(),
    }
}

/// A value as JSON; a timestamp in microseconds since 1970.
pub(crate) fn as_json(value: &Value) -> serde_json::Value {
    match value {
        Value::Null => serde_json::Value::Null,
        Value::Bool(v) => (*v).into(),
        Value::Int(v) | Value::Timestamp(v) => (*v).into(),
        Value::Float(v) => (*v).into(),
        Value::Text(v) => v.as_str().into(),
        Value::Bytes(v) => String::from_utf8_lossy(v).into(),
        Value::Json(v) => serde_json::from_str(v).unwrap_or_else(|_| v.as_str().into()),
    }
}
