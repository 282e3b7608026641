//! The bolt `window`, alone: against a model that knows all rows, and by example.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::print_stderr,
    unreachable_pub
)]

mod model;
mod rows;
mod small;
mod table;

mod against_model;
mod aggregates;
mod documentation;
mod forgetting;
mod local_time;
mod open_windows;
mod problems;
mod real_data;
mod speed;
mod watermark;
