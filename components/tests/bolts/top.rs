//! `top` against sorting everything.

use std::collections::{BTreeMap, HashSet};

use proptest::prelude::*;
use squall_framework::{Kind, Schema, Value};

use crate::harness::{Run, bolt, bolt_within, schema, text};

const HOUR: i64 = 3_600_000_000;

fn fields() -> Schema {
    schema(&[
        ("city", Kind::Int),
        ("window", Kind::Int),
        ("id", Kind::Int),
        ("by", Kind::Any),
        ("at", Kind::Timestamp),
        ("note", Kind::Text),
    ])
}

type Group = (i64, i64);
/// The ranking as a table would have it: for each group and rank the values behind the rank.
type Ranks = BTreeMap<(Group, i64), Vec<Value>>;

fn int(value: &Value) -> i64 {
    match value {
        Value::Int(number) => *number,
        other => panic!("{other}"),
    }
}

/// Takes emitted rows over into the table; gives those that change nothing in it.
fn apply(table: &mut Ranks, rows: Vec<Vec<Value>>) -> usize {
    let mut idle = 0;
    for mut row in rows {
        let rank = int(&row.remove(0));
        let key = ((int(&row[0]), int(&row[1])), rank);
        let old =
            if row[2] == Value::Null { table.remove(&key) } else { table.insert(key, row.clone()) };
        let gone = row[2] == Value::Null && old.is_none();
        idle += usize::from(gone || old == Some(row));
    }
    idle
}

#[derive(Debug, Clone)]
enum Step {
    Tuple { group: Group, id: i64, by: Option<i64>, at: i64 },
    Commit,
    Crash,
}

fn steps(by: impl Strategy<Value = Option<i64>>) -> impl Strategy<Value = Vec<Step>> {
    let tuple = ((0i64..2, 0i64..2), 0i64..25, by, 0i64..50);
    let step = prop_oneof![
        10 => tuple.prop_map(|(group, id, by, at)| Step::Tuple { group, id, by, at }),
        2 => Just(Step::Commit),
        1 => Just(Step::Crash),
    ];
    proptest::collection::vec(step, 1..150)
}

/// Notes of some length, so that rows differ and lists have several chunks.
fn row(group: Group, id: i64, by: Value, at: i64) -> Vec<Value> {
    let note = text(&format!("{id} of {at}"));
    vec![
        Value::Int(group.0),
        Value::Int(group.1),
        Value::Int(id),
        by,
        Value::Timestamp(at * HOUR),
        note,
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(150))]

    #[test]
    fn the_table_shows_the_best(
        steps in steps(prop_oneof![6 => (0i64..10).prop_map(Some), 1 => Just(None)]),
        n in 1usize..6,
        keep in 6usize..30,
        ascending in any::<bool>(),
        expire in proptest::option::of(0i64..30),
        grouped_by_all in any::<bool>(),
        limit in prop_oneof![Just(0usize), Just(usize::MAX)],
    ) {
        let order = if ascending { "asc" } else { "desc" };
        // A minute more, for no span of nothing is allowed.
        let expiry =
            expire.map_or(String::new(), |hours| format!("expire: {hours}h1m, time: at,"));
        let yaml = format!(
            "{{ type: top, n: {n}, by: by, group_by: [city, window], of: [id], {expiry} keep: {keep}, order: {order} }}"
        );
        let keys: &[&str] = if grouped_by_all { &["city", "window"] } else { &["city"] };
        let mut run = Run::new(bolt_within(limit, &yaml, &[("input", fields(), keys)]));
        // Rows by their ids, with the newest time that there was.
        let mut model: BTreeMap<Group, BTreeMap<i64, (i64, Vec<Value>)>> = BTreeMap::new();
        let mut newest = 0;
        let mut table = Ranks::new();
        for step in steps.into_iter().chain([Step::Commit]) {
            match step {
                Step::Tuple { group, id, by, at } => {
                    let row = row(group, id, by.map_or(Value::Null, Value::Int), at);
                    run.give(0, row.clone());
                    newest = newest.max(at);
                    if by.is_some() {
                        let candidates = model.entry(group).or_default();
                        let at = candidates.get(&id).map_or(at, |(before, _)| at.max(*before));
                        candidates.insert(id, (at, row));
                    } else if let Some(group) = model.get_mut(&group) {
                        group.remove(&id);
                    }
                }
                Step::Crash => run.crash(),
                Step::Commit => {
                    let idle = apply(&mut table, run.commit(false));
                    prop_assert_eq!(idle, 0, "a rank was emitted that had not changed");
                    let mut expected = Ranks::new();
                    for (group, candidates) in &mut model {
                        candidates.retain(|_, (at, _)| {
                            expire.is_none_or(|hours| *at + hours >= newest)
                        });
                        let mut ranked: Vec<_> = candidates.clone().into_iter().collect();
                        ranked.sort_by_key(|(id, (_, row))| {
                            let by = int(&row[3]);
                            (if ascending { by } else { -by }, *id)
                        });
                        ranked.truncate(keep);
                        *candidates = ranked.iter().cloned().collect();
                        for (place, (_, (_, row))) in ranked.into_iter().take(n).enumerate() {
                            expected.insert((*group, place as i64 + 1), row);
                        }
                    }
                    prop_assert_eq!(&table, &expected);
                }
            }
        }
    }

    #[test]
    fn weights_decay(
        steps in steps((1i64..10).prop_map(Some)),
        n in 1usize..6,
        limit in prop_oneof![Just(0usize), Just(usize::MAX)],
    ) {
        let yaml = format!(
            "{{ type: top, n: {n}, by: by, group_by: [city, window], of: [id], decay: 5h, time: at }}"
        );
        let mut run = Run::new(bolt_within(limit, &yaml, &[("input", fields(), &["city"])]));
        let mut model: BTreeMap<Group, Vec<(i64, i64, i64)>> = BTreeMap::new();
        let mut table = Ranks::new();
        for step in steps.into_iter().chain([Step::Commit]) {
            match step {
                Step::Tuple { group, id, by, at } => {
                    run.give(0, row(group, id, Value::Int(by.unwrap()), at));
                    model.entry(group).or_default().push((id, by.unwrap(), at));
                }
                Step::Crash => run.crash(),
                Step::Commit => {
                    apply(&mut table, run.commit(false));
                    for (group, tuples) in &model {
                        let newest = tuples.iter().map(|(_, _, at)| *at).max().unwrap();
                        let mut scores: BTreeMap<i64, f64> = BTreeMap::new();
                        for (id, weight, at) in tuples {
                            let decayed = *weight as f64 * (-(newest - at) as f64 / 5.0).exp2();
                            *scores.entry(*id).or_default() += decayed;
                        }
                        let mut best: Vec<f64> = scores.values().copied().collect();
                        best.sort_by(|a, b| b.total_cmp(a));
                        let mut seen = HashSet::new();
                        for (place, score) in best.into_iter().take(n).enumerate() {
                            let row = &table[&(*group, place as i64 + 1)];
                            let Value::Float(emitted) = row[6] else { panic!("{row:?}") };
                            prop_assert!((emitted - score).abs() < 1e-9 * score, "{emitted} {score}");
                            let id = int(&row[2]);
                            // Equal scores may be in either order, for sums are rounded.
                            prop_assert!((scores[&id] - score).abs() < 1e-9 * score);
                            prop_assert!(seen.insert(id), "{id} has two ranks");
                        }
                    }
                }
            }
        }
    }
}

