//! The bolts that remember, row by row: against naive models, through commits and restarts.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, unreachable_pub)]

mod configuration;
mod dedupe;
mod documentation;
mod harness;
mod join;
mod lookup;
mod speed;
mod top;
mod venues;
