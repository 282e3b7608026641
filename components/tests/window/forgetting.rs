//! What is over leaves nothing behind, and what is large is done in parts.

use squall_framework::{Value, testing::BoltHarness};

use crate::{
    rows::SECOND,
    small::{bolt, row, schema, text},
    table::harness,
};

const ALL: &str = "{ n: count(), d: distinct(user), a: approx_distinct(user), q: 'quantile(price, 0.5)', \
     f: first(user) }";

/// How many values the state of a bolt has that has seen nothing but one row.
fn of_one_row(mut bolt: BoltHarness) -> usize {
    bolt.execute(0, &row("z", 0, "z", Value::Int(1))).unwrap();
    bolt.commit().unwrap();
    bolt.disk().len()
}

#[test]
fn nothing_is_left_of_windows_that_are_over() {
    for windows in ["size: 10s", "size: 1m, every: 10s", "gap: 10s"] {
        for group_by in ["[shop]", "[shop, user]"] {
            let yaml =
                format!("{{ {windows}, lateness: 30s, group_by: {group_by}, aggregates: {ALL} }}");
            let mut busy = bolt(&yaml);
            for n in 0..3_000_i64 {
                let at = n / 10 + [0, 17, 29][n as usize % 3];
                let user = format!("{}", n * 7_919 % 113);
                let shop = ["a", "b"][n as usize % 2];
                busy.execute(0, &row(shop, at, &user, Value::Int(n))).unwrap();
                if n % 500 == 0 {
                    busy.commit().unwrap();
                }
            }
            busy.commit_last().unwrap();
            let full = busy.disk().len();
            busy.execute(0, &row("z", 100_000, "z", Value::Int(1))).unwrap();
            busy.commit().unwrap();
            let (left, fresh) = (busy.disk().len(), of_one_row(bolt(&yaml)));
            assert!(full > fresh, "{yaml}: {full}");
            assert_eq!(left, fresh, "{yaml}");
        }
    }
}

#[test]
fn times_that_are_far_apart_cost_nothing() {
    let mut bolt = bolt("{ size: 2s, every: 1s, aggregates: { n: count(), d: distinct(user) } }");
    for second in [-60_000_000_000, 0, 60_000_000_000] {
        bolt.execute(0, &row("a", second, "u", None)).unwrap();
    }
    assert_eq!(bolt.commit_last().unwrap().len(), 6);
}

#[test]
fn many_windows_and_groups_are_emitted_in_parts_and_all() {
    let yaml = "{ size: 20s, every: 10s, group_by: [user], aggregates: { n: count() } }";
    let mut bolt = harness(yaml, &schema(), &[]);
    let mut expected = 0;
    for user in 0..700_i64 {
        for pane in [0, 1, 2, 5, 300] {
            bolt.execute(0, &row("a", pane * 10, &user.to_string(), None)).unwrap();
        }
        expected += 4 + 2;
    }
    let closed = bolt.commit().unwrap();
    assert_eq!(closed.len(), expected);
    let open = bolt.commit_last().unwrap();
    assert_eq!(open.len(), 1_400);
    let one = closed.iter().filter(|row| row[2] == text("699"));
    let counts: Vec<_> = one.map(|row| (row[0].clone(), row[3].clone())).collect();
    let at = |second: i64| Value::Timestamp(second * SECOND);
    let expected = [(-10, 1), (0, 2), (10, 2), (20, 1), (40, 1), (50, 1)];
    assert_eq!(counts, expected.map(|(start, n)| (at(start), Value::Int(n))));
}

#[test]
fn a_group_may_have_very_many_open_windows() {
    for panes in ["1s", "3s"] {
        let yaml = format!("{{ size: {panes}, every: 1s, aggregates: {{ d: distinct(user) }} }}");
        let mut bolt = bolt(&yaml).with_memory(0).unwrap();
        // Back and forth, so that no order helps.
        let seconds = (0..20_000_i64).map(|n| (n * 7_919 % 20_000) * 4);
        for second in seconds {
            bolt.execute(0, &row("a", second, "u", None)).unwrap();
        }
        let windows = if panes == "1s" { 20_000 } else { 60_000 };
        // All but those that end after the last row.
        let open = if panes == "1s" { 1 } else { 3 };
        let closed = bolt.commit().unwrap();
        assert_eq!(closed.len(), windows - open);
        assert!(closed.iter().all(|row| row[3] == Value::Int(1)));
        assert_eq!(bolt.commit_last().unwrap().len(), open);
    }
}

#[test]
fn a_state_of_other_windows_is_refused() {
    use crate::table::factory;
    use std::sync::{
        Arc,
        atomic::{AtomicBool, Ordering::SeqCst},
    };
    let changed = Arc::new(AtomicBool::new(false));
    let both = [
        factory("{ size: 1m, aggregates: { n: count() } }"),
        factory("{ size: 2m, aggregates: { n: count() } }"),
    ];
    let switch = changed.clone();
    let make = Arc::new(move || both[usize::from(switch.load(SeqCst))]());
    let keys: &[&str] = &["shop"];
    let mut bolt = BoltHarness::of(make, &[("input", schema(), keys)]).unwrap();
    bolt.execute(0, &row("a", 1, "u", None)).unwrap();
    bolt.commit().unwrap();
    bolt.restart().unwrap();
    changed.store(true, SeqCst);
    let error = bolt.restart().unwrap_err().to_string();
    assert!(error.contains("kept with other windows, groups or aggregates"), "{error}");
}