fn live(options: &str) -> Run {
    let yaml = format!("{{ type: top, n: 2, by: by, of: [id], {options} }}");
    let fields = schema(&[
        ("city", Kind::Text),
        ("id", Kind::Text),
        ("by", Kind::Any),
        ("at", Kind::Timestamp),
    ]);
    Run::new(bolt(&yaml, &[("input", fields, &["city"])]))
}

fn give(run: &mut Run, city: &str, id: &str, by: impl Into<Option<i64>>, hour: i64) {
    let by = by.into().map_or(Value::Null, Value::Int);
    run.give(0, vec![text(city), text(id), by, Value::Timestamp(hour * HOUR)]);
}

/// The rows in short, by city: city, rank and id.
fn commit(run: &mut Run) -> Vec<String> {
    let rows = run.commit(false).into_iter();
    let mut rows: Vec<_> = rows.map(|row| format!("{} {} {}", row[1], row[0], row[2])).collect();
    rows.sort();
    rows
}

#[test]
fn a_ranking_that_shrinks_is_overwritten() {
    let mut run = live("");
    for (id, by) in [("a", 3), ("b", 2), ("c", 1)] {
        give(&mut run, "Porto", id, by, 0);
    }
    assert_eq!(commit(&mut run), ["Porto 1 a", "Porto 2 b"]);
    assert!(commit(&mut run).is_empty());
    give(&mut run, "Porto", "c", 1, 0);
    assert!(commit(&mut run).is_empty(), "what has not changed is not emitted");
    give(&mut run, "Porto", "a", None, 0);
    assert_eq!(commit(&mut run), ["Porto 1 b", "Porto 2 c"]);
    give(&mut run, "Porto", "b", None, 0);
    assert_eq!(commit(&mut run), ["Porto 1 c", "Porto 2 null"]);
    give(&mut run, "Porto", "c", None, 0);
    assert_eq!(commit(&mut run), ["Porto 1 null"]);
    assert_eq!(run.bolt.disk().len(), 0, "an empty group leaves nothing behind");
}

#[test]
fn equal_values_are_ranked_by_id() {
    let mut run = live("");
    for id in ["b", "c", "a"] {
        give(&mut run, "Porto", id, 7, 0);
    }
    assert_eq!(commit(&mut run), ["Porto 1 a", "Porto 2 b"]);
}

