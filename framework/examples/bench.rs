//! Prints the engine's throughput beside the hand-written loop's.
#![allow(clippy::print_stdout, missing_docs)]

use std::{sync::Arc, time::Duration};

use squall_framework::bench::{BUILT_IN_TEXT, Bench, Workload, baseline, latency, throughput};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> Result<(), squall_framework::AnyError> {
    let lines: Arc<[String]> = match std::env::args().nth(1) {
        Some(file) => std::fs::read_to_string(file)
            .unwrap_or_default()
            .lines()
            .take(1000)
            .map(str::to_owned)
            .collect(),
        None => BUILT_IN_TEXT.lines().map(str::to_owned).collect(),
    };
    use Workload::{Columns20, Const, Fanout8, Relay, Wordcount};
    for workload in [Const, Relay, Wordcount, Fanout8, Columns20] {
        let mut rates = Vec::new();
        for acks in [true, false] {
            let bench = Bench {
                workload,
                acks,
                threads: 2,
                time: Duration::from_secs(2),
                lines: lines.clone(),
            };
            let measured = throughput(&bench)?;
            println!(
                "{workload:?} acks {acks}: {:.1} M/s start {:.1} ms rss {:.0} p99 {:.0} us",
                measured.tuples_per_s / 1e6,
                measured.start_ms,
                measured.peak_rss_mb,
                measured.p99_us
            );
            rates.push(measured.tuples_per_s);
            if acks {
                let base = baseline(&bench).tuples_per_s;
                println!(
                    "  baseline {:.1} M/s, ratio {:.2}",
                    base / 1e6,
                    measured.tuples_per_s / base
                );
            }
        }
        println!("  acks on / off {:.2}", rates[0] / rates[1]);
    }
    for rate in [10_000, 100_000] {
        let bench = Bench {
            workload: Const,
            acks: true,
            threads: 2,
            time: Duration::from_secs(3),
            lines: lines.clone(),
        };
        let m = latency(&bench, rate)?;
        println!(
            "latency {rate}/s: p50 {:.0} p99 {:.0} p99.9 {:.0} us, ack p99 {:.0}; {:.0}/s",
            m.p50_us,
            m.p99_us,
            m.p999_us,
            m.ack_p99_us.unwrap_or(0.0),
            m.tuples_per_s
        );
    }
    Ok(())
}
