//! Watching a topology run: when it is done, and when it will never be.

use std::time::{Duration, Instant};

use squall_framework::{ComponentSnapshot, Snapshot, TopologyState};

use super::{Input, Session, Signals, session::trouble};
use crate::failure::Failure;

/// What becomes of a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// It goes on.
    Going,
    /// Everything is done.
    Idle,
    /// Somebody asked it to end.
    Asked,
    /// It cannot go on, for this reason.
    Stalled(String),
    /// A task is down for good, for this reason.
    Failed(String),
}

/// Decides whether a run goes on.
pub(crate) struct Watch {
    signals: Signals,
    until_idle: bool,
    patience: Duration,
    /// Messages that are finished, one way or the other, and when that changed last.
    finished: u64,
    since: Instant,
}

impl Watch {
    /// With `until_idle`, a run is over when all is done, and given up when nothing was finished
    /// for as long as `patience`.
    pub(crate) fn new(signals: Signals, until_idle: bool, patience: Duration) -> Self {
        Watch { signals, until_idle, patience, finished: 0, since: Instant::now() }
    }

    /// How it stands.
    pub(crate) fn look(
        &mut self,
        session: &Session,
        inputs: &mut [Input],
        snapshot: Option<&Snapshot>,
    ) -> Result<Verdict, Failure> {
        if self.signals.asked() {
            return Ok(Verdict::Asked);
        }
        let mut used_up = true;
        for input in inputs.iter_mut() {
            used_up &= input.is_done()?;
        }
        if self.until_idle && used_up && session.is_idle() {
            return Ok(Verdict::Idle);
        }
        let Some(snapshot) = snapshot else { return Ok(Verdict::Going) };
        if let TopologyState::Failed(reason) = &snapshot.state {
            return Ok(Verdict::Failed(reason.clone()));
        }
        let finished = snapshot.spouts(|spout: &ComponentSnapshot| spout.acked + spout.dead);
        // An input that brings nothing yet is no fault of the topology.
        let waits_for_input = !used_up && session.is_idle();
        if finished != self.finished || waits_for_input {
            (self.finished, self.since) = (finished, Instant::now());
        }
        if self.until_idle && self.since.elapsed() > self.patience {
            let reason =
                trouble(snapshot).unwrap_or_else(|| "nothing was finished any more".to_owned());
            return Ok(Verdict::Stalled(reason));
        }
        Ok(Verdict::Going)
    }
}
