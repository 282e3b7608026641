//! A message that kills the process is found by halving.
//!
//! Starts of an epoch are counted durably. From the third one on the epoch takes in half as many
//! messages as the time before, until it is one message of one spout; when that one has killed the
//! process as well, it becomes a dead letter.

use serde::{Deserialize, Serialize};

use crate::epoch::{StateError, StateStore};

const NOTE: &str = "starts";
/// So often an epoch may be begun before something in it is suspected.
const STARTS: u32 = 3;

/// How the epoch in hand may begin.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Starts {
    epoch: u64,
    starts: u32,
    /// At most so many messages.
    pub(crate) limit: Option<u64>,
    /// The spout whose single message is suspected, by its place among the spouts.
    pub(crate) suspect: usize,
    /// That message is a dead letter.
    pub(crate) condemned: bool,
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

    /// The only spout that may hand anything out, by its place among the spouts.
    pub(crate) fn only(&self) -> Option<usize> {
        (self.limit == Some(1)).then_some(self.suspect)
    }

    /// Reads what is known, and notes that the epoch begins.
    pub(crate) fn count(
        states: &mut dyn StateStore,
        epoch: u64,
        most: u64,
        spouts: usize,
    ) -> Result<Starts, StateError> {
        let known: Starts = states
            .note(NOTE)?
            .and_then(|note| serde_json::from_str(&note).ok())
            .unwrap_or_default();
        let starts = known.next(epoch, most, spouts);
        let note = serde_json::to_string(&starts).map_err(|e| StateError::fatal(e.to_string()))?;
        states.put_note(NOTE, &note)?;
        if starts.limit.is_some() {
            tracing::warn!(
                epoch,
                starts = starts.starts,
                limit = starts.limit,
                "the process ended several times in this epoch: looking for the message at fault"
            );
        }
        Ok(starts)
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
                let of = starts.only().unwrap_or(1);
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
