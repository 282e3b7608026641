//! An access log from the queue through parse and count into SQLite.

use std::{
    path::Path,
    time::{Duration, Instant},
};

use serde::Serialize;
use squall_broker::{Batch, QueueAttributes, Store};
use squall_components::generate::{AccessLines, Events};
use squall_config::Variables;
use squall_framework::{Registry, TopologyFile};

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

/// Measures `count` lines, made up or those of `file` over and over.
pub(crate) fn pipeline(
    scratch: &Scratch,
    count: u64,
    file: Option<&Path>,
    threads: u16,
    registry: &Registry,
) -> Result<Measured, Failure> {
    let folder = DataFolder::open(&scratch.join("data"))?;
    let begin = Instant::now();
    let sent = match file {
        Some(file) => send_file(folder.store(), file, count)?,
        None => send_made_up(folder.store(), count)?,
    };
    let sending = begin.elapsed();
    let results = scratch.join("results.db");
    let variables = Variables::new()
        .with("THREADS", threads.to_string())
        .with("STORE", format!("sqlite://{}", results.display()));
    let topology = TopologyFile::parse("pipeline", TOPOLOGY, &variables, registry)?;
    let session = Session::start(topology, folder)?;
    let (mut first, deadline) = (None, Instant::now() + Duration::from_secs(600));
    while !session.is_idle() {
        if first.is_none()
            && session.snapshot().component("parse").is_some_and(|parse| parse.executed > 0)
        {
            first = Some(session.elapsed());
        }
        if Instant::now() > deadline {
            return Err(Failure::failed("the pipeline did not finish within ten minutes"));
        }
        std::thread::sleep(Duration::from_millis(1));
    }
    let seconds = session.elapsed().as_secs_f64();
    let summary = session.end(Outcome::Done, sent);
    let counted = counted(&results)?;
    if counted + summary.dead_letters != sent {
        let message = format!("{sent} lines were sent, but the table counts {counted}");
        return Err(
            Failure::failed(message).help("lines that are no access log are dead letters, too")
        );
    }
    Ok(Measured {
        workload: "pipeline",
        acks: true,
        threads,
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

fn counted(results: &Path) -> Result<u64, Failure> {
    let cannot = |error| Failure::failed(format!("cannot read {}: {error}", results.display()));
    let connection = rusqlite::Connection::open(results).map_err(cannot)?;
    connection
        .query_row("SELECT SUM(requests) FROM requests", [], |row| row.get::<_, i64>(0))
        .map_or_else(|error| Err(cannot(error)), |sum| Ok(u64::try_from(sum).unwrap_or_default()))
}
