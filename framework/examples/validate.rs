//! How long it takes to read and check a topology: `cargo run --release -p squall-framework
//! --example validate [COMPONENTS]` (200 unless told). Prints the median and worst of 200 runs.
#![allow(clippy::print_stdout, clippy::unwrap_used)]

#[path = "../tests/support/mod.rs"]
mod support;

use std::{
    fmt::Write as _,
    time::{Duration, Instant},
};

use squall_config::{Mistakes, Variables};
use squall_framework::TopologyFile;

const RUNS: usize = 200;

fn main() {
    let components = std::env::args().nth(1).and_then(|n| n.parse().ok()).unwrap_or(200);
    let registry = support::registry();
    let variables = Variables::from_environment();
    let text = topology(components);
    // The same with a mistake in every second bolt.
    let wrong = text.replace("group_by: [restaurant, city]", "gruop_by: [restaurant, city]");
    println!("{components} components, {} bytes, {RUNS} runs", text.len());
    for (what, text) in [("correct", &text), ("with mistakes", &wrong)] {
        let check = || TopologyFile::parse("large.yaml", text, &variables, &registry);
        let found = check().err().map_or(0, |mistakes: Mistakes| mistakes.len());
        let mut times: Vec<Duration> = (0..RUNS).map(|_| timed(check)).collect();
        times.sort_unstable();
        let (median, worst) = (times[RUNS / 2], times[RUNS - 1]);
        println!("{what}: median {median:.1?}, worst {worst:.1?}, {found} mistakes");
    }
}

fn timed<T>(work: impl Fn() -> T) -> Duration {
    let start = Instant::now();
    let result = work();
    let time = start.elapsed();
    drop(result);
    time
}

/// Chains of `json`, `count` and `sql` behind spouts of their own, five components each.
fn topology(components: usize) -> String {
    let mut text =
        String::from("name: large\nconfig: { threads: 2, message_timeout: 30s }\nspouts:\n");
    let chains = components.div_ceil(5);
    for chain in 0..chains {
        let _ = writeln!(text, "  - {{ id: spout-{chain}, type: queue, queue: shares }}");
    }
    text.push_str("bolts:\n");
    for chain in 0..chains {
        let _ = writeln!(
            text,
            r#"  - id: parse-{chain}
    type: json
    inputs: [spout-{chain}]
    parallelism: 2
    fields: {{ restaurant: string, city: string, user: string, at: timestamp }}
  - id: count-{chain}
    type: count
    inputs: [{{ from: parse-{chain}, grouping: fields, fields: [restaurant, city] }}]
    every: 5s
    group_by: [restaurant, city]
  - id: errors-{chain}
    type: queue
    inputs: [{{ from: parse-{chain}, stream: errors }}]
    queue: "errors-${{NAME:-x}}"
  - id: save-{chain}
    type: sql
    inputs: [count-{chain}]
    store: "${{STORE:-sqlite://results.db}}"
    table: counts
    keys: [restaurant, city]"#
        );
    }
    text
}
