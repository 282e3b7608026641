//! `join` against looking at every pair.

use proptest::prelude::*;
use squall_framework::{Kind, Schema, Value, testing::HarnessInput};

use crate::harness::{Run, bolt, bolt_within, schema, text};

const MINUTE: i64 = 60_000_000;

fn left() -> Schema {
    schema(&[("k", Kind::Int), ("n", Kind::Int), ("at", Kind::Timestamp), ("pad", Kind::Text)])
}

fn right() -> Schema {
    schema(&[("paid", Kind::Timestamp), ("key", Kind::Int), ("n", Kind::Int), ("pad", Kind::Text)])
}

fn inputs() -> [HarnessInput<'static>; 2] {
    [("l", left(), &["k"]), ("r", right(), &["key"])]
}

/// Texts of some length, so that a chunk holds few rows.
fn row(side: usize, key: i64, n: i64, minute: i64, pad: usize) -> Vec<Value> {
    let (at, pad) = (Value::Timestamp(minute * MINUTE), text(&"x".repeat(pad)));
    if side == 0 {
        vec![Value::Int(key), Value::Int(n), at, pad]
    } else {
        vec![at, Value::Int(key), Value::Int(n), pad]
    }
}

#[derive(Debug, Clone)]
enum Step {
    Row { side: usize, key: i64, ahead: i64, pad: usize },
    Commit,
    Last,
    Crash,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let pad = prop_oneof![Just(0usize), Just(300), Just(1_500), Just(3_800)];
    let row = (0usize..2, 0i64..3, -12i64..5, pad);
    let step = prop_oneof![
        12 => row.prop_map(|(side, key, ahead, pad)| Step::Row { side, key, ahead, pad }),
        3 => Just(Step::Commit),
        1 => Just(Step::Last),
        1 => Just(Step::Crash),
    ];
    proptest::collection::vec(step, 1..200)
}

/// A row that the model remembers.
#[derive(Debug, Clone, Copy)]
struct Known {
    side: usize,
    key: i64,
    n: i64,
    minute: i64,
    /// It has a partner, or was emitted as one that has none.
    settled: bool,
}

/// The numbers of both sides; -1 for none.
fn numbers(rows: &[Vec<Value>]) -> Vec<(i64, i64)> {
    let number = |value: &Value| match value {
        Value::Int(number) => *number,
        Value::Null => -1,
        other => panic!("{other}"),
    };
    let mut numbers: Vec<_> = rows.iter().map(|row| (number(&row[1]), number(&row[3]))).collect();
    numbers.sort_unstable();
    numbers
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    /// Also rows that are late are joined with what is remembered, and with nothing else.
    #[test]
    fn pairs_and_those_without(
        steps in steps(),
        outer in any::<bool>(),
        within in prop_oneof![Just(None), Just(Some(0i64)), Just(Some(4)), Just(Some(30))],
        lateness in prop_oneof![Just(0i64), Just(3), Just(100)],
        limit in prop_oneof![Just(0usize), Just(usize::MAX)],
    ) {
        let kind = if outer { "left" } else { "inner" };
        let time = within.map_or(String::new(), |within| {
            format!("within: {within}m, time: {{ l: at, r: paid }},").replace("within: 0m", "within: 0")
        });
        let yaml = format!("{{ type: join, kind: {kind}, {time} lateness: {lateness}m, fields: [k, l_n, at, r_n, r_pad] }}");
        let yaml = yaml.replace("lateness: 0m", "lateness: 0");
        let mut run = Run::new(bolt_within(limit, &yaml, &inputs()));
        let mut known: Vec<Known> = Vec::new();
        let mut expected = Vec::new();
        let mut reached = [None::<i64>; 2];
        let mut newest = 0;
        let mut watermark = i64::MIN;
        for (n, step) in steps.into_iter().chain([Step::Last]).enumerate() {
            let n = n as i64;
            match step {
                Step::Row { side, key, ahead, pad } => {
                    let minute = newest + ahead;
                    newest = newest.max(minute);
                    run.give(side, row(side, key, n, minute, pad));
                    reached[side] = reached[side].max(Some(minute));
                    let mut settled = false;
                    for other in known.iter_mut().filter(|o| o.side != side && o.key == key) {
                        if within.is_some_and(|within| (other.minute - minute).abs() > within) {
                            continue;
                        }
                        expected.push(if side == 0 { (n, other.n) } else { (other.n, n) });
                        (settled, other.settled) = (true, true);
                    }
                    known.push(Known { side, key, n, minute, settled });
                }
                Step::Crash => run.crash(),
                Step::Commit | Step::Last => {
                    let last = matches!(step, Step::Last);
                    let rows = run.commit(last);
                    if let [Some(left), Some(right)] = reached {
                        watermark = watermark.max(left.min(right) - lateness);
                    }
                    known.retain_mut(|row| {
                        let gone = within.is_some_and(|within| row.minute + within < watermark);
                        if outer && row.side == 0 && !row.settled && (gone || last) {
                            expected.push((row.n, -1));
                            row.settled = true;
                        }
                        !gone
                    });
                    expected.sort_unstable();
                    prop_assert_eq!(numbers(&rows), std::mem::take(&mut expected));
                    if known.is_empty() {
                        prop_assert!(run.bolt.disk().len() <= 3, "only marks are left");
                    }
                }
            }
        }
    }

    /// When nothing is late, neither the order of rows nor where epochs end matters.
    #[test]
    fn every_pair_once(
        rows in proptest::collection::vec((0usize..2, 0i64..3, 0i64..40), 0..80),
        order in any::<u64>(),
        commits in proptest::collection::vec(any::<bool>(), 80),
    ) {
        let yaml = "{ type: join, kind: left, within: 7m, time: { l: at, r: paid }, lateness: 1h, fields: [k, l_n, at, r_n, r_pad] }";
        let mut run = Run::new(bolt(yaml, &inputs()));
        let mut expected = Vec::new();
        for (a, (_, key, minute)) in rows.iter().enumerate().filter(|(_, row)| row.0 == 0) {
            let partners = rows.iter().enumerate().filter(|(_, (side, other, at))| {
                *side == 1 && other == key && (minute - at).abs() <= 7
            });
            let before = expected.len();
            expected.extend(partners.map(|(b, _)| (a as i64, b as i64)));
            if expected.len() == before {
                expected.push((a as i64, -1));
            }
        }
        let mut shuffled: Vec<_> = rows.iter().enumerate().collect();
        shuffled.sort_by_key(|(n, _)| (*n as u64).wrapping_mul(order | 1).wrapping_add(order >> 7));
        let mut emitted = Vec::new();
        for ((n, (side, key, minute)), commit) in shuffled.into_iter().zip(commits) {
            run.give(*side, row(*side, *key, n as i64, *minute, 0));
            if commit {
                emitted.extend(run.commit(false));
            }
        }
        emitted.extend(run.commit(true));
        expected.sort_unstable();
        prop_assert_eq!(numbers(&emitted), expected);
    }
}

