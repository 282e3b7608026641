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
mod events;
mod faults;
mod folder;
mod lives;
mod mail;
mod message;
mod plan;
mod process;
mod queue;
mod refusals;
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
    panic::{AssertUnwindSafe, catch_unwind, resume_unwind},
    sync::atomic::{AtomicU64, Ordering::Relaxed},
};

use parking_lot::Mutex;
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

/// Runs seeds on all cores, and gives what happened in them.
fn run_all(seeds: Range<u64>) -> BTreeMap<&'static str, u64> {
    let next = AtomicU64::new(seeds.start);
    let all = Mutex::new(BTreeMap::new());
    let work = || {
        loop {
            let seed = next.fetch_add(1, Relaxed);
            if seed >= seeds.end {
                return;
            }
            let report = run(seed, false);
            let mut all = all.lock();
            for (what, times) in report.seen {
                *all.entry(what).or_default() += times;
            }
        }
    };
    std::thread::scope(|scope| {
        let threads = std::thread::available_parallelism().map_or(1, usize::from);
        let threads: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
        for thread in threads {
            thread.join().unwrap_or_else(|panic| resume_unwind(panic));
        }
    });
    all.into_inner()
}

/// What must have happened in a few thousand seeds; otherwise they say little.
const EXPECTED: [&str; 41] = [
    "a bolt panics",
    "a bolt panics when it is flushed",
    "a commit in danger",
    "a commit in peace",
    "a commit that is lost",
    "a ghost commits",
    "a ghost is gone",
    "a look after a commit of which nobody knows",
    "a message that kills",
    "a process is taken over from",
    "a row waits",
    "a spout panics",
    "a torn redo is read",
    "an end in order",
    "an epoch begins anew",
    "condemned",
    "death",
    "fenced",
    "fenced at the queue",
    "fenced at the store",
    "folder.apply",
    "folder.drop_redo",
    "folder.note",
    "folder.put_note",
    "folder.redo",
    "folder.write_redo",
    "input after the end of the input",
    "mail.publish",
    "panicked too often",
    "queue.claim",
    "queue.dead_letter",
    "queue.rewind",
    "queue.settle",
    "refused",
    "store.begin",
    "store.claim",
    "store.commit",
    "store.look",
    "store.rows",
    "the queue forgets",
    "the store is away",
];

#[test]
fn every_seed_ends_with_the_right_numbers() {
    let seeds = seeds();
    let seen = run_all(seeds.clone());
    println!("{seen:#?}");
    if seeds.end - seeds.start >= SEEDS {
        let missing: Vec<_> = EXPECTED.iter().filter(|what| !seen.contains_key(*what)).collect();
        assert!(missing.is_empty(), "never happened: {missing:?}");
    }
}

#[test]
fn a_seed_does_the_same_each_time() {
    for seed in 0..20 {
        let first = run(seed, true);
        assert_ne!(first.sum, 0);
        assert_eq!(first, run(seed, true));
    }
}
