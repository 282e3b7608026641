//! The engine as its users see it: topologies that run, fail and recover.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

mod endings;
mod epochs;
mod faults;
mod flow;
mod groupings;
mod parts;
mod sinks;
mod supervisor;
mod world;
