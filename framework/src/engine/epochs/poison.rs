//! A message that kills the process is found by halving.
//!
//! Starts of an epoch are counted durably. From the third one on the epoch takes in half as many
//! messages as the time before, until it is one message of one spout; when that one has killed the
//! process as well, it becomes a dead letter. A run that ends in order has not been killed: its
//! start does not count.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::door::Door;
use crate::epoch::{Line, Note, StateError, StateStore};

const NOTE: &str = "starts";
/// So often an epoch may be begun before something in it is suspected.
const STARTS: u32 = 3;
/// A suspected spout that hands nothing out for this long is not at fault.
const PATIENCE: Duration = Duration::from_secs(2);

/// How the epoch in hand may begin.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Starts {
    epoch: u64,
    starts: u32,
    /// At most so many messages.
    limit: Option<u64>,
    /// The spout whose single message is suspected, by its place among the spouts.
    suspect: usize,
    /// That message is a dead letter.
    condemned: bool,
}

impl Starts {
    /// What is to be done about the epoch that begins now; `most` is what an epoch may take in,
    /// and there are so many spouts.
    fn next(self, epoch: u64, most: u64, spouts: usize) -> Starts {
        let spouts = spouts.max(1);
        if self.epoch != epoch {
            // The last one was committed: a little more, and another spout first.
            let limit = self.limit.and_then(|limit| limit.checked_mul(2)).filter(|l| *l < most);
            let suspect = (self.suspect + 1) % spouts;
            return Starts { epoch, starts: 1, limit, suspect, condemned: false };
        }
        let starts = self.starts + 1;
        if starts < STARTS {
            return Starts { starts, ..self };
        }
        match self.limit {
            Some(1) if self.condemned => {
                let suspect = (self.suspect + 1) % spouts;
                Starts { starts: 1, condemned: false, suspect, ..self }
            }
            Some(1) => Starts { starts: 1, condemned: true, ..self },
            limit => {
                let half = (limit.unwrap_or(most) / 2).max(1);
                // One message is suspected only after as many starts again.
                let starts = if half == 1 { 1 } else { starts };
                Starts { starts, limit: Some(half), ..self }
            }
        }
    }

    /// The spout that is suspected has nothing: it is the next one's turn.
    fn pass(&self, spouts: usize) -> Starts {
        let suspect = (self.suspect + 1) % spouts.max(1);
        Starts { starts: 1, condemned: false, suspect, ..self.clone() }
    }

    fn note(&self) -> Note {
        // Numbers and truths: this cannot fail.
        (NOTE, serde_json::to_string(self).unwrap_or_default())
    }
}

/// What a run does about a message that kills the process.
#[derive(Debug)]
pub(crate) struct Suspicion {
    starts: Starts,
    spouts: usize,
    /// What was known before this start.
    before: Starts,
    /// Since when the spout that is suspected has handed nothing out.
    since: Option<Duration>,
    /// It is being noted that the next spout is suspected.
    passing: bool,
}

impl Suspicion {
    /// Reads what is known, and notes that the epoch begins.
    pub(crate) fn count(
        states: &mut dyn StateStore,
        epoch: u64,
        most: u64,
        spouts: usize,
    ) -> Result<Suspicion, StateError> {
        let before: Starts = states
            .note(NOTE)?
            .and_then(|note| serde_json::from_str(&note).ok())
            .unwrap_or_default();
        let starts = before.clone().next(epoch, most, spouts);
        let (name, note) = starts.note();
        states.put_note(name, &note)?;
        if starts.limit.is_some() {
            tracing::warn!(
                epoch,
                starts = starts.starts,
                limit = starts.limit,
                "the process ended several times in this epoch: looking for the message at fault"
            );
        }
        Ok(Suspicion { starts, spouts, before, since: None, passing: false })
    }

    /// The most messages of the first epoch, if it is suspected.
    pub(crate) fn limit(&self) -> Option<u64> {
        self.starts.limit
    }

    /// The epoch that begins with this run, and what to note when the run ends in order without
    /// having committed it: that it never began.
    pub(crate) fn pardon(&self) -> (u64, Note) {
        (self.starts.epoch, self.before.note())
    }

    /// Admits the spout that is suspected, or all.
    pub(crate) fn admit(&self, door: &Door) {
        match self.starts.limit {
            Some(1) => door.admit_only(self.starts.suspect, self.starts.condemned),
            _ => door.admit_all(),
        }
    }

    /// Looks how it is going, between the steps of the coordinator, whose epoch is `epoch`.
    ///
    /// The spout that is suspected stays alone until its message is committed. When it has none it
    /// passes the suspicion on, durably: otherwise the next spout's message would kill the process
    /// in its name, and whatever comes to it then would be condemned.
    pub(crate) fn watch(&mut self, epoch: u64, door: &Door, line: &Line, now: Duration) {
        if self.starts.limit != Some(1) {
            return;
        }
        if epoch != self.starts.epoch {
            door.admit_all();
            self.starts.limit = None;
        } else if self.passing {
            if line.is_noted() {
                self.passing = false;
                self.since = None;
                self.admit(door);
            }
        } else if door.taken() > 0 {
            self.since = None;
        } else if now >= *self.since.get_or_insert(now) + PATIENCE {
            self.starts = self.starts.pass(self.spouts);
            line.note(self.starts.note());
            self.passing = true;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_message_at_fault_is_found() {
        // Two spouts; message 37 of the second one kills the process.
        let (mut epoch, mut starts, mut read) = (5, Starts::default(), [0_u64, 0]);
        let (mut dead, mut deaths) = (Vec::new(), 0);
        while read[1] < 100 {
            starts = starts.next(epoch, 1_000, 2);
            loop {
                let most = starts.limit.unwrap_or(1_000);
                let of = if starts.limit == Some(1) { starts.suspect } else { 1 };
                let takes = read[of]..read[of] + most.min(100);
                if of == 1 && takes.contains(&37) {
                    if starts.condemned {
                        dead.push(37);
                    } else {
                        deaths += 1;
                        break;
                    }
                }
                read[of] = takes.end;
                epoch += 1;
                starts = starts.next(epoch, 1_000, 2);
                if read[1] >= 100 {
                    break;
                }
            }
            assert!(deaths < 100, "never found: {starts:?} {read:?}");
        }
        assert_eq!(dead, [37]);
    }

    #[test]
    fn an_epoch_may_begin_twice_without_suspicion() {
        let first = Starts::default().next(1, 1_000, 1);
        let second = first.clone().next(1, 1_000, 1);
        assert_eq!((first.limit, second.limit), (None, None));
        assert_eq!(second.next(1, 1_000, 1).limit, Some(500));
    }
}
