//! What a topology remembers: its state folder.
//!
//! [`StateFolder`] is the framework's `StateStore`. It keeps the states of all bolts as of the last
//! epoch that was applied, and the redo of the one after it. [`FolderCommit`] is the commit store
//! of a topology that has no SQL store. [`StateView`] reads and shows what is there, from any
//! thread.
//!
//! ```text
//! lock            who has the folder
//! header          format, topology, number of key groups: fixed at the first start
//! sled/           the states
//! redo.0 redo.1   the redo, written in turn
//! notes.0 .1      small records of the coordinator
//! commit.0 .1     the record of the last commit, where there is no SQL store for it
//! ```
//!
//! # What must hold
//!
//! - **sled keeps the order of what is written**: after a crash it has everything up to some write
//!   and nothing after it. After a loss of power that is true only of what was flushed by a
//!   `sync_data` of our own, so there is one after every few hundred kilobytes, before sled can
//!   reuse the room of what the new replaces.
//! - **An epoch is applied in pieces**, sorted by key: first the component's counters as they will
//!   be after the piece, with the last key of the piece, then the piece. The mark (epoch, commit
//!   id, positions) comes after all pieces are on disk. After a crash in the middle the redo is
//!   applied again: keys up to the noted one are counted already, and only put if they differ.
//! - **Keys lie in blocks** (`block`), several in one value of sled. Only the entries of a block below
//!   where the next one begins count (`blocks`); a split writes the new blocks before what is left of
//!   the old one, and a block goes only when the one before has nothing behind it (`piece`).
//! - **Values are absolute**, so applying twice is applying once. Plain puts, no batches of sled: the
//!   first of those makes all later reads of the process take one lock.
//! - **Nothing is silently empty.** sled that panics or errs at opening, has no mark, or does not
//!   have what the counters say is refused with what to do. The counters of a small state are
//!   checked at opening, those of a large one by [`StateFolder::verify`].

mod applied;
mod apply;
mod aside;
mod block;
mod blocks;
mod commit;
mod counters;
mod folder;
mod header;
mod keys;
mod piece;
mod redo;
mod shared;
mod stats;
mod store;
#[cfg(test)]
mod tests;
mod tree;
mod verify;
mod view;

pub use aside::set_aside;
pub use commit::FolderCommit;
pub use folder::{StateFolder, StateOptions};
pub use stats::{ComponentStats, StateStats};
pub use view::StateView;
