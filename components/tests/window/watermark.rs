//! When windows are over, and what comes too late.

use squall_framework::{Kind, Schema, Value, testing::BoltHarness};

use crate::{
    rows::SECOND,
    small::{bolt, row, schema, told},
    table::factory,
};

const COUNTS: &str = "aggregates: { n: count() }";

#[test]
fn a_window_is_emitted_once_when_time_has_passed_its_end_and_the_lateness() {
    let mut bolt = bolt(&format!("{{ size: 1m, lateness: 10s, {COUNTS} }}"));
    for second in [5, 61, 59, 69] {
        bolt.execute(0, &row("a", second, "u", None)).unwrap();
        assert!(bolt.commit().unwrap().is_empty(), "{second}");
    }
    bolt.execute(0, &row("b", 70, "u", None)).unwrap();
    assert_eq!(told(bolt.commit().unwrap()), ["0 60 a 2"]);
    bolt.execute(0, &row("a", 130, "u", None)).unwrap();
    assert_eq!(told(bolt.commit().unwrap()), ["60 120 a 2", "60 120 b 1"]);
}

#[test]
fn what_is_late_goes_on_unchanged_by_a_stream_of_its_own() {
    let mut bolt = bolt(&format!("{{ size: 1m, every: 30s, {COUNTS} }}"));
    bolt.execute(0, &row("a", 100, "u", None)).unwrap();
    bolt.commit().unwrap();
    // One of its windows ends at 90, the other at 120.
    bolt.execute(0, &row("a", 70, "u", None)).unwrap();
    let late = row("a", 59, "v", Value::Int(7));
    bolt.execute(0, &late).unwrap();
    let rows = bolt.end_epoch(false).unwrap();
    assert_eq!(rows, [("late".to_owned(), late.to_vec())]);
    assert_eq!(told(bolt.commit_last().unwrap()), ["60 120 a 2", "90 150 a 1"]);
}

#[test]
fn what_is_late_does_not_depend_on_the_order_within_an_epoch() {
    for order in [[200, 10], [10, 200]] {
        let mut bolt = bolt(&format!("{{ size: 1m, {COUNTS} }}"));
        for second in order {
            bolt.execute(0, &row("a", second, "u", None)).unwrap();
        }
        assert_eq!(told(bolt.commit().unwrap()), ["0 60 a 1"]);
    }
}

#[test]
fn the_slowest_sender_is_waited_for_also_after_a_restart() {
    let mut bolt = bolt(&format!("{{ size: 1m, {COUNTS} }}"));
    bolt.execute_from(0, 0, &row("a", 10, "u", None)).unwrap();
    bolt.execute_from(0, 1, &row("a", 500, "u", None)).unwrap();
    assert!(bolt.commit().unwrap().is_empty());
    bolt.restart().unwrap();
    bolt.execute_from(0, 1, &row("a", 600, "u", None)).unwrap();
    assert!(bolt.commit().unwrap().is_empty());
    bolt.execute_from(0, 0, &row("a", 61, "u", None)).unwrap();
    assert_eq!(told(bolt.commit().unwrap()), ["0 60 a 1"]);
}

#[test]
fn a_sender_that_is_silent_is_not_waited_for() {
    let mut bolt = bolt(&format!("{{ size: 1m, idle: 5s, {COUNTS} }}"));
    bolt.execute_from(0, 0, &row("a", 10, "u", None)).unwrap();
    bolt.execute_from(0, 1, &row("a", 70, "u", None)).unwrap();
    assert!(bolt.commit().unwrap().is_empty());
    bolt.clock().set(4 * SECOND);
    bolt.execute_from(0, 1, &row("a", 71, "u", None)).unwrap();
    assert!(bolt.commit().unwrap().is_empty());
    bolt.clock().set(5 * SECOND);
    assert_eq!(told(bolt.commit().unwrap()), ["0 60 a 1"]);
    // When it speaks again it is waited for again, but time does not go back.
    bolt.execute_from(0, 0, &row("a", 50, "u", None)).unwrap();
    bolt.execute_from(0, 0, &row("a", 75, "u", None)).unwrap();
    bolt.execute_from(0, 1, &row("a", 300, "u", None)).unwrap();
    let rows = bolt.end_epoch(false).unwrap();
    assert_eq!(rows.len(), 1, "{rows:?}");
    assert_eq!(rows[0].0, "late");
}

