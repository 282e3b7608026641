//! Epochs: what was read, what is remembered and what was written are committed together.
//!
//! The ports are what a commit needs of the world: sources that can go back, a store that takes
//! rows and the record of the commit in one transaction, a folder that keeps the states. The
//! framework knows none of them; other crates fill the ports.

mod clerk;
mod collector;
mod committer;
mod coordinator;
mod frozen;
mod line;
mod outbox;
mod positions;
mod recover;
mod redo;
#[cfg(test)]
mod sim;
mod source;
mod state_store;
mod steps;
mod store;
mod stores;
mod target;
#[cfg(test)]
mod tests;

pub(crate) use clerk::{Clerk, Work};
pub(crate) use collector::Collected;
pub use collector::Collector;
pub(crate) use committer::{Committer, Ports, Progress, as_json};
pub(crate) use coordinator::{Coordinator, Limits, Next, Phase, Tasks};
pub(crate) use frozen::Frozen;
pub(crate) use line::{Commits, Line, Note};
pub use steps::STEPS;

pub use outbox::{CommitNumber, Outbox, OutboxMessage};
pub use positions::{Positions, SourcePosition};
pub use recover::run_number;
pub use redo::Redo;
pub use source::{ReplayableSource, SourceClaim, SourceDead};
pub use state_store::{StateError, StateStore};
pub use store::{Commit, CommitStore, Committed, Rejected, StoreFault, TableRows};
pub use stores::CommitStores;
pub use target::{CommitMode, CommitTarget};
