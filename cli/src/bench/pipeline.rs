//! An access log from the queue through parse and count into a table.

use std::{
    path::Path,
    time::{Duration, Instant},
};

use serde::Serialize;
use squall_broker::{Batch, QueueAttributes, Store};
use squall_components::{
    generate::{AccessLines, Events},
    sql::{RowReader, Selection, StoreUrl, Value, read},
};
use squall_config::Variables;
use squall_framework::{Delivery, Registry, TopologyFile};

use super::{Scratch, memory::peak_mb};
use crate::{
    failure::Failure,
    local::{DataFolder, Messages},
    run::{LineReader, Lines, Outcome, Session},
};

/// Lines are parsed, counted by day, method and status, and the counts added to a table.
const TOPOLOGY: &str = "
name: pipeline
config:
  threads: ${THREADS}
  delivery: ${DELIVERY}
spouts:
  - { id: lines, type: queue, queue: access }
bolts:
  - { id: parse, type: access_log, inputs: [lines], fields: [time, method, status, bytes] }
  - { id: day, type: map, inputs: [parse], fields: { day: date(time) }, keep: [method, status, bytes] }
  - { id: count, type: count, inputs: [day], by: [day, method, status], as: requests, sum: { bytes: bytes } }
  - { id: save, type: sql, inputs: [count], store: \"${STORE}\", table: requests, keys: [day, method, status], add: [requests, bytes] }
";

/// What was measured.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Measured {
    workload: &'static str,
    acks: bool,
    threads: u16,
    pub(crate) delivery: &'static str,
    pub(crate) store: String,
    /// Commits, and how long the spouts waited for the last one, in microseconds; 0 without epochs.
    pub(crate) commits: u64,
    pub(crate) drain_us: u64,
    /// From the start of the topology until all lines were in the table, in seconds.
    pub(crate) seconds: f64,
    pub(crate) lines: u64,
    /// Lines a second.
    pub(crate) tuples_per_s: f64,
    acked_per_s: f64,
    pub(crate) p50_us: f64,
    pub(crate) p99_us: f64,
    p999_us: f64,
    /// From the start of the topology until the first lines were parsed, in milliseconds.
    pub(crate) start_ms: f64,
    pub(crate) peak_rss_mb: f64,
    /// Lines a second that one producer put into the queue before.
    pub(crate) send_per_s: f64,
    /// Rows in the table that count the lines, which must be as many.
    pub(crate) counted: u64,
}

/// How it is to be measured.
pub(crate) struct Pipeline<'a> {
    pub(crate) lines: u64,
    pub(crate) file: Option<&'a Path>,
    pub(crate) threads: u16,
    pub(crate) delivery: Delivery,
    /// Where the counts go; a SQLite file in the scratch folder if it is not named.
    pub(crate) store: Option<&'a str>,
}

