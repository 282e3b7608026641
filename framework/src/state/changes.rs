//! What an epoch has changed in the states of one task.

use std::sync::Arc;

/// A key and its new value; `None` when the key is gone.
pub type Change = (Arc<[u8]>, Option<Arc<[u8]>>);

/// What an epoch has changed in the states of one component: absolute values, so that applying
/// them twice is the same as applying them once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Changes {
    /// The component's id.
    pub component: Arc<str>,
    /// Keys and their new values, each key once.
    pub changes: Vec<Change>,
}

impl Changes {
    /// About how many bytes they take.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        let size = |(key, value): &Change| key.len() + value.as_ref().map_or(0, |v| v.len());
        self.changes.iter().map(|change| size(change) as u64).sum()
    }
}
