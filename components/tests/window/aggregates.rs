//! Each aggregate by itself, where the model does not look.

use squall_framework::{Input, Inputs, Kind, Schema, Value};

use crate::{
    small::{bolt, row, schema, text, told},
    table::output,
};

fn only(yaml: &str, prices: impl IntoIterator<Item = Value>) -> Value {
    let mut bolt = bolt(&format!("{{ size: 1m, aggregates: {{ it: {yaml} }} }}"));
    for (second, price) in prices.into_iter().enumerate() {
        bolt.execute(0, &row("a", second as i64 % 60, "u", price)).unwrap();
    }
    bolt.commit_last().unwrap().remove(0).remove(3)
}

#[test]
fn nothing_comes_of_nulls() {
    for (aggregate, expected) in [
        ("count()", Value::Int(2)),
        ("count(price)", Value::Int(0)),
        ("sum(price)", Value::Null),
        ("avg(price)", Value::Null),
        ("min(price)", Value::Null),
        ("max(price)", Value::Null),
        ("first(price)", Value::Null),
        ("last(price)", Value::Null),
        ("distinct(price)", Value::Int(0)),
        ("approx_distinct(price)", Value::Int(0)),
        ("'quantile(price, 0.5)'", Value::Null),
    ] {
        assert_eq!(only(aggregate, [Value::Null, Value::Null]), expected, "{aggregate}");
    }
}

#[test]
fn whole_numbers_and_others_are_summed_together() {
    let mixed = || [Value::Int(1), Value::Float(0.5), Value::Int(2)];
    assert_eq!(only("sum(price)", mixed()), Value::Float(3.5));
    assert_eq!(only("sum(price)", [Value::Int(1), Value::Int(2)]), Value::Int(3));
    assert_eq!(only("avg(price)", mixed()), Value::Float(3.5 / 3.0));
    assert_eq!(only("max(price)", mixed()), Value::Int(2));
    assert_eq!(only("distinct(price)", [Value::Int(1), Value::Float(1.0)]), Value::Int(1));
}

#[test]
fn a_sum_beyond_64_bits_is_not_a_wrong_number() {
    let large = || [Value::Int(i64::MAX), Value::Int(i64::MAX)];
    assert_eq!(only("sum(price)", large()), Value::Null);
    assert_eq!(only("avg(price)", large()), Value::Float(i64::MAX as f64));
    // Out and back again loses nothing.
    let back = [Value::Int(i64::MAX), Value::Int(1), Value::Int(-5)];
    assert_eq!(only("sum(price)", back), Value::Int(i64::MAX - 4));
}

#[test]
fn values_of_several_kinds_have_an_order() {
    let values = [Value::Int(7), text("b"), Value::Bool(true), text("a")];
    assert_eq!(only("min(price)", values.clone()), Value::Bool(true));
    assert_eq!(only("max(price)", values), text("b"));
}

#[test]
fn what_is_no_number_is_a_data_error_and_leaves_nothing() {
    let mut bolt =
        bolt("{ size: 1m, aggregates: { n: count(), sum: sum(price), u: distinct(user) } }");
    bolt.execute(0, &row("a", 1, "u", Value::Int(1))).unwrap();
    let error = bolt.execute(0, &row("a", 2, "v", text("cheap"))).unwrap_err();
    assert_eq!(error.to_string(), "field `price` is not a number but `cheap`");
    let mut no_time = row("a", 2, "v", Value::Int(1));
    no_time[1] = Value::Null;
    let error = bolt.execute(0, &no_time).unwrap_err().to_string();
    assert_eq!(error, "field `at` with the time is null");
    assert_eq!(told(bolt.commit_last().unwrap()), ["0 60 a 1 1 1"]);
}

#[test]
fn values_that_are_too_long_to_keep_are_data_errors() {
    let long = text(&"x".repeat(5_000));
    let mut first = bolt("{ size: 1m, aggregates: { it: first(price) } }");
    let error = first.execute(0, &row("a", 1, "u", long.clone())).unwrap_err().to_string();
    assert!(error.contains("field `price` has 5000 bytes"), "{error}");
    let error = first.execute(0, &row(&"x".repeat(600), 1, "u", None)).unwrap_err().to_string();
    assert!(error.contains("field `shop` has 600 bytes"), "{error}");
    // Distinct values may be as long as they like.
    let mut distinct = bolt("{ size: 1m, aggregates: { it: distinct(price) } }");
    for length in [5_000, 5_001, 5_000] {
        distinct.execute(0, &row("a", 1, "u", text(&"x".repeat(length)))).unwrap();
    }
    assert_eq!(told(distinct.commit_last().unwrap()), ["0 60 a 2"]);
}

