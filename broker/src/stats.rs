//! What a queue can tell about itself.

use serde::Serialize;

/// A queue at one moment. Counts are messages.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct QueueStats {
    /// The name of the queue.
    pub name: String,
    /// The uuid of this life of the queue, in hexadecimal.
    pub uuid: String,
    /// Rises with each rewind and purge.
    pub generation: u64,
    /// Waiting to be delivered, in the group that has most of them (all where there is no group).
    pub active: u64,
    /// Delivered and not yet settled, in the group that has most of them.
    pub inactive: u64,
    /// Sent with a delay that has not passed.
    pub delayed: u64,
    /// Settled by all groups and kept for a rewind.
    pub rewindable: u64,
    /// Age of the oldest message that is not settled everywhere, in milliseconds.
    pub oldest_age_ms: Option<u64>,
    /// Bytes in the log that are kept for this queue.
    pub bytes: u64,
    /// Messages that were sent to this queue since it was created.
    pub sent: u64,
    /// Messages that damage to the disk has cost since the store was opened.
    pub lost: u64,
    /// The queue that takes the dead letters of this one, and how many wait there now.
    pub dead_letters: Option<(String, u64)>,
    /// The groups, the default one first.
    pub groups: Vec<GroupStats>,
}

/// A group of a queue at one moment. Counts are messages.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct GroupStats {
    /// The name of the group.
    pub name: String,
    /// Waiting to be delivered, new or again.
    pub active: u64,
    /// Delivered and not yet settled, or waiting for a retry.
    pub inactive: u64,
    /// The owner and the incarnation of a live exclusive claim.
    pub claimed_by: Option<(String, u64)>,
}
