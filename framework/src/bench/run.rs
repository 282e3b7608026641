//! Runs a benchmark topology and measures it.

use std::{
    sync::{Arc, atomic::Ordering::Relaxed},
    time::{Duration, Instant},
};

use serde::Serialize;

use super::parts::{Arrival, ConstSpout, Count, CountWords, Lines, Paced, Relay, Shared, Split};
use crate::{
    Grouping, Lent, Result, Settings, Topology, engine::new_histogram, error::AnyError, start,
};

/// The shape of a benchmark topology.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Workload {
    /// A spout to a counting bolt.
    Const,
    /// One bolt between, one tuple in and one out.
    Relay,
    /// Lines split into words, which are counted by fields grouping.
    Wordcount,
    /// Fields grouping to eight counting tasks.
    Fanout8,
    /// As const, with rows of twenty columns.
    Columns20,
}

/// What to run.
#[derive(Debug, Clone)]
pub struct Bench {
    /// The shape.
    pub workload: Workload,
    /// Whether messages are tracked.
    pub acks: bool,
    /// Threads that the tasks share.
    pub threads: usize,
    /// How long to measure, after a warm-up of a fifth of it.
    pub time: Duration,
    /// Lines for the word count.
    pub lines: Arc<[String]>,
}

/// What was measured.
#[derive(Debug, Clone, Serialize)]
pub struct Measured {
    /// The shape.
    pub workload: String,
    /// Whether messages were tracked.
    pub acks: bool,
    /// Threads that the tasks shared.
    pub threads: usize,
    /// How long was measured, in seconds.
    pub seconds: f64,
    /// Tuples a second at the sink; words for the word count.
    pub tuples_per_s: f64,
    /// Messages of the spout that were acked, a second; lines for the word count.
    pub acked_per_s: f64,
    /// Latency percentiles in microseconds: to the sink for the latency
    /// workload, otherwise from emit to ack.
    pub p50_us: f64,
    /// See `p50_us`.
    pub p99_us: f64,
    /// See `p50_us`.
    pub p999_us: f64,
    /// For the latency workload: the 99th percentile to the ack.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ack_p99_us: Option<f64>,
    /// From the start of the engine to the first tuple at the sink, in milliseconds.
    pub start_ms: f64,
    /// The most memory that the process had resident, in MB.
    pub peak_rss_mb: f64,
}

/// Runs a throughput benchmark.
///
/// # Errors
/// The topology could not be started.
pub fn throughput(bench: &Bench) -> Result<Measured, AnyError> {
    let shared = Arc::new(Shared::default());
    let topology = topology(bench, &shared)?;
    let begin = Instant::now();
    let running = start(topology, Lent::default())?;
    while shared.arrived.load(Relaxed) == 0 {
        std::thread::sleep(Duration::from_micros(100));
    }
    let start_ms = begin.elapsed().as_secs_f64() * 1e3;
    std::thread::sleep(bench.time / 5);
    let (arrived, acked) = (shared.arrived.load(Relaxed), shared.acked.load(Relaxed));
    let begin = Instant::now();
    std::thread::sleep(bench.time);
    // On a machine that has no time for us a short measurement would see nothing at all.
    while shared.arrived.load(Relaxed) == arrived {
        std::thread::sleep(Duration::from_micros(100));
    }
    let seconds = begin.elapsed().as_secs_f64();
    let tuples = shared.arrived.load(Relaxed) - arrived;
    let acked = shared.acked.load(Relaxed) - acked;
    let snapshot = running.snapshot();
    running.stop();
    std::hint::black_box(shared.sum.load(Relaxed));
    let latency = snapshot.component("source").map(|c| c.latency).unwrap_or_default();
    Ok(Measured {
        workload: format!("{:?}", bench.workload).to_lowercase(),
        acks: bench.acks,
        threads: bench.threads,
        seconds,
        tuples_per_s: tuples as f64 / seconds,
        acked_per_s: acked as f64 / seconds,
        p50_us: latency.p50_us,
        p99_us: latency.p99_us,
        p999_us: latency.p999_us,
        ack_p99_us: None,
        start_ms,
        peak_rss_mb: peak_rss_mb(),
    })
}

