//! Windows that are emitted before they are over.

use squall_framework::{Kind, Schema, Value};

use crate::{
    small::{bolt, row, told},
    table::harness,
};

#[test]
fn changed_windows_are_emitted_at_every_commit_and_once_more_in_the_end() {
    let mut bolt = bolt(
        "{ size: 1m, every: 30s, emit: update, lateness: 30s, \
         aggregates: { people: distinct(user), n: count() } }",
    );
    bolt.execute(0, &row("a", 40, "u", None)).unwrap();
    bolt.execute(0, &row("b", 40, "u", None)).unwrap();
    assert_eq!(told(bolt.commit().unwrap()).len(), 4, "two windows of each shop");
    bolt.execute(0, &row("a", 65, "v", None)).unwrap();
    assert_eq!(told(bolt.commit().unwrap()), ["30 90 a 2 2", "60 120 a 1 1"]);
    assert!(bolt.commit().unwrap().is_empty());
    bolt.execute(0, &row("a", 90, "w", None)).unwrap();
    let mut rows = told(bolt.commit().unwrap());
    rows.sort();
    let expected = ["0 60 a 1 1", "0 60 b 1 1", "60 120 a 2 2", "90 150 a 1 1"];
    assert_eq!(rows, expected);
}

#[test]
fn windows_that_are_emitted_at_the_end_of_the_input_go_on_with_more() {
    let mut bolt =
        bolt("{ size: 1m, every: 20s, aggregates: { people: distinct(user), n: count() } }");
    bolt.execute(0, &row("a", 50, "u", None)).unwrap();
    let open = ["0 60 a 1 1", "20 80 a 1 1", "40 100 a 1 1"];
    assert_eq!(told(bolt.commit_last().unwrap()), open);
    // Again, and nothing is counted twice.
    assert_eq!(told(bolt.commit_last().unwrap()), open);
    bolt.restart().unwrap();
    bolt.execute(0, &row("a", 70, "v", None)).unwrap();
    bolt.execute(0, &row("a", 71, "u", None)).unwrap();
    assert_eq!(told(bolt.commit().unwrap()), ["0 60 a 1 1"]);
    assert_eq!(told(bolt.commit_last().unwrap()), ["20 80 a 2 3", "40 100 a 2 3", "60 120 a 2 2"]);
}

#[test]
fn a_window_without_end_tells_its_totals_when_they_have_changed() {
    let mut bolt =
        bolt("{ aggregates: { people: distinct(user), n: count(), last: last(price) } }");
    for (user, price) in [("u", 1), ("v", 2), ("u", 3)] {
        bolt.execute(0, &row("a", 10 * price, user, Value::Int(price))).unwrap();
    }
    bolt.execute(0, &row("b", 0, "u", None)).unwrap();
    let mut rows = told(bolt.commit().unwrap());
    rows.sort();
    assert_eq!(rows, ["a 2 3 3", "b 1 1 -"]);
    assert!(bolt.commit().unwrap().is_empty());
    bolt.restart().unwrap();
    bolt.execute(0, &row("a", 5, "w", Value::Int(9))).unwrap();
    assert_eq!(told(bolt.commit_last().unwrap()), ["a 3 4 3"]);
}

#[test]
fn where_time_does_not_matter_it_may_be_missing() {
    let mut null = row("a", 0, "u", None);
    null[1] = Value::Null;
    for windows in ["count: 2", "emit: update"] {
        let mut bolt = bolt(&format!("{{ {windows}, aggregates: {{ n: count() }} }}"));
        bolt.execute(0, &null).unwrap();
        assert_eq!(bolt.commit_last().unwrap().len(), 1);
    }
}

#[test]
fn without_a_time_the_first_is_the_first_to_arrive() {
    let schema = Schema::new([("n", Kind::Int)]);
    let yaml = "{ aggregates: { first: first(n), last: last(n) } }";
    let mut bolt = harness(yaml, &schema, &[]);
    for (clock, n) in [(50, 1), (10, 2), (30, 3)] {
        bolt.clock().set(clock);
        bolt.execute(0, &[Value::Int(n)]).unwrap();
        let rows = bolt.commit().unwrap();
        assert_eq!(rows, [[Value::Int(1), Value::Int(n)]]);
        bolt.restart().unwrap();
    }
}

#[test]
fn windows_by_tuples_are_numbered_and_emitted_when_they_are_full() {
    let mut bolt = bolt("{ count: 4, every: 2, aggregates: { n: count(), sum: sum(price) } }");
    for price in 1..=5 {
        bolt.execute(0, &row("a", 0, "u", Value::Int(price))).unwrap();
    }
    assert_eq!(told(bolt.commit().unwrap()), ["1 a 2 3", "2 a 4 10"]);
    bolt.execute(0, &row("a", 0, "u", Value::Int(6))).unwrap();
    assert_eq!(told(bolt.commit().unwrap()), ["3 a 4 18"]);
    bolt.execute(0, &row("a", 0, "u", Value::Int(7))).unwrap();
    assert_eq!(told(bolt.commit_last().unwrap()), ["4 a 3 18", "5 a 1 7"]);
    bolt.execute(0, &row("a", 0, "u", Value::Int(8))).unwrap();
    assert_eq!(told(bolt.commit().unwrap()), ["4 a 4 26"]);
}

#[test]
fn a_session_lasts_as_long_as_there_is_something_within_the_gap() {
    let mut bolt =
        bolt("{ gap: 30s, lateness: 40s, aggregates: { n: count(), u: distinct(user) } }");
    for (second, user) in [(10, "u"), (35, "v"), (64, "u"), (100, "u"), (129, "u")] {
        bolt.execute(0, &row("a", second, user, None)).unwrap();
    }
    assert!(bolt.commit().unwrap().is_empty());
    bolt.execute(0, &row("b", 134, "u", None)).unwrap();
    assert_eq!(told(bolt.commit().unwrap()), ["10 94 a 3 2"]);
    bolt.execute(0, &row("b", 400, "u", None)).unwrap();
    assert_eq!(told(bolt.commit().unwrap()), ["100 159 a 2 1", "134 164 b 1 1"]);
}

#[test]
fn sessions_that_turn_out_to_be_one_are_taken_back() {
    let mut bolt =
        bolt("{ gap: 30s, lateness: 2m, emit: update, aggregates: { n: count(), p: max(price) } }");
    bolt.execute(0, &row("a", 10, "u", Value::Int(1))).unwrap();
    bolt.execute(0, &row("a", 50, "u", Value::Int(2))).unwrap();
    assert_eq!(told(bolt.commit().unwrap()), ["10 40 a 1 1", "50 80 a 1 2"]);
    bolt.execute(0, &row("a", 30, "u", Value::Int(3))).unwrap();
    // The one that began at 50 is a part of the other: its row says that it is nothing.
    assert_eq!(told(bolt.commit().unwrap()), ["10 80 a 3 3", "50 50 a 0 -"]);
    bolt.execute(0, &row("a", 5, "u", None)).unwrap();
    assert_eq!(told(bolt.commit().unwrap()), ["5 80 a 4 3", "10 10 a 0 -"]);
}
