//! Mistakes in options and groupings are found before anything runs.

use squall_framework::{Kind, Schema};

use crate::harness::{declare, schema};

fn shares() -> Schema {
    schema(&[
        ("restaurant", Kind::Int),
        ("user", Kind::Text),
        ("at", Kind::Timestamp),
        ("people", Kind::Int),
    ])
}

fn names(yaml: &str, inputs: &[squall_framework::testing::HarnessInput<'_>]) -> String {
    let schema = declare(yaml, inputs).unwrap_or_else(|problems| panic!("{problems:?}"));
    schema.names().collect::<Vec<_>>().join(" ")
}

#[test]
fn mistakes_with_one_input() {
    for (yaml, keys, expected) in [
        ("{ type: dedupe }", &["shuffled"][..], vec!["may go to different tasks"]),
        ("{ type: dedupe }", &[], vec!["no field to tell tuples apart by"]),
        (
            "{ type: dedupe, by: [user] }",
            &["restaurant"],
            vec!["by: the input is grouped by `restaurant`"],
        ),
        (
            "{ type: dedupe, by: [user, usr] }",
            &["user"],
            vec!["by.1: `input` has no field `usr` (did you mean `user`?)"],
        ),
        (
            "{ type: dedupe, time: at }",
            &["user"],
            vec!["time: `time` says nothing without `within`"],
        ),
        (
            "{ type: dedupe, within: 0, time: people }",
            &["user"],
            vec![
                "within: `within` must be longer",
                "time: field `people` holds int and no timestamp",
            ],
        ),
        ("{ type: top, of: [user] }", &["user"], vec!["by: `by` names no field"]),
        (
            "{ type: top, of: [], by: usr, n: 0 }",
            &["user"],
            vec!["n: `n` must be", "of: `of` names no field", "by: `input` has no field `usr`"],
        ),
        (
            "{ type: top, of: [user], by: user, n: 5, keep: 4 }",
            &[],
            vec!["keep: of 4 candidates", "by: field `user` holds string and no number or time"],
        ),
        (
            "{ type: top, of: [user], by: at, decay: 1h }",
            &[],
            vec!["by: field `at` holds timestamp and no weight", "decay: `decay` needs `time`"],
        ),
        (
            "{ type: top, of: [user], by: people, time: at }",
            &[],
            vec!["time: `time` says nothing without"],
        ),
        (
            "{ type: top, of: [user], by: people, group_by: [at] }",
            &["restaurant"],
            vec!["group_by: the input is grouped by `restaurant`"],
        ),
        ("{ type: join }", &["user"], vec!["joins two inputs and has 1"]),
        (
            "{ type: lookup, on: {}, from: a.csv }",
            &[],
            vec!["on: `on` names no field", "take: nothing is taken"],
        ),
        (
            "{ type: lookup, on: { usr: id }, take: [a] }",
            &[],
            vec!["on.usr: `input` has no field `usr`", "either in a file or in a store"],
        ),
        (
            "{ type: lookup, on: { user: id }, take: [user], from: a.csv, table: t }",
            &[],
            vec!["a file has neither `table` nor `query`", "two fields named `user`"],
        ),
        (
            "{ type: lookup, on: { user: id }, take: [a], store: nowhere }",
            &[],
            vec!["store: the store is not a URL"],
        ),
        (
            "{ type: lookup, on: { user: id }, take: [a], store: 'sqlite://a.db' }",
            &[],
            vec!["a table or a query"],
        ),
        (
            "{ type: lookup, on: { user: id }, take: [a], from: a.csv, types: { b: int }, refresh: 0 }",
            &[],
            vec!["refresh: `refresh` must be", "types.b: column `b` is neither"],
        ),
    ] {
        let found = declare(yaml, &[("input", shares(), keys)]).expect_err(yaml);
        assert_eq!(found.len(), expected.len(), "{yaml}: {found:#?}");
        for (found, expected) in found.iter().zip(expected) {
            assert!(found.contains(expected), "{yaml}: {found}");
        }
    }
}

#[test]
fn mistakes_with_two_inputs() {
    let other = || schema(&[("user", Kind::Text), ("at", Kind::Timestamp), ("city", Kind::Int)]);
    for (yaml, left, right, expected) in [
        ("{ type: join }", &["user"][..], &[][..], "`b` is not grouped by fields"),
        ("{ type: join }", &["user", "at"], &["user"], "`a` is grouped by 2 fields and `b` by 1"),
        (
            "{ type: join }",
            &["user"],
            &["city"],
            "`user` of `a` holds string and `city` of `b` int",
        ),
        ("{ type: join, within: 1m }", &["user"], &["user"], "within: `within` needs `time`"),
        ("{ type: join, time: at }", &["user"], &["user"], "`time` says nothing"),
        (
            "{ type: join, within: 1m, time: city }",
            &["user"],
            &["user"],
            "time: `a` has no field `city`",
        ),
        (
            "{ type: join, within: 1m, time: { a: at } }",
            &["user"],
            &["user"],
            "time: `time` names no field of `b`",
        ),
        (
            "{ type: join, within: 1m, time: { a: at, b: at, c: at } }",
            &["user"],
            &["user"],
            "time.c: `c` is no input",
        ),
        (
            "{ type: join, fields: [b_att] }",
            &["user"],
            &["user"],
            "fields.0: the join has no field `b_att` (did you mean `b_at`?)",
        ),
        ("{ type: dedupe }", &["user"], &["at"], "one input is grouped by `user` and `b` by `at`"),
    ] {
        let inputs = [("a", shares(), left), ("b", other(), right)];
        let found = declare(yaml, &inputs).expect_err(yaml);
        assert!(found[0].contains(expected), "{yaml}: {found:?}");
    }
}

#[test]
fn names_of_fields() {
    let other = || schema(&[("guest", Kind::Text), ("at", Kind::Timestamp), ("user", Kind::Text)]);
    let join =
        |left, right| names("{ type: join }", &[("a", shares(), left), ("b", other(), right)]);
    // The key keeps its name, also where the other side has another field of that name.
    assert_eq!(join(&["user"], &["user"]), "restaurant user a_at people guest b_at");
    assert_eq!(join(&["user"], &["guest"]), "restaurant user a_at people b_at b_user");
    let same = [("s", shares(), &["user"][..]), ("s", shares(), &["user"][..])];
    assert_eq!(
        names("{ type: join }", &same),
        "left_restaurant user left_at left_people right_restaurant right_at right_people"
    );
    let input = [("s", shares(), &["restaurant"][..])];
    assert_eq!(
        names("{ type: top, of: [user], decay: 1h, time: at }", &input),
        "rank restaurant user at people score"
    );
    assert_eq!(names("{ type: dedupe }", &input), "restaurant user at people");
    assert_eq!(
        names("{ type: lookup, on: { user: id }, take: { town: city }, from: a.csv }", &input),
        "restaurant user at people town"
    );
}
