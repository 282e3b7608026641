//! Measuring the queue: sending with a flush before each confirmation, draining a backlog,
//! opening after a kill, memory.

use std::fs;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use serde::Serialize;

use crate::{Batch, Confirm, Error, QueueAttributes, Result, Store, StoreOptions};

/// Size of the bodies, in bytes.
pub const BODY: usize = 200;

/// One measurement; times in seconds.
#[derive(Debug, Clone, Serialize)]
pub struct Measure {
    /// What was done.
    pub what: String,
    /// Messages (or flushes, for the baseline).
    pub count: u64,
    /// How long it took.
    pub seconds: f64,
    /// Messages a second.
    pub per_second: f64,
    /// Median time of one call, where calls were timed, in microseconds.
    pub p50_us: Option<f64>,
    /// The time that one call in a hundred exceeded, in microseconds.
    pub p99_us: Option<f64>,
    /// Resident memory of the process afterwards, in MB.
    pub rss_mb: f64,
}

impl Measure {
    fn new(what: impl Into<String>, count: u64, took: Duration, mut calls: Vec<Duration>) -> Self {
        calls.sort_unstable();
        let at = |share: f64| {
            calls.get((calls.len() as f64 * share) as usize).map(|t| t.as_secs_f64() * 1e6)
        };
        let seconds = took.as_secs_f64();
        let per_second = count as f64 / seconds;
        Self {
            what: what.into(),
            count,
            seconds,
            per_second,
            p50_us: at(0.5),
            p99_us: at(0.99),
            rss_mb: rss_mb(),
        }
    }
}

/// Resident memory of this process, in MB; 0 where the system does not say.
#[must_use]
pub fn rss_mb() -> f64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kb =
        line.and_then(|line| line.trim().split(' ').next()).and_then(|kb| kb.parse::<f64>().ok());
    kb.unwrap_or(0.0) / 1024.0
}

/// Appends and flushes 4 KiB at a time to a file of its own: what the disk gives at best.
///
/// # Errors
/// What the system says.
pub fn baseline(folder: &Path, seconds: f64) -> Result<Measure> {
    let log =
        squall_durable::Log::open(std::sync::Arc::new(squall_durable::RealDisk), folder, 64 << 20);
    let log = log.map_err(crate::writer::error_of)?;
    let mut appender = squall_durable::Appender::open(log, squall_durable::Place::default(), false)
        .map_err(crate::writer::error_of)?;
    let (start, mut calls) = (Instant::now(), Vec::new());
    while start.elapsed().as_secs_f64() < seconds {
        let one = Instant::now();
        let head = squall_durable::FrameHead { kind: 1, count: 1, ..Default::default() };
        appender
            .push(&head, &[&[7; 4_000]])
            .and_then(|_| appender.flush(true))
            .map_err(crate::writer::error_of)?;
        calls.push(one.elapsed());
    }
    Ok(Measure::new("baseline: append 4 KB and flush", calls.len() as u64, start.elapsed(), calls))
}

/// Sends for `seconds` from `producers` threads, `batch` messages a call, each call confirmed
/// after the flush before the next.
///
/// # Errors
/// What the store says.
pub fn send(store: &Store, producers: usize, batch: usize, seconds: f64) -> Result<Measure> {
    let queue = store.create_queue("bench-send", &QueueAttributes::default())?;
    let start = Instant::now();
    let run = || -> Result<Vec<Duration>> {
        let (body, mut calls) = ([b'x'; BODY], Vec::new());
        while start.elapsed().as_secs_f64() < seconds {
            let one = Instant::now();
            queue.send_batch(filled(&body, batch))?.wait()?;
            calls.push(one.elapsed());
        }
        Ok(calls)
    };
    let calls = thread::scope(|scope| -> Result<Vec<Duration>> {
        let threads: Vec<_> = (0..producers).map(|_| scope.spawn(run)).collect();
        let mut calls = Vec::new();
        for thread in threads {
            calls.extend(thread.join().map_err(|_| Error::Closed)??);
        }
        Ok(calls)
    })?;
    let took = start.elapsed();
    let count = (calls.len() * batch) as u64;
    Ok(Measure::new(format!("send: {producers} producers x {batch}"), count, took, calls))
}

fn filled(body: &[u8], count: usize) -> Batch {
    let mut batch = Batch::default();
    (0..count).for_each(|_| batch.push(body));
    batch
}

/// Puts `count` messages into `queue`, as fast as one thread can.
///
/// # Errors
/// What the store says.
pub fn fill(store: &Store, queue: &str, count: u64) -> Result<Measure> {
    let queue = store.create_queue(queue, &QueueAttributes::default())?;
    let start = Instant::now();
    let body = [b'x'; BODY];
    let mut waiting: std::collections::VecDeque<Confirm> = std::collections::VecDeque::new();
    let mut sent = 0;
    while sent < count {
        let batch = (count - sent).min(1_000);
        waiting.push_back(queue.send_batch(filled(&body, batch as usize))?);
        sent += batch;
        if waiting.len() >= 8
            && let Some(first) = waiting.pop_front()
        {
            first.wait()?;
        }
    }
    for confirm in waiting {
        confirm.wait()?;
    }
    Ok(Measure::new(format!("fill {count}"), count, start.elapsed(), Vec::new()))
}

/// Reads a backlog through an exclusive claim and settles it, `batch` messages at a time.
///
/// # Errors
/// What the store says.
pub fn drain_claim(store: &Store, queue: &str, batch: usize) -> Result<Measure> {
    let claim = store.queue(queue)?.claim("bench", "bench", 1)?;
    let (start, mut count, mut bytes) = (Instant::now(), 0, 0);
    loop {
        let frames = claim.read(batch, 1 << 20)?;
        if frames.is_empty() {
            break;
        }
        for frame in &frames {
            bytes += frame.bodies().map(<[u8]>::len).sum::<usize>();
            count += frame.len() as u64;
            let (first, last) =
                (frame.offsets().next().unwrap_or(0), frame.offsets().last().unwrap_or(0));
            claim.settle(std::slice::from_ref(&(first..last + 1)))?;
        }
    }
    store.flush()?;
    debug_assert_eq!(bytes as u64, count * BODY as u64);
    Ok(Measure::new("claim: read and settle a backlog", count, start.elapsed(), Vec::new()))
}

/// Leases a backlog as a competing consumer and deletes it by handle, `batch` messages at a time.
///
/// # Errors
/// What the store says.
pub fn drain_lease(store: &Store, queue: &str, batch: usize) -> Result<Measure> {
    let group = store.queue(queue)?.group("bench-lease")?;
    let (start, mut count) = (Instant::now(), 0);
    loop {
        let messages = group.receive(batch, None)?;
        if messages.is_empty() {
            break;
        }
        count += messages.len() as u64;
        let handles: Vec<_> = messages.iter().map(|message| message.handle).collect();
        group.delete_later(&handles)?;
    }
    store.flush()?;
    Ok(Measure::new(
        format!("lease and delete a backlog, {batch} at a time"),
        count,
        start.elapsed(),
        Vec::new(),
    ))
}

/// Opens a store and says how long that took.
///
/// # Errors
/// What the store says.
pub fn open(folder: &Path, options: StoreOptions) -> Result<(Store, Measure)> {
    let start = Instant::now();
    let store = Store::open(folder, options)?;
    let took = start.elapsed();
    let count = store
        .list()
        .iter()
        .filter_map(|name| store.queue(name).ok()?.stats().ok())
        .map(|stats| stats.active)
        .sum();
    Ok((store, Measure::new("open", count, took, Vec::new())))
}