#[test]
fn what_falls_behind_is_forgotten() {
    let mut run = live("keep: 2");
    for (id, by) in [("a", 3), ("b", 2), ("c", 1)] {
        give(&mut run, "Porto", id, by, 0);
    }
    assert_eq!(commit(&mut run), ["Porto 1 a", "Porto 2 b"]);
    // `c` would be the second, but is known no more until it comes again.
    give(&mut run, "Porto", "b", None, 0);
    assert_eq!(commit(&mut run), ["Porto 2 null"]);
    give(&mut run, "Porto", "c", 1, 0);
    assert_eq!(commit(&mut run), ["Porto 2 c"]);
}

#[test]
fn candidates_expire() {
    let mut run = live("expire: 2h, time: at");
    give(&mut run, "Porto", "a", 5, 0);
    give(&mut run, "Porto", "b", 3, 1);
    assert_eq!(commit(&mut run), ["Porto 1 a", "Porto 2 b"]);
    // Another city moves the time on.
    give(&mut run, "Braga", "x", 1, 2);
    assert_eq!(commit(&mut run), ["Braga 1 x"], "two hours are not more than two hours");
    run.crash();
    give(&mut run, "Braga", "x", 2, 3);
    assert_eq!(commit(&mut run), ["Braga 1 x", "Porto 1 b", "Porto 2 null"]);
    give(&mut run, "Braga", "x", 3, 4);
    assert_eq!(commit(&mut run), ["Braga 1 x", "Porto 1 null"]);
    // The list of Braga, its row, its due time, its timer twice, and two marks.
    assert!(run.bolt.disk().len() <= 7, "{}", run.bolt.disk().len());
    give(&mut run, "Porto", "c", 1, 4);
    assert_eq!(commit(&mut run), ["Porto 1 c"]);
}

#[test]
fn windows_are_closed_and_keep_their_last_ranking() {
    let mut run = live("group_by: [city, at], expire: 2h, time: at");
    give(&mut run, "Porto", "a", 5, 1);
    give(&mut run, "Porto", "b", 3, 1);
    give(&mut run, "Porto", "b", 3, 2);
    assert_eq!(commit(&mut run), ["Porto 1 a", "Porto 1 b", "Porto 2 b"]);
    give(&mut run, "Porto", "c", 6, 1);
    give(&mut run, "Porto", "c", 1, 3);
    assert_eq!(commit(&mut run), ["Porto 1 c", "Porto 1 c", "Porto 2 a"]);
    // Whoever comes in the epoch in which the window is closed is ranked.
    give(&mut run, "Porto", "b", 9, 1);
    give(&mut run, "Porto", "c", 1, 4);
    assert_eq!(commit(&mut run), ["Porto 1 b", "Porto 1 c", "Porto 2 c"]);
    let late = [text("Porto"), text("a"), Value::Int(7), Value::Timestamp(HOUR)];
    let error = run.bolt.execute(0, &late).unwrap_err().to_string();
    assert!(error.contains("so late that its group was forgotten"), "{error}");
    give(&mut run, "Porto", "x", 1, 100);
    assert_eq!(commit(&mut run), ["Porto 1 x"]);
    assert!(run.bolt.disk().len() <= 7, "{}", run.bolt.disk().len());
}

#[test]
fn large_groups_are_kept_in_many_values() {
    let mut run = live("keep: 3000");
    for id in 0..3_000 {
        give(&mut run, "Porto", &format!("{id:0>40}"), id, 0);
    }
    assert_eq!(run.commit(false).len(), 2);
    // One candidate more: its row, and the part of the list that its entry is in.
    let before = run.bolt.disk().len();
    run.crash();
    for id in (2_990..3_000).rev() {
        give(&mut run, "Porto", &format!("{id:0>40}"), None, 0);
    }
    let rows = run.commit(false);
    assert_eq!(rows[0][2], text(&format!("{:0>40}", 2_989)));
    assert_eq!(run.bolt.disk().len(), before - 10);
}

#[test]
fn tuples_that_cannot_be_ranked_fail() {
    let mut run = live("decay: 1h, time: at");
    let mut error = |by: Value| {
        let row = [text("Porto"), text("a"), by, Value::Timestamp(0)];
        run.bolt.execute(0, &row).unwrap_err().to_string()
    };
    assert_eq!(error(Value::Int(-1)), "a weight of `-1` cannot be added up");
    assert_eq!(error(text("much")), "`much` is no weight");
    let mut run = live("");
    let row = [text("Porto"), text(&"x".repeat(5_000)), Value::Int(1), Value::Timestamp(0)];
    let error = run.bolt.execute(0, &row).unwrap_err().to_string();
    assert!(error.contains("the id takes 5002 bytes"), "{error}");
    assert!(run.commit(false).is_empty());
}
