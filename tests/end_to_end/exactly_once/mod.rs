//! Counts that are right whatever was killed.

mod checkins;
mod connection_cut;
mod crash;
mod database_killed;
mod deliveries;
mod full_disk;
mod poison;
mod rebalance;
mod rebuild;
mod shares;
mod two_workers;

use std::time::{Duration, Instant};

use squall_tests::{Place, wait_until};

/// Whether the long forms are wanted.
fn soak() -> bool {
    std::env::var_os("SQUALL_SOAK").is_some()
}

/// Starts `squall` and kills it after so long, if it has not ended by then.
fn run_and_kill(place: &Place, words: &[String], after: Duration) {
    let mut running = place.start(words);
    let until = Instant::now() + after;
    wait_until("the moment to kill", || Instant::now() >= until || !running.is_alive());
    running.kill();
    let _ = running.end();
}
