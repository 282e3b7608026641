//! Sources that can go back.

use std::{any::Any, ops::Range, sync::Arc};

use serde::{Deserialize, Serialize};

use crate::{component::Resources, error::Result};

/// Who claims a source.
#[derive(Debug, Clone)]
pub struct SourceClaim {
    /// The topology.
    pub topology: Arc<str>,
    /// The number of this run of it; a higher one takes over from a lower one.
    pub incarnation: u64,
    /// What the process lends.
    pub resources: Resources,
}

/// A message of a source that nothing can be done with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SourceDead {
    /// Its offset.
    pub offset: u64,
    /// Why.
    pub reason: String,
    /// The component that could not work on it.
    pub by: String,
}

/// A source of messages that can go back to what it has not been told to be done with. The
/// coordinator of commits and the spout share it: the spout reads, the coordinator settles.
pub trait ReplayableSource: Send + Sync + 'static {
    /// Takes the source for this run alone, and says which life of it this is: see
    /// [`SourcePosition::identity`](super::SourcePosition::identity). Nothing is read before.
    ///
    /// # Errors
    /// Somebody else has it, with their name, or it cannot be reached.
    fn claim(&self, claim: &SourceClaim) -> Result<String>;

    /// These messages are done with for ever; returns when that is on disk. Those that are settled
    /// already count as settled.
    ///
    /// # Errors
    /// It cannot be reached, and a retry can help; or a later run has claimed it, and none can: that
    /// is an [`Error::data`](crate::Error::data).
    fn settle(&self, ranges: &[Range<u64>]) -> Result<()>;

    /// Turns messages into dead letters and settles them; returns when that is on disk. Those that
    /// are settled already are left as they are, so that doing it twice makes no second letter.
    ///
    /// # Errors
    /// As [`settle`](Self::settle).
    fn dead_letter(&self, dead: &[SourceDead]) -> Result<()>;

    /// Everything below is settled, and the source remembers it: positions need not.
    fn floor(&self) -> u64 {
        0
    }

    /// Goes back: all that was read and not settled is read again, in order.
    ///
    /// # Errors
    /// As [`settle`](Self::settle).
    fn rewind(&self) -> Result<()>;

    /// For the spout, to find its own type.
    fn as_any(&self) -> &dyn Any;
}

impl std::fmt::Debug for dyn ReplayableSource {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("ReplayableSource")
    }
}
