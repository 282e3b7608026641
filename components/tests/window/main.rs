//! The bolt `window`, alone: against a model that knows all rows, and by example.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, unreachable_pub)]

mod model;
mod rows;
mod table;

mod against_model;
