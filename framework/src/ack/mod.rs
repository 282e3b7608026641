//! Acknowledgement: what a source batch is told of its messages.
//!
//! A spout's output hands out one [`Source`] per batch of up to 256 messages.
//! Every batch derived from it holds the source, which is a reference count
//! and nothing more; a row that fails is listed with its reason. When the
//! last holder lets go, the source reports to its spout: these failed, the
//! others are done. So an ack costs a tuple nothing, and each message is
//! settled exactly once.

mod failure;
mod source;
#[cfg(all(test, not(feature = "loom")))]
mod tests;

pub use failure::{Failure, FailureKind};
pub(crate) use source::{Settled, Settlements, Source, SourceWatch};
