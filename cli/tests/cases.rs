//! What `squall test` says of tests that pass and of those that do not.
#![allow(clippy::unwrap_used, clippy::panic)]

mod support;

use support::{Place, WORDS};

const TESTS: &str = r#"
tests:
  - name: words are found
    input: { lines: [{ body: '{"word": "tea"}' }, { body: '{"word": "noodle"}' }] }
    expect: { parse: [{ word: noodle }, { word: tea }], save: [{ word: tea }, { word: noodle }] }
  - name: what is no word becomes a dead letter
    input: { lines: [{ body: 'no json' }, { body: '{"word": "tea"}' }] }
    expect: { save: [{ word: tea }] }
    dead: [not a JSON object]
  - name: the sink alone
    input: { save: [{ word: tea }] }
    expect: { save: [{ word: tea }] }
"#;

const FAILING: &str = r#"
name: shares
spouts:
  - { id: shares, type: queue, queue: shares }
bolts:
  - { id: parse, type: json, inputs: [shares], fields: { restaurant: string, user: string, at: timestamp } }
  - { id: hour, type: map, inputs: [parse], fields: { hour: 'truncate(at, duration("1h"))' }, keep: [restaurant] }
  - { id: save, type: sql, inputs: [hour], store: "sqlite://shares.db", table: shares, keys: [restaurant] }
tests:
  - name: a value is another
    input: { shares: [{ body: '{"restaurant": "Nerua", "user": "ana", "at": "2026-05-01T12:30:00Z"}' }] }
    expect: { hour: [{ restaurant: Nerua, hour: 2026-05-01T13:00:00Z }] }
  - name: one is missing and one is too many
    input:
      parse:
        - { body: '{"restaurant": "Nerua", "user": "ana", "at": "2026-05-01T12:30:00Z"}' }
        - { body: '{"restaurant": "Porrue", "user": "max", "at": "2026-05-01T12:30:00Z"}' }
    expect: { save: [{ restaurant: Nerua }, { restaurant: Anna }, { restaurant: Zortziko }] }
  - name: the order is another
    input: { hour: [{ restaurant: Nerua, at: 2026-05-01T12:30:00Z }, { restaurant: Anna, at: 2026-05-01T12:30:00Z }] }
    expect: { hour: [{ restaurant: Anna }, { restaurant: Nerua }] }
    order: exact
  - name: something failed and something else did not
    input: { parse: [{ body: '{"restaurant": "Nerua"}' }] }
    dead: [restaurant]
"#;

const WINDOWS: &str = r#"
name: visits
spouts:
  - { id: shares, type: queue, queue: shares }
bolts:
  - { id: parse, type: json, inputs: [shares], fields: { user: string, at: timestamp } }
  - id: minutes
    type: window
    inputs: [{ from: parse, grouping: fields, fields: [user] }]
    parallelism: 2
    size: 1m
    aggregates: { shares: count() }
  - id: visits
    type: window
    inputs: [{ from: parse, grouping: fields, fields: [user] }]
    time: processing
    gap: 5m
    aggregates: { shares: count() }
  - { id: save, type: sql, inputs: [minutes], store: "sqlite://x.db", table: minutes, keys: [user] }
  - { id: show, type: print, inputs: [visits] }
tests:
  - name: windows over the time of the tuples
    input:
      shares:
        - { body: '{"user":"ann","at":"2026-05-01T12:00:05Z"}' }
        - { body: '{"user":"bob","at":"2026-05-01T12:00:06Z"}' }
        - after 30s
        - { body: '{"user":"ann","at":"2026-05-01T12:00:35Z"}' }
        - after 1m
        - { body: '{"user":"ann","at":"2026-05-01T12:01:35Z"}' }
    expect:
      save:
        - { user: ann, shares: 2, window_end: 2026-05-01T12:01:00Z }
        - { user: bob, shares: 1 }
        - { user: ann, shares: 1, window_end: 2026-05-01T12:02:00Z }
  - name: windows over the time of the test
    at: 2026-05-01T12:00:00Z
    input:
      parse:
        - { body: '{"user":"ann","at":"2026-01-01T00:00:00Z"}' }
        - after 4m
        - { body: '{"user":"ann","at":"2026-01-01T00:00:00Z"}' }
        - after 6m
        - { body: '{"user":"ann","at":"2026-01-01T00:00:00Z"}' }
    expect: { visits: [{ user: ann, shares: 2 }, { user: ann, shares: 1 }] }
    order: exact
"#;

#[test]
fn tests_that_pass_are_a_line_each() {
    let place = Place::new();
    place.write("topology.yaml", &format!("{WORDS}{TESTS}"));
    let done = place.squall(&["test"]);
    insta::assert_snapshot!(done.all());
    assert!(!place.path("words.db").exists(), "a test writes nothing");
    assert!(!place.path("squall-data").exists(), "a test writes nothing");
}

#[test]
fn tests_that_fail_say_what_is_different() {
    let place = Place::new();
    place.write("shares.yaml", FAILING);
    insta::assert_snapshot!(place.squall(&["test", "shares.yaml"]).all());
}

#[test]
fn windows_end_in_the_time_of_the_test() {
    let place = Place::new();
    place.write("topology.yaml", WINDOWS);
    let done = place.squall(&["test"]);
    assert!(done.stdout().ends_with("2 tests passed\n"), "{}", done.all());
}

#[test]
fn results_are_told_as_json() {
    let place = Place::new();
    place.write("words.yaml", &format!("{WORDS}{TESTS}"));
    place.write("shares.yaml", FAILING);
    let done = place.squall(&["test", "--json", "words.yaml", "shares.yaml"]);
    assert_eq!((done.code(), done.stderr().as_str()), (1, ""));
    let results: serde_json::Value = serde_json::from_str(&done.stdout()).unwrap();
    assert_eq!(results[0]["tests"][1]["passed"], true);
    let first = &results[1]["tests"][0];
    assert_eq!((&first["file"], &first["line"]), (&"shares.yaml".into(), &10.into()));
    assert_eq!(first["failures"][0]["what"], "different");
    assert_eq!(
        first["failures"][0]["fields"][0],
        serde_json::json!({
            "field": "hour",
            "expected": "2026-05-01T13:00:00Z",
            "found": "2026-05-01T12:00:00Z",
        })
    );
}

#[test]
fn a_filter_chooses_tests_by_their_names() {
    let place = Place::new();
    place.write("shares.yaml", FAILING);
    let done = place.squall(&["test", "shares.yaml", "--filter", "order"]);
    assert!(done.stdout().starts_with("shares.yaml:19: the order is another: failed"));
    assert_eq!((done.code(), done.stdout().contains("missing")), (1, false));
    let none = place.squall(&["test", "shares.yaml", "--filter", "a value is anotehr"]);
    insta::assert_snapshot!(none.all());
}

#[test]
fn a_topology_without_tests_says_how_to_write_one() {
    let place = Place::new();
    place.write("words.yaml", WORDS);
    place.write("wrong.yaml", &WORDS.replace("[parse]", "[prase]"));
    insta::assert_snapshot!(place.squall(&["test", "words.yaml"]).all());
    // What is wrong is told, and the others run.
    place.write("tested.yaml", &format!("{WORDS}{TESTS}"));
    let done = place.squall(&["test", "wrong.yaml", "tested.yaml"]);
    assert_eq!(done.code(), 2);
    assert!(done.stderr().contains("did you mean `parse`?"), "{}", done.stderr());
    assert!(done.stdout().ends_with("3 tests passed\n"), "{}", done.stdout());
}
