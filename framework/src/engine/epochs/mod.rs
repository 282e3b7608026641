//! The engine's side of epochs: how the coordinator sees tasks, and the threads it runs on.

mod door;
mod live;
mod memory;
mod poison;
mod run;
mod spout;
mod task;

pub(crate) use door::Door;
pub(crate) use live::{LiveTasks, Lost};
pub use run::Epochs;
pub(crate) use run::{EpochStats, EpochThreads, Prepared};
pub(crate) use spout::{Ended, SpoutEpochs};
pub(crate) use task::{BoltEpochs, DeadQueue, Replies, Reply, StatePlace};
#[cfg(test)]
pub(crate) use {
    poison::Suspicion,
    task::{Cut, assemble},
};
