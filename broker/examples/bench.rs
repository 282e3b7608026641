//! Measures the queue on this machine's disk:
//! `cargo run --release -p squall-broker --example bench -- [FOLDER] [MESSAGES_IN_MILLIONS]`.
//!
//! Opening is measured on a store whose process was killed: the example starts itself to fill it.
#![allow(clippy::print_stdout)]

use std::path::{Path, PathBuf};
use std::process::Command;

use squall_broker::bench::{self, Measure};
use squall_broker::{Result, Store, StoreOptions};

fn main() -> std::result::Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if let [child, folder, millions] = arguments.as_slice()
        && child == "--fill-and-die"
    {
        let store = Store::open(folder, StoreOptions::default())?;
        say(&bench::fill(&store, "backlog", (millions.parse::<f64>()? * 1e6) as u64)?);
        // As a crash: nothing is closed.
        std::process::abort();
    }
    let folder =
        arguments.first().map_or_else(|| std::env::temp_dir().join("squall-bench"), PathBuf::from);
    let millions: f64 = arguments.get(1).map_or(Ok(10.0), |text| text.parse())?;
    std::fs::create_dir_all(&folder)?;
    say(&bench::baseline(&folder.join("baseline"), 2.0)?);
    sends(&folder.join("send"))?;
    for count in [1.0, millions] {
        let store = folder.join(format!("backlog-{count}"));
        let count = count.to_string();
        let status = Command::new(std::env::current_exe()?)
            .arg("--fill-and-die")
            .arg(&store)
            .arg(&count)
            .status()?;
        println!("  (the process that filled it ended with {status})");
        backlog(&store)?;
    }
    std::fs::remove_dir_all(&folder)?;
    Ok(())
}

fn sends(folder: &Path) -> Result<()> {
    let store = Store::open(folder, StoreOptions::default())?;
    for (producers, batch) in [(1, 1), (16, 1), (4, 16), (16, 16), (4, 1_000)] {
        say(&bench::send(&store, producers, batch, 3.0)?);
        store.queue("bench-send")?.purge()?;
    }
    Ok(())
}

fn backlog(folder: &Path) -> Result<()> {
    let (store, measure) = bench::open(folder, StoreOptions::default())?;
    say(&measure);
    // Another group, so that both drains find the whole backlog.
    store.queue("backlog")?.group("bench-lease")?;
    say(&bench::drain_claim(&store, "backlog", 10_000)?);
    say(&bench::drain_lease(&store, "backlog", 1_000)?);
    Ok(())
}

fn say(measure: &Measure) {
    let Measure { what, count, seconds, per_second, p50_us, p99_us, rss_mb } = measure;
    let calls = p50_us.zip(*p99_us).map(|(p50, p99)| format!(", p50 {p50:.0} us, p99 {p99:.0} us"));
    println!(
        "{what}: {count} in {seconds:.3} s = {per_second:.0}/s{}, {rss_mb:.0} MB",
        calls.unwrap_or_default()
    );
}
