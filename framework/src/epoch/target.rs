//! Where a sink's rows go, before anybody has connected to it.

use std::sync::Arc;

use super::CommitStore;

/// What a store keeps of a commit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CommitMode {
    /// The rows, and in the same transaction the record of the commit: exactly once.
    WithRecord,
    /// The rows alone, for a store that is not the one of the commits: at least once.
    RowsOnly,
}

/// The store that a sink's rows go to. Sinks with targets of one name share a store.
#[derive(Clone)]
pub struct CommitTarget {
    name: String,
    open: Arc<dyn Fn(&str, CommitMode) -> Box<dyn CommitStore> + Send + Sync>,
}

impl CommitTarget {
    /// A store by its name, without a password. `open` takes the topology's name and connects to
    /// nothing yet.
    pub fn new(
        name: impl Into<String>,
        open: impl Fn(&str, CommitMode) -> Box<dyn CommitStore> + Send + Sync + 'static,
    ) -> Self {
        CommitTarget { name: name.into(), open: Arc::new(open) }
    }

    /// What the store is called, without its password.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The store, for a topology. It connects when it is claimed.
    #[must_use]
    pub fn open(&self, topology: &str, mode: CommitMode) -> Box<dyn CommitStore> {
        (self.open)(topology, mode)
    }
}

impl std::fmt::Debug for CommitTarget {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "CommitTarget({})", self.name)
    }
}