#[test]
fn when_all_are_silent_none_is_waited_for() {
    let mut bolt = bolt(&format!("{{ size: 1m, idle: 5s, {COUNTS} }}"));
    bolt.execute_from(0, 0, &row("a", 10, "u", None)).unwrap();
    bolt.execute_from(0, 1, &row("a", 70, "u", None)).unwrap();
    bolt.commit().unwrap();
    bolt.clock().set(5 * SECOND);
    assert_eq!(told(bolt.commit().unwrap()), ["0 60 a 1"]);
}

#[test]
fn an_input_that_has_sent_nothing_yet_is_waited_for() {
    let keys: &[&str] = &["shop"];
    let inputs = [("chat", schema(), keys), ("groups", schema(), keys)];
    let yaml = format!("{{ size: 1m, idle: 5s, {COUNTS} }}");
    let mut bolt = BoltHarness::of(factory(&yaml), &inputs).unwrap();
    bolt.execute(0, &row("a", 10, "u", None)).unwrap();
    bolt.execute(0, &row("a", 100, "u", None)).unwrap();
    assert!(bolt.commit().unwrap().is_empty());
    bolt.execute(1, &row("a", 20, "u", None)).unwrap();
    assert!(bolt.commit().unwrap().is_empty());
    bolt.clock().set(6 * SECOND);
    bolt.execute(0, &row("a", 110, "u", None)).unwrap();
    assert_eq!(told(bolt.commit().unwrap()), ["0 60 a 2"]);
}

#[test]
fn inputs_may_have_their_fields_in_different_orders() {
    let other = Schema::new([
        ("at", Kind::Timestamp),
        ("via", Kind::Text),
        ("shop", Kind::Text),
        ("user", Kind::Text),
    ]);
    let keys: &[&str] = &["shop"];
    let inputs = [("chat", schema(), keys), ("groups", other, keys)];
    let yaml = "{ size: 1m, aggregates: { people: distinct(user) } }";
    let mut bolt = BoltHarness::of(factory(yaml), &inputs).unwrap();
    let [shop, at, user, _] = row("a", 10, "u", None);
    bolt.execute(0, &row("a", 200, "u", None)).unwrap();
    bolt.execute(1, &[at, Value::Null, shop, user]).unwrap();
    assert!(bolt.commit().unwrap().is_empty());
    let [shop, at, user, _] = row("a", 201, "v", None);
    bolt.execute(1, &[at, Value::Null, shop, user]).unwrap();
    assert_eq!(told(bolt.commit().unwrap()), ["0 60 a 1"]);
    let [shop, at, user, _] = row("a", 10, "v", None);
    bolt.execute(1, &[at.clone(), Value::Null, shop.clone(), user.clone()]).unwrap();
    // With the fields that all inputs have.
    assert_eq!(bolt.end_epoch(false).unwrap(), [("late".to_owned(), vec![shop, at, user])]);
}

#[test]
fn windows_may_go_by_the_time_at_which_tuples_are_worked_on() {
    let yaml = format!("{{ size: 1m, every: 20s, time: processing, {COUNTS} }}");
    let mut bolt = bolt(&yaml);
    bolt.clock().set(30 * SECOND);
    bolt.execute(0, &row("a", 5_000, "u", None)).unwrap();
    assert!(bolt.commit().unwrap().is_empty());
    bolt.clock().set(40 * SECOND);
    bolt.execute(0, &row("a", 0, "u", None)).unwrap();
    assert_eq!(told(bolt.commit().unwrap()), ["-20 40 a 1"]);
    // Nothing has to come for a window to end.
    bolt.clock().set(100 * SECOND);
    assert_eq!(told(bolt.commit().unwrap()), ["0 60 a 2", "20 80 a 2", "40 100 a 1"]);
    // A clock that goes back does not bring a window back.
    bolt.restart().unwrap();
    bolt.clock().set(10 * SECOND);
    bolt.execute(0, &row("a", 0, "u", None)).unwrap();
    bolt.commit().unwrap();
    bolt.clock().set(200 * SECOND);
    let rows = told(bolt.commit().unwrap());
    assert_eq!(rows, ["60 120 a 1", "80 140 a 1", "100 160 a 1"]);
}

#[test]
fn a_time_that_is_no_time_is_a_data_error() {
    let mut bolt = bolt(&format!("{{ size: 1m, every: 1s, {COUNTS} }}"));
    for at in [i64::MIN, i64::MAX] {
        let mut row = row("a", 0, "u", None);
        row[1] = Value::Timestamp(at);
        let error = bolt.execute(0, &row).unwrap_err().to_string();
        assert!(error.contains("too far away"), "{error}");
    }
}
