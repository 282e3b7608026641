//! Squall as its users have it: the binary, its files, its exit codes, and the tables it writes,
//! which are read by the databases' own clients and compared with counts that others made.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod access_log;
mod baskets;
mod commands;
mod crash;
mod dead_letters;
mod demo;
mod drain;
mod exactly_once;
mod mistakes;
mod python;
mod rides;
mod second_terminal;
mod venues;

use std::path::Path;

use squall_tests::{Place, Said, Store};

/// Runs a topology on the lines of a file until all of them are done.
#[track_caller]
fn run(place: &Place, topology: &Path, queue: &str, input: &Path, store: &Store) -> Said {
    let data = place.path(&format!("data-{}", store.kind()));
    let words = [
        "run".to_owned(),
        topology.display().to_string(),
        "--until-idle".to_owned(),
        "--json".to_owned(),
        format!("--data={}", data.display()),
        format!("--input={queue}={}", input.display()),
        format!("--set=STORE={}", store.url()),
    ];
    place.squall(&words)
}

/// Rows of text, as a query gives them.
fn rows<const N: usize>(expected: &[[&str; N]]) -> Vec<Vec<String>> {
    expected.iter().map(|row| row.iter().map(|value| (*value).to_owned()).collect()).collect()
}
