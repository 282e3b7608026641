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

/// Where messages leave after the commit.
pub trait Outbox: Send {
    /// Sends the messages of an epoch and waits until they are on disk there. Sending the same
    /// epoch again, of whatever run, sends nothing twice: messages of an epoch are numbered by
    /// their place in `messages`, per queue, and a queue remembers the last epoch of each topology.
    ///
    /// # Errors
    /// They could not be sent, or not all; a retry can help.
    fn publish(&mut self, topology: &str, epoch: u64, messages: &[OutboxMessage]) -> Result<()>;
}
