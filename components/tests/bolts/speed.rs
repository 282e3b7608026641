//! How many tuples a second a bolt takes: `cargo test -p squall-components --test bolts speed --
//! --ignored --nocapture`. What the harness costs on its own is told first.
#![allow(clippy::print_stderr)]

use std::time::Duration;

use squall_framework::{
    Kind, Schema, Value,
    testing::{BoltHarness, Discard},
};

use crate::harness::{bolt, schema};

const TUPLES: i64 = 200_000;
const PER_EPOCH: usize = 20_000;

fn fields() -> Schema {
    schema(&[("city", Kind::Int), ("id", Kind::Text), ("at", Kind::Timestamp), ("n", Kind::Int)])
}

/// The time that this thread has spent on a processor, so that others on the machine do not count.
fn cpu() -> Duration {
    let stat = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap();
    Duration::from_nanos(stat.split(' ').next().unwrap().parse().unwrap())
}

fn measure(name: &str, mut bolt: BoltHarness, rows: &[Vec<Value>]) {
    let mut emitted = 0;
    let (mut executing, mut committing) = (Duration::ZERO, Duration::ZERO);
    for epoch in rows.chunks(PER_EPOCH) {
        let start = cpu();
        for row in epoch {
            bolt.execute(0, row).unwrap();
        }
        executing += cpu() - start;
        let start = cpu();
        emitted += bolt.commit().unwrap().len();
        committing += cpu() - start;
    }
    let nanos = |time: Duration| time.as_nanos() / rows.len() as u128;
    eprintln!(
        "{name:36} {:>8.0} tuples/s in execute: {:>5} ns; and {:>5} ns in commit; {emitted} emitted",
        rows.len() as f64 / executing.as_secs_f64(),
        nanos(executing),
        nanos(committing),
    );
}

#[test]
#[ignore = "a measurement"]
fn speed() {
    let rows = |keys: i64| -> Vec<Vec<Value>> {
        let mut random = fastrand::Rng::with_seed(7);
        let row = |n: i64| {
            let id = Value::Text(format!("restaurant-{}", random.i64(0..keys)));
            vec![
                Value::Int(random.i64(0..20)),
                id,
                Value::Timestamp(n * 1_000),
                Value::Int(n % 100),
            ]
        };
        (0..TUPLES).map(row).collect()
    };
    let input = |keys: &'static [&'static str]| [("input", fields(), keys)];
    let (few, many) = (rows(1_000), rows(10_000_000));
    measure("harness alone", BoltHarness::new(|| Ok(Discard), &input(&["id"])).unwrap(), &few);
    for (name, rows) in [("1,000 keys", &few), ("new keys", &many)] {
        for (how, yaml, keys) in [
            ("for ever", "{ type: dedupe }", &["id"][..]),
            ("within", "{ type: dedupe, within: 1m, time: at }", &["id"]),
            (
                "within, by more",
                "{ type: dedupe, by: [city, id], within: 1m, time: at }",
                &["city"],
            ),
        ] {
            measure(&format!("dedupe {how}, {name}"), bolt(yaml, &input(keys)), rows);
        }
        for (how, yaml) in [
            ("", "{ type: top, by: n, of: [id] }"),
            (" with decay", "{ type: top, by: n, of: [id], decay: 1m, time: at }"),
            (" that expires", "{ type: top, by: n, of: [id], expire: 1m, time: at }"),
        ] {
            measure(&format!("top{how}, {name}"), bolt(yaml, &input(&["city"])), rows);
        }
    }
}
