//! What leaves only after the commit: messages to queues, and dead letters.

use serde::{Deserialize, Serialize};

use crate::error::Result;

/// A message that leaves after the commit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OutboxMessage {
    /// The queue it goes to.
    pub queue: String,
    /// Its body.
    pub body: Vec<u8>,
    /// Its headers.
    #[serde(default)]
    pub headers: Vec<(String, String)>,
}

/// Which commit it is of all that a topology ever made: a later one is greater, also in a store that
/// was made anew, since runs are numbered by the clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct CommitNumber {
    /// The number of the run that made it.
    pub incarnation: u64,
    /// The number of the epoch.
    pub epoch: u64,
}

impl CommitNumber {
    /// As one number, in the same order: good until the year 2106, or for four billion epochs.
    #[must_use]
    pub fn packed(self) -> u64 {
        (self.incarnation << 32) | (self.epoch & u64::from(u32::MAX))
    }
}

/// Where messages leave after the commit.
pub trait Outbox: Send {
    /// Sends the messages of a commit and waits until they are on disk there. Sending those of the
    /// same commit again, in whatever run, sends nothing twice: they are numbered by their place in
    /// `messages`, per queue, and a queue remembers the last commit of each topology.
    ///
    /// # Errors
    /// They could not be sent, or not all; a retry can help.
    fn publish(
        &mut self,
        topology: &str,
        commit: CommitNumber,
        messages: &[OutboxMessage],
    ) -> Result<()>;
}
