//! `dedupe` against a map of keys.

use std::collections::HashMap;

use proptest::prelude::*;
use squall_framework::{Kind, Value};

use crate::harness::{Run, bolt, bolt_within, schema, text};

const HOUR: i64 = 3_600_000_000;

fn fields() -> squall_framework::Schema {
    schema(&[("user", Kind::Int), ("id", Kind::Text), ("at", Kind::Timestamp), ("n", Kind::Int)])
}

fn tuple(user: i64, id: i64, at: i64, n: i64) -> Vec<Value> {
    // Ids of some length, so that a chunk of the queue is soon full.
    vec![Value::Int(user), text(&format!("{id:0>500}")), Value::Timestamp(at), Value::Int(n)]
}

#[derive(Debug, Clone)]
enum Step {
    Tuple(i64, i64, i64),
    Commit,
    Crash,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        8 => (0i64..3, 0i64..12, -6i64..20).prop_map(|(user, id, ahead)| Step::Tuple(user, id, ahead)),
        2 => Just(Step::Commit),
        1 => Just(Step::Crash),
    ];
    proptest::collection::vec(step, 1..150)
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Memory {
    Forever,
    Event,
    Day,
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(150))]

    #[test]
    fn the_first_of_each_key(
        steps in steps(),
        grouped_by_all in any::<bool>(),
        memory in prop_oneof![Just(Memory::Forever), Just(Memory::Event), Just(Memory::Day)],
        limit in prop_oneof![Just(0usize), Just(usize::MAX)],
    ) {
        let yaml = match memory {
            Memory::Forever => "{ type: dedupe, by: [user, id] }",
            Memory::Event => "{ type: dedupe, by: [user, id], within: 10h, time: at }",
            Memory::Day => "{ type: dedupe, by: [user, id], within: 10h }",
        };
        let keys: &[&str] = if grouped_by_all { &["user", "id"] } else { &["user"] };
        let mut run = Run::new(bolt_within(limit, yaml, &[("input", fields(), keys)]));
        // What is known, until when, and the same as of the last commit.
        let mut known: HashMap<(i64, i64), i64> = HashMap::new();
        let (mut newest, mut day, mut watermark) = (0, 0, i64::MIN);
        let (mut emitted, mut expected) = (Vec::new(), Vec::new());
        for (n, step) in steps.into_iter().enumerate() {
            match step {
                Step::Tuple(user, id, ahead) => {
                    let at = (newest + ahead * HOUR / 10).max(0);
                    newest = newest.max(at);
                    run.give(0, tuple(user, id, at, n as i64));
                    let now = if memory == Memory::Event { at } else { day };
                    let until = known.get(&(user, id)).copied();
                    if until.is_none_or(|until| now >= until || until <= watermark) {
                        known.insert((user, id), match memory {
                            Memory::Forever => i64::MAX,
                            _ => now + 10 * HOUR,
                        });
                        expected.push(n as i64);
                    }
                }
                Step::Commit => {
                    emitted.extend(run.commit(false));
                    if memory == Memory::Event {
                        watermark = newest;
                    }
                    day += 3 * HOUR;
                    run.bolt.clock().set(day);
                }
                Step::Crash => run.crash(),
            }
        }
        emitted.extend(run.commit(true));
        let emitted: Vec<_> = emitted.iter().map(|row| row[3].clone()).collect();
        prop_assert_eq!(emitted, expected.into_iter().map(Value::Int).collect::<Vec<_>>());
        if memory != Memory::Forever {
            // Long after, nothing is left but what the watermark is made of.
            run.bolt.clock().set(day + 1_000 * HOUR);
            for later in [1_000, 2_000, 3_000] {
                run.give(0, tuple(100, 0, newest + later * HOUR, 0));
                run.commit(false);
                run.bolt.clock().set(day + 2 * later * HOUR);
            }
            run.commit(false);
            prop_assert!(run.bolt.disk().len() <= 8, "{}", run.bolt.disk().len());
        }
    }
}

#[test]
fn a_time_far_ahead_does_not_keep_others_in_memory() {
    let yaml = "{ type: dedupe, by: [user, id], within: 1h, time: at }";
    let input = [("input", fields(), &["user"][..])];
    let mut bolt = bolt(yaml, &input).with_senders(2).unwrap();
    // The second sender is behind, so the first one's time does not move the watermark.
    bolt.execute_from(0, 0, &tuple(1, 0, 1_000_000 * HOUR, 0)).unwrap();
    for hour in 0..200 {
        for id in 1..5 {
            bolt.execute_from(0, 1, &tuple(1, id, hour * HOUR, 0)).unwrap();
        }
        assert_eq!(bolt.commit().unwrap().len(), if hour == 0 { 5 } else { 4 });
        assert!(bolt.disk().len() < 40, "{} after {hour} hours", bolt.disk().len());
    }
    bolt.execute_from(0, 1, &tuple(1, 0, 300 * HOUR, 0)).unwrap();
    assert!(bolt.commit().unwrap().is_empty(), "the key far ahead was forgotten");
}

#[test]
fn a_tuple_without_time_fails() {
    let yaml = "{ type: dedupe, within: 1h, time: at }";
    let mut bolt = bolt(yaml, &[("input", fields(), &["id"])]);
    let mut row = tuple(1, 2, 3, 4);
    row[2] = Value::Null;
    let error = bolt.execute(0, &row).unwrap_err().to_string();
    assert_eq!(error, "field `at` is no timestamp but `null`");
}
