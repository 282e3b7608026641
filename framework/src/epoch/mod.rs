//! Epochs: what was read, what is remembered and what was written are committed together.
//!
//! The ports are what a commit needs of the world: sources that can go back, a store that takes
//! rows and the record of the commit in one transaction, a folder that keeps the states. The
//! framework knows none of them; other crates fill the ports.

mod outbox;
mod positions;
mod redo;
mod source;
mod state_store;
mod store;
mod target;

pub use outbox::{Outbox, OutboxMessage};
pub use positions::{Positions, SourcePosition};
pub use redo::Redo;
pub use source::{ReplayableSource, SourceClaim, SourceDead};
pub use state_store::{StateError, StateStore};
pub use store::{Commit, CommitStore, Committed, Rejected, StoreFault, TableRows};
pub use target::{CommitMode, CommitTarget};
