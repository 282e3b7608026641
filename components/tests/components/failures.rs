//! What cannot be worked on fails with its reason, and the rest goes on.

use squall_framework::Resources;

use crate::harness::{Fixed, run_bolt};

#[test]
fn data_errors_name_the_bolt_the_field_and_the_text() {
    for (yaml, bad, reason) in [
        (
            "{ type: json, fields: { n: int } }",
            r#"{"body": "{\"n\": \"x\"}"}"#,
            "it: field `n`: \"x\" is not an int",
        ),
        ("{ type: json, fields: { n: int } }", r#"{"body": "[]"}"#, "it: not a JSON object"),
        (
            "{ type: access_log }",
            r#"{"body": "hello"}"#,
            "it: not an access log line: expected the client's address",
        ),
        (
            "{ type: csv, columns: [a, b] }",
            r#"{"body": "1"}"#,
            "it: not a CSV record: 1 columns instead of 2",
        ),
        (
            "{ type: regex, pattern: '^(?<n>\\d+)$' }",
            r#"{"body": "x"}"#,
            "it: not a text of this pattern: no match",
        ),
        ("{ type: filter, where: 'int(body) > 0' }", r#"{"body": "x"}"#, "it: `int(body) > 0`: "),
        (
            "{ type: map, fields: { n: 'int(body) / 0' } }",
            r#"{"body": "1"}"#,
            "it: `int(body) / 0`: Division by zero",
        ),
    ] {
        let good = r#"{"body": "nothing"}"#;
        let ran = run_bolt(yaml, Fixed::from_json(bad), true, Resources::default());
        assert_eq!(ran.rows.len(), 0, "{yaml} {good}");
        assert_eq!(ran.dead.len(), 1, "{yaml}");
        assert!(ran.dead[0].contains(reason), "{yaml}: {}", ran.dead[0]);
    }
}

#[test]
fn one_bad_message_among_many_is_the_only_one_that_fails() {
    let lines: Vec<_> = (0..5_000)
        .map(|n| {
            if n == 777 {
                r#"{"body": "no"}"#.to_owned()
            } else {
                format!(r#"{{"body": "{{\"n\": {n}}}"}}"#)
            }
        })
        .collect();
    let ran = run_bolt(
        "{ type: json, fields: { n: int } }",
        Fixed::from_json(&lines.join("\n")),
        true,
        Resources::default(),
    );
    assert_eq!((ran.rows.len(), ran.dead.len()), (4_999, 1));
}

#[test]
fn counts_of_all_batches_add_up() {
    let lines: Vec<_> = (0..10_000).map(|n| format!(r#"{{"k": {}, "n": {n}}}"#, n % 7)).collect();
    let ran = run_bolt(
        "{ type: count, by: [k], sum: { n: n } }",
        Fixed::from_json(&lines.join("\n")),
        true,
        Resources::default(),
    );
    let total =
        |field: &str| -> i64 { ran.rows.iter().map(|row| row[field].as_i64().unwrap()).sum() };
    assert_eq!((total("count"), total("n")), (10_000, 49_995_000));
    assert!(ran.dead.is_empty());
}

#[test]
fn a_sum_of_what_is_no_number_fails_that_row_alone() {
    let lines = "{\"k\": 1, \"n\": null}\n{\"k\": 1, \"n\": 2}\n{\"k\": 1, \"n\": 1.5}";
    let ran = run_bolt(
        "{ type: count, by: [k], sum: { n: n } }",
        Fixed::from_json(lines),
        true,
        Resources::default(),
    );
    let total: f64 = ran.rows.iter().map(|row| row["n"].as_f64().unwrap()).sum();
    assert_eq!(total, 3.5);
}
