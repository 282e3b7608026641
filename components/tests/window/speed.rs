//! How fast windows are: `cargo test --release -p squall-components --test window -- --ignored
//! --nocapture speed`.

use std::time::Duration;

use squall_framework::{Kind, Schema, Value, testing::BoltHarness};

use crate::{rows::SECOND, table::harness};

const EVENTS: usize = 1_000_000;
const PEOPLE: u64 = 100_000;
const RESTAURANTS: u64 = 10_000;
/// Events between commits.
const EPOCH: usize = 50_000;

/// The time that this thread has worked, whatever else the machine does.
fn worked() -> Duration {
    let told = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap();
    Duration::from_nanos(told.split(' ').next().unwrap().parse().unwrap())
}

/// Distinct people and shares of each restaurant in the last hour, every minute. `minutes` is how
/// long the events took: the fewer, the more of them are in a window.
fn run(minutes: i64, aggregates: &str) -> (Duration, Duration, usize) {
    let schema =
        Schema::new([("restaurant", Kind::Int), ("user", Kind::Int), ("at", Kind::Timestamp)]);
    let yaml = format!("{{ size: 1h, every: 1m, lateness: 5s, aggregates: {aggregates} }}");
    let mut bolt: BoltHarness = harness(&yaml, &schema, &["restaurant"]);
    let mut rng = fastrand::Rng::with_seed(1);
    let step = minutes * 60 * SECOND / EVENTS as i64;
    let (mut rows, mut flushes, mut emitted) = (Duration::ZERO, Duration::ZERO, 0);
    let mut at = 0;
    for _ in 0..EVENTS / EPOCH {
        let events: Vec<_> = (0..EPOCH)
            .map(|_| {
                at += step;
                // A few restaurants have most of the shares.
                let skewed = rng.f64().powi(3) * RESTAURANTS as f64;
                let user = Value::Int(rng.u64(..PEOPLE) as i64);
                [Value::Int(skewed as i64), user, Value::Timestamp(at - rng.i64(0..2 * SECOND))]
            })
            .collect();
        let began = worked();
        for event in &events {
            bolt.execute(0, event).unwrap();
        }
        rows += worked() - began;
        let began = worked();
        emitted += bolt.commit().unwrap().len();
        flushes += worked() - began;
    }
    (rows, flushes, emitted)
}

#[test]
#[ignore = "a measurement"]
fn speed() {
    for (minutes, aggregates) in [
        (20, "{ people: distinct(user), shares: count() }"),
        (120, "{ people: distinct(user), shares: count() }"),
        (20, "{ shares: count() }"),
        (20, "{ people: approx_distinct(user) }"),
    ] {
        let (rows, flushes, emitted) = run(minutes, aggregates);
        let per_second = |time: Duration| EVENTS as f64 / time.as_secs_f64();
        println!(
            "{aggregates} over {minutes} min: {:.0} events/s, with flushes and commits {:.0}, {emitted} rows emitted",
            per_second(rows),
            per_second(rows + flushes)
        );
    }
}
