//! Windows by the clock of a place.

use squall_framework::Value;

use crate::small::{bolt, row};

fn second(text: &str) -> i64 {
    chrono::DateTime::parse_from_rfc3339(text).unwrap().timestamp()
}

fn shown(value: &Value) -> String {
    let Value::Timestamp(at) = value else { panic!("{value:?}") };
    squall_components::parse::rfc3339(*at)
}

/// The windows that rows of these times make, with their counts.
fn windows(yaml: &str, times: &[&str]) -> Vec<(String, String, Value)> {
    let mut bolt = bolt(yaml);
    for time in times {
        bolt.execute(0, &row("a", second(time), "u", None)).unwrap();
    }
    let mut rows = bolt.commit_last().unwrap();
    rows.sort_by_key(|row| shown(&row[0]));
    rows.iter().map(|row| (shown(&row[0]), shown(&row[1]), row[3].clone())).collect()
}

#[test]
fn days_begin_at_midnight_also_when_they_have_23_or_25_hours() {
    let yaml = "{ size: 1d, lateness: 365d, timezone: Europe/Paris, aggregates: { n: count() } }";
    let times = [
        "2026-03-28T22:59:59Z",
        "2026-03-28T23:00:00Z",
        "2026-03-29T21:59:59Z",
        "2026-03-29T22:00:00Z",
        "2026-10-24T22:00:00Z",
        "2026-10-25T22:59:59Z",
        "2026-10-25T23:00:00Z",
    ];
    let expected = [
        ("2026-03-27T23:00:00Z", "2026-03-28T23:00:00Z", 1),
        ("2026-03-28T23:00:00Z", "2026-03-29T22:00:00Z", 2),
        ("2026-03-29T22:00:00Z", "2026-03-30T22:00:00Z", 1),
        ("2026-10-24T22:00:00Z", "2026-10-25T23:00:00Z", 2),
        ("2026-10-25T23:00:00Z", "2026-10-26T23:00:00Z", 1),
    ];
    let expected = expected.map(|(s, e, n)| (s.to_owned(), e.to_owned(), Value::Int(n)));
    assert_eq!(windows(yaml, &times), expected);
}

#[test]
fn a_sliding_week_has_seven_local_days() {
    let yaml = "{ size: 7d, every: 1d, lateness: 365d, timezone: Europe/Paris, \
                aggregates: { n: count() } }";
    let found = windows(yaml, &["2026-03-25T12:00:00Z"]);
    assert_eq!(found.len(), 7);
    assert_eq!(found[0].0, "2026-03-18T23:00:00Z");
    assert_eq!(found[6].1, "2026-03-31T22:00:00Z");
}

#[test]
fn hours_are_those_of_the_place() {
    let yaml = "{ size: 1h, timezone: Asia/Kolkata, aggregates: { n: count() } }";
    let found = windows(yaml, &["2026-01-01T00:29:00Z", "2026-01-01T00:30:00Z"]);
    let starts: Vec<_> = found.iter().map(|(start, ..)| start.as_str()).collect();
    assert_eq!(starts, ["2025-12-31T23:30:00Z", "2026-01-01T00:30:00Z"]);
}
