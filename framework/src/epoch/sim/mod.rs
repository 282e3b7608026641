//! A deterministic simulation of commits: coordinator, committer and recovery as they are, and
//! around them tasks, a queue, a store, a state folder and an outbox that do everything wrong that
//! they are allowed to, in a time that a seed decides like all the rest.
//!
//! After each commit, and in the end, everything is compared with what the messages must come to.
//!
//! `SQUALL_SIM_SEED=7` runs one seed and prints what happened last; `SQUALL_SIM_SEEDS=100000` runs
//! so many, `SQUALL_SIM_SEEDS=5000..6000` those.

mod bolt;
mod bolts;
mod check;
mod faults;
mod folder;
mod mail;
mod message;
mod plan;
mod process;
mod queue;
mod run;
mod spout;
mod store;
mod tasks;
mod trace;
mod world;

use std::{
    any::Any,
    collections::BTreeMap,
    ops::Range,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::atomic::{AtomicU64, Ordering::Relaxed},
};

use run::{Report, simulate};

/// So many seeds are run with the other tests.
const SEEDS: u64 = 3_000;

fn seeds() -> Range<u64> {
    let number = |text: &str| text.trim().parse().expect("a seed is a number");
    if let Ok(one) = std::env::var("SQUALL_SIM_SEED") {
        let one = number(&one);
        return one..one + 1;
    }
    match std::env::var("SQUALL_SIM_SEEDS") {
        Ok(wish) => match wish.split_once("..") {
            Some((from, to)) => number(from)..number(to),
            None => 0..number(&wish),
        },
        Err(_) => 0..SEEDS,
    }
}

/// Runs a seed; when it fails, once more, for the events.
fn run(seed: u64, traced: bool) -> Report {
    let attempt = |traced| {
        catch_unwind(AssertUnwindSafe(|| simulate(seed, traced)))
            .unwrap_or_else(|panic| Err(panic_text(&*panic)))
    };
    match attempt(traced) {
        Ok(report) => report,
        Err(reason) => {
            let text = attempt(true).err().unwrap_or_else(|| format!("only once: {reason}"));
            panic!(
                "{text}\nSeed {seed} fails. To run it alone:\n\
                 SQUALL_SIM_SEED={seed} cargo test -p squall-framework sim::every_seed\n"
            );
        }
    }
}

fn panic_text(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().cloned();
    text.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned()))
        .unwrap_or_else(|| "a panic without a text".to_owned())
}

#[test]
fn every_seed_ends_with_the_right_numbers() {
    let seeds = seeds();
    let next = AtomicU64::new(seeds.start);
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let seen = std::thread::scope(|scope| {
        let work = || {
            let mut seen: BTreeMap<&'static str, u64> = BTreeMap::new();
            loop {
                let seed = next.fetch_add(1, Relaxed);
                if seed >= seeds.end {
                    return seen;
                }
                for (what, times) in run(seed, false).seen {
                    *seen.entry(what).or_default() += times;
                }
            }
        };
        let threads: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
        let mut all: BTreeMap<&'static str, u64> = BTreeMap::new();
        for thread in threads {
            for (what, times) in
                thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
            {
                *all.entry(what).or_default() += times;
            }
        }
        all
    });
    println!("{seen:#?}");
}
