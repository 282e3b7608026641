//! The benchmarks run and print the keys that scripts look for.
#![allow(clippy::unwrap_used, clippy::panic)]

mod support;

use support::Place;

fn has(value: &serde_json::Value, keys: &[&str]) {
    for key in keys {
        assert!(!value[key].is_null(), "no `{key}` in {value}");
    }
}

const KEYS: [&str; 10] = [
    "workload",
    "acks",
    "threads",
    "seconds",
    "tuples_per_s",
    "acked_per_s",
    "p50_us",
    "p99_us",
    "p999_us",
    "start_ms",
];

#[test]
fn the_engine_is_measured() {
    let place = Place::new();
    for workload in ["const", "relay", "wordcount", "fanout8", "columns20", "latency"] {
        let bench = ["bench", "engine", "--seconds", "0.2", "--json", "--workload", workload];
        let measured = place.json(&bench);
        has(&measured, &KEYS);
        assert!(measured["tuples_per_s"].as_f64().unwrap() > 0.0, "{measured}");
    }
    has(&place.json(&["bench", "engine", "--seconds", "0.2", "--baseline", "--json"]), &KEYS);
}

#[test]
fn the_queue_is_measured_and_nothing_stays_behind() {
    let place = Place::new();
    let bench = ["bench", "queue", "--seconds", "0.1", "--messages", "5000", "--json"];
    let measured = place.json(&bench);
    has(
        &measured,
        &["send_16x1_per_s", "send_4x1000_per_s", "claim_per_s", "lease_per_s", "open_s"],
    );
    assert_eq!(measured["open_messages"], 5000);
    assert_eq!(std::fs::read_dir(place.path(".")).unwrap().count(), 0);
}

#[test]
fn the_pipeline_counts_what_was_sent() {
    let place = Place::new();
    let measured = place.json(&["bench", "pipeline", "--lines", "5000", "--json"]);
    has(&measured, &KEYS);
    assert_eq!((&measured["lines"], &measured["counted"]), (&5000.into(), &5000.into()));
}
