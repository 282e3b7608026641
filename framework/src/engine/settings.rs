//! How a topology is to run.

use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::task::RetryPolicy;

/// What a crash may do to results.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Delivery {
    /// `exactly_once` where a bolt keeps state and there is a SQL store to commit to, otherwise
    /// `at_least_once`.
    #[default]
    Auto,
    /// Rows, state and what was read are committed together, in the SQL store.
    ExactlyOnce,
    /// State and what was read are committed together; rows may be written again after a crash.
    AtLeastOnce,
}

/// How a topology is to run.
#[derive(Debug, Clone, Serialize)]
pub struct Settings {
    /// How many threads the tasks share. Components that block have their own.
    pub threads: usize,
    /// Messages that a spout's task may have under way.
    pub max_pending: usize,
    /// A message without any progress for this long has failed.
    pub message_timeout: Duration,
    /// Whether messages are tracked until they are done. Without it a message
    /// that fails is counted and logged, but does not come back.
    pub acks: bool,
    /// What becomes of messages that fail.
    pub retry: RetryPolicy,
    /// What a crash may do to results; see [`Delivery`].
    pub delivery: Delivery,
    /// In epochs: how often results are committed.
    pub commit_interval: Duration,
    /// In epochs: so many messages are committed at once at most.
    pub commit_messages: u64,
    /// In epochs: about so many bytes of rows and changes are committed at once at most.
    pub commit_bytes: u64,
    /// Bytes of state that may be kept in memory; the rest is read from disk.
    pub state_memory: u64,
    /// Batches that may be on their way from one task to another.
    pub edge_batches: u64,
    /// Bytes that may be on their way from one task to another.
    pub edge_bytes: u64,
    /// A task that is inside one call for longer than this is reported as stuck.
    pub stuck_after: Duration,
    /// How often a task may be restarted within `restart_window` before the
    /// topology is marked failed.
    pub max_restarts: usize,
    /// See `max_restarts`.
    pub restart_window: Duration,
}

impl Default for Settings {
    fn default() -> Self {
        Settings {
            threads: 2,
            max_pending: 100_000,
            message_timeout: Duration::from_secs(30),
            acks: true,
            retry: RetryPolicy::default(),
            delivery: Delivery::default(),
            commit_interval: Duration::from_millis(500),
            commit_messages: 1_000_000,
            commit_bytes: 256 << 20,
            state_memory: 256 << 20,
            edge_batches: 8,
            edge_bytes: 512 * 1024,
            stuck_after: Duration::from_secs(5),
            max_restarts: 100,
            restart_window: Duration::from_secs(60),
        }
    }
}
