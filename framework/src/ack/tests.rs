#![allow(clippy::unwrap_used)]

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::{Failure, FailureKind, Settled, Settlements, Source};
use crate::{
    Kind, Schema, ValueRef,
    engine::TaskSignal,
    tuple::{Origins, TupleBatch},
};

/// What can happen to a derived batch.
#[derive(Debug, Clone)]
enum Step {
    /// It is done.
    Settle(usize),
    /// One of its rows fails, and it goes on.
    Fail(usize, usize),
    /// It is lost, as by a panic.
    Drop(usize),
    /// It is cut in two.
    Split(usize, usize),
    /// A bolt emits a batch with a row for each of its rows.
    Derive(usize),
    /// A bolt emits one row made of all its rows.
    Join(usize),
    /// It is put behind another one.
    Append(usize, usize),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        any::<usize>().prop_map(Step::Settle),
        (any::<usize>(), any::<usize>()).prop_map(|(b, r)| Step::Fail(b, r)),
        any::<usize>().prop_map(Step::Drop),
        (any::<usize>(), any::<usize>()).prop_map(|(b, r)| Step::Split(b, r)),
        any::<usize>().prop_map(Step::Derive),
        any::<usize>().prop_map(Step::Join),
        (any::<usize>(), any::<usize>()).prop_map(|(a, b)| Step::Append(a, b)),
    ];
    proptest::collection::vec(step, 0..60)
}

fn schema() -> Schema {
    Schema::new([("n", Kind::Int)])
}

/// A batch with a row for each message of each source.
fn batch(sources: &[Source], messages: usize) -> TupleBatch {
    let mut batch = TupleBatch::new(schema(), 0);
    for source in sources {
        for place in 0..messages {
            let index = batch.origins.hold(source);
            batch.origins.push(index, place as u32);
            batch.push(&[ValueRef::Int(place as i64)]);
        }
    }
    batch
}

/// Which (source, place) pairs a row stands for, by the batch's own word.
fn messages(batch: &TupleBatch, row: usize, sources: &[Source]) -> Vec<(usize, u32)> {
    let source = |index| sources.iter().position(|s| s.same(batch.origins.source(index))).unwrap();
    batch.origins.of(row).map(|(index, place)| (source(index), place)).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    /// Whatever happens to the batches, in whatever order, every source batch
    /// ends exactly once, with exactly the messages that failed.
    #[test]
    fn every_message_is_settled_once(steps in steps(), messages_each in 1usize..20) {
        let settlements = Settlements::new(TaskSignal::new());
        let sources: Vec<_> = (0..3).map(|n| Source::new(n, settlements.clone())).collect();
        // The model sees sources by watching hands that hold nothing back:
        // failures expected, by source and place.
        let mut expected: BTreeSet<(usize, u32)> = BTreeSet::new();
        let mut batches = vec![batch(&sources, messages_each)];
        let failure = Failure::new(FailureKind::Data, &"bolt".into(), "because");
        for step in steps {
            if batches.is_empty() {
                break;
            }
            let n = batches.len();
            match step {
                Step::Settle(b) => batches.remove(b % n).recycle(),
                Step::Drop(b) => {
                    let lost = batches.remove(b % n);
                    for row in 0..lost.len() {
                        expected.extend(messages(&lost, row, &sources));
                    }
                }
                Step::Fail(b, r) => {
                    let batch = &batches[b % n];
                    if !batch.is_empty() {
                        let row = r % batch.len();
                        expected.extend(messages(batch, row, &sources));
                        batch.origins.fail(row, &failure);
                    }
                }
                Step::Split(b, r) => {
                    let row = r % (batches[b % n].len() + 1);
                    let rest = batches[b % n].split_off(row);
                    batches.push(rest);
                }
                Step::Derive(b) => {
                    let mut derived = TupleBatch::new(schema(), 0);
                    let from = &batches[b % n];
                    for row in 0..from.len() {
                        let list: Vec<_> = from.origins.of(row).map(|(index, place)| {
                            Origins::pack(derived.origins.hold(from.origins.source(index)), place)
                        }).collect();
                        derived.origins.push_list(list);
                        derived.push(&[ValueRef::Null]);
                    }
                    batches.push(derived);
                }
                Step::Join(b) => {
                    let mut derived = TupleBatch::new(schema(), 0);
                    let from = &batches[b % n];
                    let mut list = Vec::new();
                    for row in 0..from.len() {
                        for (index, place) in from.origins.of(row) {
                            let held = derived.origins.hold(from.origins.source(index));
                            list.push(Origins::pack(held, place));
                        }
                    }
                    derived.origins.push_list(list);
                    derived.push(&[ValueRef::Null]);
                    batches.push(derived);
                }
                Step::Append(a, b) if a % n != b % n => {
                    let (a, b) = (a % n, b % n);
                    let moved = std::mem::replace(&mut batches[b], TupleBatch::new(schema(), 0));
                    batches[a].append(moved);
                }
                Step::Append(..) => {}
            }
        }
        for mut batch in batches {
            batch.recycle();
        }
        prop_assert!(settlements.is_empty(), "a source ended while it was held");
        drop(sources);
        let mut settled: Vec<Settled> = Vec::new();
        settlements.take(&mut settled);
        settled.sort_by_key(|s| s.batch);
        prop_assert_eq!(settled.iter().map(|s| s.batch).collect::<Vec<_>>(), vec![0, 1, 2]);
        let failed: BTreeSet<_> = settled
            .iter()
            .flat_map(|s| s.failures.iter().map(|(place, _)| (s.batch as usize, *place)))
            .collect();
        prop_assert_eq!(failed, expected);
    }
}

#[test]
fn a_batch_that_ran_out_of_time_ends_once() {
    while crate::engine::now_ms() == 0 {
        std::thread::yield_now();
    }
    let settlements = Settlements::new(TaskSignal::new());
    let source = Source::new(7, settlements.clone());
    let watch = source.watch();
    let spout = "spout".into();
    assert!(!watch.expire(0, &spout, "1s"), "it has just had progress");
    let now = crate::engine::now_ms();
    assert!(watch.expire(now, &spout, "1s"));
    assert!(!watch.expire(now, &spout, "1s"), "it has ended");
    drop(source);
    let mut settled = Vec::new();
    settlements.take(&mut settled);
    assert_eq!(settled.len(), 1);
    assert_eq!(settled[0].expired.as_ref().unwrap().kind, FailureKind::Timeout);
}
