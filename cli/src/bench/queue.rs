//! The durable queue: sending, draining a backlog, opening after a kill.

use std::{path::Path, process::Command};

use serde_json::{Map, Value, json};
use squall_broker::{
    Store, StoreOptions,
    bench::{self, Measure},
};

use super::{Scratch, memory::peak_mb};
use crate::failure::Failure;

/// What is measured, by producers and messages a call.
const SENDS: [(usize, usize); 4] = [(1, 1), (16, 1), (4, 16), (4, 1_000)];
const BACKLOG: &str = "backlog";

/// Measures the queue in `folder`, each way of sending for `seconds`, with a backlog of so many
/// `messages`. The object is flat, so that scripts find their key.
pub(crate) fn queue(
    folder: &Scratch,
    seconds: f64,
    messages: u64,
) -> Result<(Vec<Measure>, Value), Failure> {
    let (mut measures, mut keys) = (Vec::new(), Map::new());
    let mut keep = |key: &str, measure: Measure, keys: &mut Map<String, Value>| {
        keys.insert(key.to_owned(), json!(measure.per_second));
        measures.push(measure);
    };
    keep("flushes_per_s", bench::baseline(&folder.join("baseline"), seconds.min(2.0))?, &mut keys);
    let store = Store::open(folder.join("send"), StoreOptions::default())?;
    for (producers, batch) in SENDS {
        let key = format!("send_{producers}x{batch}_per_s");
        keep(&key, bench::send(&store, producers, batch, seconds)?, &mut keys);
        store.queue("bench-send")?.purge()?;
    }
    drop(store);
    let backlog = folder.join(BACKLOG);
    filled_by_another(&backlog, messages)?;
    let (store, opened) = bench::open(&backlog, StoreOptions::default())?;
    keys.insert("open_messages".into(), json!(opened.count));
    keys.insert("open_s".into(), json!(opened.seconds));
    keys.insert("waiting_rss_mb".into(), json!(opened.rss_mb));
    measures.push(opened);
    // A group of its own, so that both ways of draining find the whole backlog.
    store.queue(BACKLOG)?.group("bench-lease")?;
    let claimed = bench::drain_claim(&store, BACKLOG, 10_000)?;
    keys.insert("claim_per_s".into(), json!(claimed.per_second));
    measures.push(claimed);
    let leased = bench::drain_lease(&store, BACKLOG, 1_000)?;
    keys.insert("lease_per_s".into(), json!(leased.per_second));
    measures.push(leased);
    keys.insert("peak_rss_mb".into(), json!(peak_mb()));
    Ok((measures, Value::Object(keys)))
}

/// Has another process fill a queue and end without closing it.
fn filled_by_another(folder: &Path, messages: u64) -> Result<(), Failure> {
    let cannot = |error| Failure::failed(format!("cannot start another process: {error}"));
    let this = std::env::current_exe().map_err(cannot)?;
    let mut child = Command::new(this);
    child
        .args(["bench", "queue", "--fill-and-die"])
        .arg(messages.to_string())
        .arg("--data")
        .arg(folder);
    let status = child.status().map_err(cannot)?;
    if status.code() == Some(1) {
        return Err(Failure::failed("the process that was to fill a queue could not"));
    }
    Ok(())
}

/// Fills a queue and ends as by a crash: nothing is closed.
pub(crate) fn fill_and_die(folder: &Path, messages: u64) -> Result<(), Failure> {
    let store = Store::open(folder, StoreOptions::default())?;
    bench::fill(&store, BACKLOG, messages)?;
    std::process::abort()
}
