//! Mistakes are found before anything runs, all at once, where they are.

use squall_framework::{Input, Inputs, Kind, Schema};

use crate::{small::schema, table::problems};

fn inputs(schema: Schema, keys: Option<&[&str]>) -> Inputs {
    Inputs::new(vec![Input {
        from: "parse".into(),
        stream: "default".into(),
        schema,
        keys: keys.map(|keys| keys.iter().map(|key| (*key).to_owned()).collect()),
    }])
}

#[test]
fn each_mistake_is_told_where_it_is() {
    for (yaml, expected) in [
        (
            "{ size: 1h, every: 7m, aggregates: { n: count() } }",
            vec!["every: a window of 1h is not a multiple of 7m"],
        ),
        (
            "{ size: 1h, every: 2h, aggregates: { n: count() } }",
            vec!["every: a window of 1h is not a multiple of 2h"],
        ),
        (
            "{ size: 30d, every: 1s, aggregates: { n: count() } }",
            vec!["every: a window of 30d every 1s is in 2592000 windows at a time"],
        ),
        (
            "{ size: 1h, every: 10, aggregates: { n: count() } }",
            vec!["every: `every` is a number, but the windows go by time"],
        ),
        (
            "{ count: 10, every: 1m, aggregates: { n: count() } }",
            vec!["every: `every` is a duration, but the windows go by tuples"],
        ),
        ("{ count: 0, aggregates: { n: count() } }", vec!["count: `count` is 0"]),
        ("{ gap: 0, aggregates: { n: count() } }", vec!["gap: `gap` is 0"]),
        (
            "{ size: 1h, gap: 1m, aggregates: { n: count() } }",
            vec!["gap: `size` and `gap` exclude each other"],
        ),
        (
            "{ every: 1m, aggregates: { n: count() } }",
            vec!["every: `every` is for windows with `size` or `count`"],
        ),
        (
            "{ count: 5, lateness: 1s, timezone: UTC, aggregates: { n: count() } }",
            vec![
                "timezone: `timezone` is for windows with `size`",
                "lateness: `lateness` is for windows by the time of tuples",
            ],
        ),
        (
            "{ emit: close, aggregates: { n: count() } }",
            vec!["emit: a window without an end is never closed"],
        ),
        (
            "{ size: 7h, timezone: Europe/Paris, aggregates: { n: count() } }",
            vec!["timezone: days have no whole number of windows every 7h"],
        ),
        (
            "{ size: 1h, timezone: Europe/Pariss, aggregates: { n: count() } }",
            vec!["timezone: there is no time zone `Europe/Pariss` (did you mean `Europe/Paris`?)"],
        ),
        (
            "{ size: 1h, time: user, aggregates: { n: count() } }",
            vec!["time: field `user` holds string and no timestamp"],
        ),
        (
            "{ size: 1h, time: att, aggregates: { n: count() } }",
            vec!["time: `parse` has no field `att` (did you mean `at`?)"],
        ),
        (
            "{ size: 1h, group_by: [user], aggregates: { n: count() } }",
            vec!["group_by: `group_by` lacks `shop`, by which the tuples are grouped"],
        ),
        (
            "{ size: 1h, group_by: [shop, usr], aggregates: { n: count() } }",
            vec!["group_by.1: `parse` has no field `usr` (did you mean `user`?)"],
        ),
        (
            "{ size: 1h, aggregates: {} }",
            vec!["aggregates: `aggregates` names nothing to work out"],
        ),
        (
            "{ size: 1h, aggregates: { a: distnct(user), b: sum(user), c: sum(pricee), d: count, e: sum(), \
             f: 'quantile(price, 2)', g: quantile(price), h: max(user)) } }",
            vec![
                "aggregates.a: there is no function `distnct` (did you mean `distinct`?)",
                "aggregates.b: `sum(user)`: the field `user` holds string and not numbers",
                "aggregates.c: `parse` has no field `pricee` (did you mean `price`?)",
                "aggregates.d: `count` is not an aggregate",
                "aggregates.e: `sum()`: `sum` takes one field",
                "aggregates.f: `2` is not a share from 0 to 1",
                "aggregates.g: `quantile(price)`: `quantile` takes a field and a share such as 0.99",
                "aggregates.h: `max(user))` is not an aggregate",
            ],
        ),
        (
            "{ size: 1h, aggregates: { shop: count(), window_end: count() } }",
            vec!["two fields named `shop`", "two fields named `window_end`"],
        ),
        (
            "{ size: 1h, every: 7m, group_by: [x], aggregates: { n: nope() } }",
            vec![
                "every: ",
                "group_by.0: ",
                "group_by: ",
                "aggregates.n: there is no function `nope` (the functions are count, quantile, sum",
            ],
        ),
    ] {
        let found = problems(yaml, &inputs(schema(), Some(&["shop"])));
        assert_eq!(found.len(), expected.len(), "{yaml}: {found:#?}");
        for (found, expected) in found.iter().zip(expected) {
            assert!(found.contains(expected), "{yaml}: {found}");
        }
    }
}

#[test]
fn tuples_must_be_grouped_by_fields() {
    let found = problems("{ aggregates: { n: count() } }", &inputs(schema(), None));
    assert_eq!(found.len(), 1, "{found:?}");
    assert!(found[0].contains("the tuples of `parse` are not grouped by fields"), "{found:?}");
    assert!(found[0].contains("grouping: fields, fields: [...]"), "{found:?}");
    let mut both = inputs(schema(), Some(&["shop"])).all().to_vec();
    both.extend(inputs(schema(), Some(&["user"])).all().to_vec());
    let found = problems("{ aggregates: { n: count() } }", &Inputs::new(both));
    assert!(found[0].contains("`parse` is grouped by other fields than the rest"), "{found:?}");
}

#[test]
fn the_time_is_found_where_there_is_no_doubt() {
    let yaml = "{ size: 1h, aggregates: { n: count() } }";
    let time_in = |fields: &[(&str, Kind)]| {
        problems(yaml, &inputs(Schema::new(fields.iter().copied()), Some(&[])))
    };
    assert!(time_in(&[("sent", Kind::Timestamp), ("at", Kind::Text)]).is_empty());
    let several = time_in(&[("sent", Kind::Timestamp), ("at", Kind::Timestamp)]);
    assert!(several[0].contains("say which one: `time:` at, sent"), "{several:?}");
    let other = time_in(&[("when", Kind::Timestamp)]);
    assert!(other[0].contains("say so: `time:` when or processing"), "{other:?}");
    let none = time_in(&[("at", Kind::Text)]);
    assert!(none[0].contains("no field of the input is a timestamp"), "{none:?}");
    // Where windows do not go by time it does not matter.
    let yaml = "{ count: 5, aggregates: { n: count() } }";
    assert!(problems(yaml, &inputs(Schema::new([("n", Kind::Int)]), Some(&[]))).is_empty());
}
