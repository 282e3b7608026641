//! Where a consumer stands, in a form that can be stored elsewhere.

use std::ops::Range;

use serde::{Deserialize, Serialize};

/// Ranges of offsets that a consumer has dealt with, tied to one life of one queue so that
/// they can never be applied to another.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Position {
    /// The uuid of the queue, in hexadecimal.
    pub queue: String,
    /// The group.
    pub group: String,
    /// The generation of the queue; rises with each rewind and purge.
    pub generation: u64,
    /// Offsets that were dealt with.
    pub ranges: Vec<Range<u64>>,
}
