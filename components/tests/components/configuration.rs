//! Mistakes in a configuration are found before anything runs, all at once, where they are.

use crate::harness::{Fixed, problems};

fn tuples() -> Fixed {
    Fixed::from_json(r#"{"body": "x", "status": 200, "time": "2015-05-17T10:05:03Z", "path": "/"}"#)
}

#[test]
fn mistakes_are_found_before_anything_runs() {
    for (yaml, expected) in [
        (
            "{ type: json, fields: { a: integer } }",
            vec!["`integer` is not a type; the types are string, int"],
        ),
        ("{ type: json, fields: { a: int }, feild: body }", vec!["unknown field `feild`"]),
        ("{ type: json, fields: {} }", vec!["fields: `fields` names no field"]),
        (
            "{ type: json, fields: { status: int }, field: bdy, keep: [status, pth] }",
            vec![
                "field: `input` has no field `bdy` (did you mean `body`?)",
                "keep.1: `input` has no field `pth` (did you mean `path`?)",
                "two fields named `status`",
            ],
        ),
        (
            "{ type: json, fields: { a: int }, field: status }",
            vec!["field `status` holds int and no text"],
        ),
        (
            "{ type: json, fields: { a: { type: timestamp, format: seconds } } }",
            vec!["`seconds` is not a time format"],
        ),
        ("{ type: logfmt, fields: {} }", vec!["fields: `fields` names no field"]),
        (
            "{ type: grok, pattern: '%{WROD:a}' }",
            vec!["pattern: there is no pattern `WROD`; did you mean `WORD`?"],
        ),
        ("{ type: grok, pattern: '%{WORD} x' }", vec!["pattern: the pattern has no named group"]),
        (
            "{ type: syslog, fields: [hots], timezone: UTC }",
            vec!["fields.0: a line of syslog has no field `hots` (did you mean `host`?)"],
        ),
        (
            "{ type: timestamp, field: body, timezone: Europe/Pari }",
            vec!["timezone: there is no time zone `Europe/Pari` (did you mean `Europe/Paris`?)"],
        ),
        (
            "{ type: route, routes: { bad: status + 1, worse: stats > 1 } }",
            vec!["routes.bad: `status + 1` is int", "routes.worse: "],
        ),
        (
            "{ type: shell, command: [x], fields: { a: int }, streams: { default: { b: int } } }",
            vec![
                "streams.default: the stream `default` has its fields twice (it is the one of `fields`",
            ],
        ),
        ("{ type: shell, command: [] }", vec!["command: there is no program to start"]),
        ("{ type: route, routes: {} }", vec!["routes: there is no route"]),
        ("{ type: sample, share: 10 }", vec!["share: 10 is no share (write a number from 0 to 1"]),
        (
            "{ type: mask, fields: [status, bdy], pattern: '(' }",
            vec![
                "unclosed group",
                "fields.0: `status` holds int",
                "fields.1: `input` has no field",
            ],
        ),
        (
            "{ type: access_log, fields: [ip, stats] }",
            vec!["fields.1: an access log has no field `stats` (did you mean `status`?)"],
        ),
        (
            "{ type: csv, columns: [a, b], fields: { c: int } }",
            vec!["no column `c`; the columns are a, b"],
        ),
        (
            "{ type: csv, columns: [a, b], delimiter: '·' }",
            vec!["delimiter: `·` is not an ASCII character"],
        ),
        ("{ type: regex, pattern: '(' }", vec!["pattern: regex parse error"]),
        ("{ type: regex, pattern: 'a' }", vec!["no named group"]),
        ("{ type: split, by: '' }", vec!["by: `by` is empty"]),
        ("{ type: filter, where: status }", vec!["`status` is int and neither true nor false"]),
        (
            "{ type: filter, where: 'statsu > 1' }",
            vec!["where: `input` has no field `statsu` (did you mean `status`?)"],
        ),
        (
            "{ type: filter, where: 'status > \"1\"' }",
            vec!["does not go with the kinds of its fields"],
        ),
        ("{ type: filter, where: 'status >' }", vec!["`status >` is not an expression: column"]),
        (
            "{ type: map, fields: { a: 'status + path', b: 'nope(1)' } }",
            vec!["fields.a: ", "fields.b: "],
        ),
        (
            "{ type: count, by: [pth], sum: { s: path } }",
            vec!["by.0: ", "sum.s: field `path` holds string"],
        ),
        (
            "{ type: sql, store: 'postgres://x', table: t, keys: [stats], add: [path] }",
            vec![
                "store: `postgres://` is not a store",
                "keys.0: there is no column `stats` (did you mean `status`?)",
            ],
        ),
        (
            "{ type: sql, store: 'sqlite://a', table: t, keys: [status], add: [path] }",
            vec!["column `path` is not a number"],
        ),
        (
            "{ type: sql, store: 'sqlite://a', table: t, keys: [path], add: [status], max: [status] }",
            vec!["two modes"],
        ),
        ("{ type: queue, queue: q, field: body, fields: [status] }", vec!["exclude each other"]),
        ("{ type: file, path: f, format: xml }", vec!["unknown variant `xml`"]),
    ] {
        let found = problems(yaml, &tuples());
        assert_eq!(found.len(), expected.len(), "{yaml}: {found:#?}");
        for (found, expected) in found.iter().zip(expected) {
            assert!(found.contains(expected), "{yaml}: {found}");
        }
    }
}

#[test]
fn the_field_with_the_text_is_found_where_there_is_no_doubt() {
    let several = Fixed::from_json(r#"{"line": "x", "path": "/"}"#);
    let found = problems("{ type: split }", &several);
    assert!(
        found[0].contains(
            "several fields of the input hold text (say which one to work on: `field:` line, path)"
        ),
        "{found:?}"
    );
    let none = Fixed::from_json(r#"{"n": 1}"#);
    assert!(problems("{ type: split }", &none)[0].contains("no field of the input holds text"));
    let one = Fixed::from_json(r#"{"n": 1, "line": "x"}"#);
    assert!(problems("{ type: split }", &one).is_empty());
}