#[test]
fn first_and_last_go_by_time_and_then_by_arrival() {
    let mut bolt = bolt("{ size: 1m, aggregates: { f: first(price), l: last(price) } }");
    for (second, price) in [(5, 1), (3, 2), (3, 3), (9, 4), (9, 5), (8, 6)] {
        bolt.execute(0, &row("a", second, "u", Value::Int(price))).unwrap();
        bolt.commit().unwrap();
    }
    assert_eq!(told(bolt.commit_last().unwrap()), ["0 60 a 2 5"]);
}

#[test]
fn an_approximate_count_is_near_and_is_put_together_from_panes() {
    let mut bolt =
        bolt("{ size: 1m, every: 10s, lateness: 1m, aggregates: { it: approx_distinct(price) } }");
    for n in 0..30_000_i64 {
        // Every value occurs in two panes.
        for second in [n % 30, n % 30 + 25] {
            bolt.execute(0, &row("a", second, "u", Value::Int(n))).unwrap();
        }
    }
    let rows = bolt.commit_last().unwrap();
    let whole = rows.iter().find(|row| row[1] == crate::small::time(60)).unwrap();
    let Value::Int(found) = whole[3] else { panic!("{whole:?}") };
    assert!((found - 30_000).abs() < 30_000 * 5 / 100, "{found}");
}

#[test]
fn few_distinct_values_are_counted_exactly_by_the_sketch_too() {
    let values = (0..50).map(|n| Value::Int(n % 25));
    assert_eq!(only("approx_distinct(price)", values), Value::Int(25));
}

#[test]
fn a_quantile_is_within_one_percent() {
    let value = |n: i64| (n as f64 * 0.37).exp() - 2.0;
    let values: Vec<_> = (0..60).map(value).collect();
    for (share, rank) in [(0.0, 1), (0.5, 30), (0.9, 54), (0.99, 60), (1.0, 60)] {
        let all = values.iter().rev().map(|value| Value::Float(*value));
        let Value::Float(found) = only(&format!("'quantile(price, {share})'"), all) else {
            panic!()
        };
        let expected = values[rank - 1];
        assert!(
            (found - expected).abs() <= expected.abs() * 0.01 + 1e-9,
            "{share}: {found} {expected}"
        );
    }
    let huge = only(
        "'quantile(price, 0.5)'",
        [Value::Float(f64::INFINITY)].into_iter().filter(|_| false).chain([Value::Int(0)]),
    );
    assert_eq!(huge, Value::Float(0.0));
    let mut bolt = bolt("{ size: 1m, aggregates: { it: 'quantile(price, 0.5)' } }");
    let error = bolt.execute(0, &row("a", 1, "u", Value::Float(f64::NAN))).unwrap_err();
    assert!(error.to_string().contains("no place among the quantiles"), "{error}");
}

#[test]
fn results_have_the_kinds_of_what_they_are_worked_out_of() {
    let schema = Schema::new([
        ("shop", Kind::Text),
        ("at", Kind::Timestamp),
        ("whole", Kind::Int),
        ("part", Kind::Float),
        ("any", Kind::Any),
    ]);
    let inputs = |keys: &[&str]| {
        Inputs::new(vec![Input {
            from: "input".into(),
            stream: "default".into(),
            schema: schema.clone(),
            keys: Some(keys.iter().map(|key| (*key).to_owned()).collect()),
        }])
    };
    let yaml = "{ size: 1h, group_by: [shop, whole], aggregates: { a: count(), b: sum(whole), c: sum(part), \
                d: sum(any), e: avg(whole), f: min(at), g: last(shop), h: distinct(any), \
                i: approx_distinct(any), j: 'quantile(whole, 0.5)' } }";
    let kinds: Vec<_> = output(yaml, &inputs(&["shop"])).into_iter().collect();
    let expected = [
        ("window_start", Kind::Timestamp),
        ("window_end", Kind::Timestamp),
        ("shop", Kind::Text),
        ("whole", Kind::Int),
        ("a", Kind::Int),
        ("b", Kind::Int),
        ("c", Kind::Float),
        ("d", Kind::Any),
        ("e", Kind::Float),
        ("f", Kind::Timestamp),
        ("g", Kind::Text),
        ("h", Kind::Int),
        ("i", Kind::Int),
        ("j", Kind::Float),
    ];
    assert_eq!(kinds, expected.map(|(name, kind)| (name.to_owned(), kind)));
    let yaml = "{ count: 3, aggregates: { a: count() } }";
    let names: Vec<_> =
        output(yaml, &inputs(&["shop"])).into_iter().map(|(name, _)| name).collect();
    assert_eq!(names, ["window", "shop", "a"]);
    let yaml = "{ aggregates: { a: count() } }";
    let names: Vec<_> = output(yaml, &inputs(&[])).into_iter().map(|(name, _)| name).collect();
    assert_eq!(names, ["a"]);
    assert_eq!(schema.len(), 5);
    let _ = self::schema();
}
