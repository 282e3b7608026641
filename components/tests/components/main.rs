//! Components as a topology uses them: configured by YAML, run by the engine.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::single_range_in_vec_init,
    unreachable_pub
)]

mod configuration;
mod documentation;
mod failures;
mod harness;
mod queues;
mod shaping;
mod shell;
mod sinks;
mod sources;