fn topology(bench: &Bench, shared: &Arc<Shared>) -> Result<Topology, AnyError> {
    let settings = Settings { threads: bench.threads, acks: bench.acks, ..Settings::default() };
    let width = if bench.workload == Workload::Columns20 { 20 } else { 1 };
    let (for_spout, for_bolt) = (shared.clone(), shared.clone());
    let count = move || Ok(Count { seen: 0, sum: 0, shared: for_bolt.clone() });
    let numbers = Topology::builder("bench").settings(settings.clone());
    let source = move || Ok(ConstSpout { width, next: 0, shared: for_spout.clone() });
    let built = match bench.workload {
        Workload::Const | Workload::Columns20 => numbers.spout("source", 1, source).bolt(
            "count",
            1,
            &[("source", Grouping::Shuffle)],
            count,
        ),
        Workload::Relay => numbers
            .spout("source", 1, source)
            .bolt("relay", 1, &[("source", Grouping::Shuffle)], || Ok(Relay))
            .bolt("count", 1, &[("relay", Grouping::Shuffle)], count),
        Workload::Fanout8 => numbers.spout("source", 1, source).bolt(
            "count",
            8,
            &[("source", Grouping::Fields(vec!["n0".into()]))],
            count,
        ),
        Workload::Wordcount => {
            let (lines, for_lines, for_words) =
                (bench.lines.clone(), shared.clone(), shared.clone());
            let lines =
                move || Ok(Lines { lines: lines.clone(), next: 0, shared: for_lines.clone() });
            let words = move || {
                let shared = for_words.clone();
                Ok(CountWords { counts: Default::default(), seen: 0, shared })
            };
            numbers
                .spout("source", 1, lines)
                .bolt("split", 1, &[("source", Grouping::LocalOrShuffle)], || Ok(Split))
                .bolt("count", 1, &[("split", Grouping::Fields(vec!["word".into()]))], words)
        }
    };
    Ok(built.build()?)
}

/// Runs the latency benchmark: an open loop at `rate` messages a second,
/// measured from the moment at which each was to be emitted.
///
/// # Errors
/// The topology could not be started.
pub fn latency(bench: &Bench, rate: u32) -> Result<Measured, AnyError> {
    let shared = Arc::new(Shared::default());
    *shared.to_sink.lock() = Some(new_histogram());
    *shared.to_ack.lock() = Some(new_histogram());
    let settings = Settings { threads: bench.threads, acks: bench.acks, ..Settings::default() };
    let warm = bench.time / 5;
    let gap = Duration::from_secs(1) / rate.max(1);
    let (for_spout, for_bolt) = (shared.clone(), shared.clone());
    let topology = Topology::builder("latency")
        .settings(settings)
        .spout("source", 1, move || {
            let shared = for_spout.clone();
            Ok(Paced { start: Instant::now(), gap, next: 0, from: warm, shared })
        })
        .bolt("sink", 1, &[("source", Grouping::Shuffle)], move || {
            let skip = (warm.as_secs_f64() * f64::from(rate)) as u64;
            Ok(Arrival { shared: for_bolt.clone(), skip })
        })
        .build()?;
    let begin = Instant::now();
    let running = start(topology, Lent::default())?;
    std::thread::sleep(warm + bench.time);
    let seconds = begin.elapsed().as_secs_f64() - warm.as_secs_f64();
    running.stop();
    let to_sink = shared.to_sink.lock().take().unwrap_or_else(new_histogram);
    let to_ack = shared.to_ack.lock().take().unwrap_or_else(new_histogram);
    let us = |quantile| to_sink.value_at_quantile(quantile) as f64 / 1e3;
    Ok(Measured {
        workload: "latency".into(),
        acks: bench.acks,
        threads: bench.threads,
        seconds,
        tuples_per_s: shared.arrived.load(Relaxed) as f64 / seconds,
        acked_per_s: shared.acked.load(Relaxed) as f64 / begin.elapsed().as_secs_f64(),
        p50_us: us(0.5),
        p99_us: us(0.99),
        p999_us: us(0.999),
        ack_p99_us: bench.acks.then(|| to_ack.value_at_quantile(0.99) as f64 / 1e3),
        start_ms: 0.0,
        peak_rss_mb: peak_rss_mb(),
    })
}

/// The most memory that this process had resident, in MB; 0 where the system
/// does not say.
pub(super) fn peak_rss_mb() -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kb = line.and_then(|l| l.trim().trim_end_matches("kB").trim().parse::<f64>().ok());
    kb.unwrap_or_default() / 1024.0
}