#[test]
fn a_row_that_is_far_ahead_does_not_make_a_list_long() {
    let yaml = "{ type: join, within: 1m, time: { l: at, r: paid } }";
    let mut run = Run::new(bolt(yaml, &inputs()));
    run.give(0, row(0, 1, 0, 1_000_000, 3_000));
    for minute in 0..300 {
        run.give(1, row(1, 1, minute, minute, 3_000));
        // The left side's newest time is far ahead, so the right side's decides.
        run.commit(false);
        let size = run.bolt.disk().len();
        assert!(size <= 20, "{size} values after {minute} minutes");
    }
    // The row far ahead is still there.
    run.give(1, row(1, 1, 0, 1_000_000, 0));
    assert_eq!(run.commit(false).len(), 1);
}

#[test]
fn a_null_is_equal_to_nothing() {
    for (kind, expected) in [("inner", 0), ("left", 1)] {
        let yaml = format!("{{ type: join, kind: {kind} }}");
        let mut run = Run::new(bolt(&yaml, &inputs()));
        for side in [0, 1] {
            let mut row = row(side, 0, side as i64, 0, 0);
            row[side] = Value::Null;
            run.give(side, row);
        }
        assert_eq!(run.commit(false).len(), expected);
        assert!(run.commit(true).is_empty());
        assert!(run.bolt.disk().is_empty());
    }
}

#[test]
fn a_row_that_no_value_can_hold_fails_and_leaves_nothing() {
    let yaml = "{ type: join, within: 1m, time: { l: at, r: paid } }";
    let mut run = Run::new(bolt(yaml, &inputs()));
    let error = run.bolt.execute(0, &row(0, 1, 0, 0, 4_100)).unwrap_err().to_string();
    assert!(error.contains("4077 are the most that a join remembers"), "{error}");
    // A field that is not emitted is not remembered.
    let yaml = "{ type: join, fields: [k, l_n, r_n] }";
    let mut run = Run::new(bolt(yaml, &inputs()));
    run.give(0, row(0, 1, 0, 0, 100_000));
    run.give(1, row(1, 1, 0, 0, 100_000));
    assert_eq!(run.commit(false), [[Value::Int(1), Value::Int(0), Value::Int(0)]]);
}

#[test]
fn the_slowest_sender_decides_also_after_a_crash() {
    let yaml = "{ type: join, kind: left, within: 1m, time: { l: at, r: paid } }";
    let mut bolt = bolt(yaml, &inputs()).with_senders(3).unwrap();
    // Sender 2 sends to the right side and is far behind.
    bolt.execute_from(0, 0, &row(0, 1, 0, 10, 0)).unwrap();
    bolt.execute_from(1, 1, &row(1, 2, 0, 100, 0)).unwrap();
    bolt.execute_from(1, 2, &row(1, 2, 0, 5, 0)).unwrap();
    assert!(bolt.commit().unwrap().is_empty());
    bolt.restart().unwrap();
    bolt.execute_from(0, 0, &row(0, 3, 0, 100, 0)).unwrap();
    bolt.execute_from(1, 1, &row(1, 2, 0, 101, 0)).unwrap();
    assert!(bolt.commit().unwrap().is_empty(), "sender 2 was forgotten in the crash");
    bolt.execute_from(1, 2, &row(1, 2, 0, 12, 0)).unwrap();
    assert_eq!(bolt.commit().unwrap().len(), 1);
}

#[test]
fn a_later_run_goes_on_behind_the_end_of_the_input() {
    let yaml = "{ type: join, kind: left, within: 5m, time: { l: at, r: paid } }";
    let mut run = Run::new(bolt(yaml, &inputs()));
    for n in 0..2_500 {
        run.give(0, row(0, n, n, 0, 0));
    }
    assert_eq!(run.commit(true).len(), 2_500, "all are told of at the end of the input");
    assert!(run.commit(true).is_empty(), "and once");
    run.crash();
    run.give(1, row(1, 7, 0, 1, 0));
    let rows = run.commit(true);
    assert_eq!(rows.len(), 1, "they are remembered");
    run.give(0, row(0, 1, 0, 30, 0));
    run.give(1, row(1, 2, 0, 30, 0));
    assert!(run.commit(false).is_empty(), "those that were told of are forgotten in silence");
    assert!(run.bolt.disk().len() < 20);
}