/// Measures lines, made up or those of `file` over and over.
pub(crate) fn pipeline(
    scratch: &Scratch,
    plan: &Pipeline<'_>,
    registry: &Registry,
) -> Result<Measured, Failure> {
    let delivery = match plan.delivery {
        Delivery::ExactlyOnce => "exactly_once",
        Delivery::AtLeastOnce | Delivery::Auto => "at_least_once",
    };
    let folder = DataFolder::open(&scratch.join(&format!("data-{delivery}")))?;
    let begin = Instant::now();
    let sent = match plan.file {
        Some(file) => send_file(folder.store(), file, plan.lines)?,
        None => send_made_up(folder.store(), plan.lines)?,
    };
    let sending = begin.elapsed();
    let file = scratch.join(&format!("{delivery}.db"));
    let store = plan.store.map_or_else(|| format!("sqlite://{}", file.display()), str::to_owned);
    let url: StoreUrl = store.parse().map_err(Failure::usage)?;
    let before = if plan.store.is_some() { counted(&url).unwrap_or(0) } else { 0 };
    let variables = Variables::new()
        .with("THREADS", plan.threads.to_string())
        .with("DELIVERY", delivery)
        .with("STORE", store);
    let topology = TopologyFile::parse("pipeline", TOPOLOGY, &variables, registry)?;
    let session = Session::start(topology, folder)?;
    let (mut first, deadline) = (None, Instant::now() + Duration::from_secs(600));
    loop {
        let snapshot = session.snapshot();
        if snapshot.component("parse").is_some_and(|parse| parse.executed > 0) {
            first.get_or_insert_with(|| session.elapsed());
        }
        if snapshot.spouts(|spout| spout.acked + spout.dead) >= sent {
            break;
        }
        if Instant::now() > deadline {
            return Err(Failure::failed("the pipeline did not finish within ten minutes"));
        }
        std::thread::sleep(Duration::from_millis(2));
    }
    // The last commit is made at once, as if its time had come.
    if !session.drain(Duration::from_secs(60)) {
        return Err(Failure::failed("the last lines could not be committed"));
    }
    let seconds = session.elapsed().as_secs_f64();
    let epochs = session.snapshot().epochs;
    let summary = session.end(Outcome::Done, sent);
    let counted = counted(&url)? - before;
    if counted + summary.dead_letters != sent {
        let message = format!("{sent} lines were sent, but the table counts {counted}");
        return Err(
            Failure::failed(message).help("lines that are no access log are dead letters, too")
        );
    }
    Ok(Measured {
        workload: "pipeline",
        acks: true,
        threads: plan.threads,
        delivery,
        store: url.to_string(),
        commits: epochs.as_ref().map_or(0, |epochs| epochs.commits),
        drain_us: epochs.as_ref().map_or(0, |epochs| epochs.drain_us),
        seconds,
        lines: sent,
        tuples_per_s: sent as f64 / seconds,
        acked_per_s: summary.acked as f64 / seconds,
        p50_us: summary.latency.p50_us,
        p99_us: summary.latency.p99_us,
        p999_us: summary.latency.p999_us,
        start_ms: first.unwrap_or_default().as_secs_f64() * 1e3,
        peak_rss_mb: peak_mb(),
        send_per_s: sent as f64 / sending.as_secs_f64(),
        counted,
    })
}

fn send_made_up(store: &Store, count: u64) -> Result<u64, Failure> {
    let queue = store.create_queue("access", &QueueAttributes::default())?;
    let mut events = AccessLines::new(7, 1_767_225_600_000_000);
    let (mut sent, mut line) = (0, String::new());
    while sent < count {
        let mut batch = Batch::default();
        for _ in 0..(count - sent).min(4_000) {
            line.clear();
            events.write(&mut line);
            batch.push(line.as_bytes());
        }
        sent += queue.send_batch(batch)?.wait()?.count;
    }
    Ok(sent)
}

fn send_file(store: &Store, file: &Path, count: u64) -> Result<u64, Failure> {
    let queue = store.create_queue("access", &QueueAttributes::default())?;
    let mut sent = 0;
    while sent < count {
        let mut reader = LineReader::open(file)?;
        let (before, mut messages) = (sent, Messages::default());
        while sent < count && reader.fill(&mut messages)? == Lines::Some {
            sent += queue.send_batch(messages.batch())?.wait()?.count;
            messages.clear();
        }
        if sent == before {
            return Err(Failure::usage(format!("{} has no lines", file.display())));
        }
    }
    Ok(sent)
}

/// The lines that the table counts.
fn counted(store: &StoreUrl) -> Result<u64, Failure> {
    let query = Selection::Query("SELECT SUM(requests) FROM requests".to_owned());
    let mut sum = Sum(0);
    read(store, &query, Duration::from_secs(30), &mut sum).map_err(Failure::failed)?;
    Ok(sum.0)
}

struct Sum(u64);

impl RowReader for Sum {
    fn columns(&mut self, _: &[String]) -> Result<(), String> {
        Ok(())
    }

    fn row(&mut self, values: &[Value<'_>]) -> Result<(), String> {
        self.0 = match values {
            [Value::Int(sum)] => u64::try_from(*sum).unwrap_or_default(),
            // MySQL's sums of integers are decimals.
            [Value::Float(sum)] => *sum as u64,
            _ => 0,
        };
        Ok(())
    }
}
