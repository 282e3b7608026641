//! Bolts that choose, cover and send elsewhere.

use squall_framework::{Factory, Kind, Resources, Role, Schema, Value, testing::BoltHarness};

use crate::harness::{Fixed, factory, run_bolt};

fn harness(yaml: &str, fields: &[(&str, Kind)]) -> BoltHarness {
    let Factory::Bolt(make) = factory(Role::Bolt, yaml).unwrap() else { panic!("not a bolt") };
    let schema = Schema::new(fields.iter().map(|(name, kind)| (*name, *kind)));
    BoltHarness::of(make, &[("input", schema, &[])]).map_err(|error| error.to_string()).unwrap()
}

/// What the bolt makes of a row: streams and rows.
fn given(bolt: &mut BoltHarness, row: &[Value]) -> Vec<(String, Vec<Value>)> {
    bolt.execute(0, row).unwrap();
    bolt.end_epoch(false).unwrap()
}

#[test]
fn a_tuple_goes_to_the_first_route_that_is_true() {
    let yaml = "{ type: route, routes: { errors: n >= 500, default: n < 100, slow: n > 300 } }";
    let mut route = harness(yaml, &[("n", Kind::Int)]);
    let mut went = |n: i64| {
        let emitted = given(&mut route, &[Value::Int(n)]);
        emitted.into_iter().map(|(stream, _)| stream).collect::<Vec<_>>()
    };
    assert_eq!(went(700), ["errors"]);
    assert_eq!(went(400), ["slow"]);
    assert_eq!(went(50), ["default"]);
    assert_eq!(went(200), ["default"]);
}

#[test]
fn a_sample_is_a_share_of_all_and_the_same_whenever_it_is_taken() {
    let chosen = |yaml: &str| {
        let mut sample = harness(yaml, &[("user", Kind::Int), ("n", Kind::Int)]);
        let taken = |row: &i64| {
            !given(&mut sample, &[Value::Int(row % 1_000), Value::Int(*row)]).is_empty()
        };
        (0..20_000).filter(taken).collect::<Vec<i64>>()
    };
    let tenth = chosen("{ type: sample, share: 0.1 }");
    assert!((1_800..2_200).contains(&tenth.len()), "{}", tenth.len());
    assert_eq!(tenth, chosen("{ type: sample, share: 0.1 }"));
    assert_ne!(tenth, chosen("{ type: sample, share: 0.1, seed: 1 }"));
    assert_eq!(chosen("{ type: sample, share: 0 }").len(), 0);
    assert_eq!(chosen("{ type: sample, share: 1 }").len(), 20_000);
    // All tuples of a user, or none.
    let users = chosen("{ type: sample, share: 0.1, by: [user] }");
    let mut times = std::collections::BTreeMap::<i64, u32>::new();
    users.iter().for_each(|row| *times.entry(row % 1_000).or_default() += 1);
    assert!(times.values().all(|times| *times == 20) && (70..130).contains(&times.len()));
}

#[test]
fn what_is_covered_shows_nowhere() {
    for (yaml, text, covered) in [
        ("{ type: mask, fields: [a] }", "sécret", "******"),
        ("{ type: mask, fields: [a], show_last: 9 }", "short", "short"),
        ("{ type: mask, fields: [a], with: '[gone]', show_last: 2 }", "0123", "[gone]23"),
        ("{ type: mask, fields: [a], pattern: '\\d+' }", "a12b345", "a**b***"),
        ("{ type: mask, fields: [a], pattern: 'x' }", "nothing", "nothing"),
    ] {
        let mut mask = harness(yaml, &[("a", Kind::Text)]);
        let emitted = given(&mut mask, &[Value::Text(text.into())]);
        assert_eq!(emitted[0].1, [Value::Text(covered.into())], "{yaml}");
        assert_eq!(given(&mut mask, &[Value::Null])[0].1, [Value::Null]);
    }
    let input = Fixed::from_json("{\"a\": null}\n{\"a\": \"x\"}");
    let ran = run_bolt("{ type: mask, fields: [a] }", input, true, Resources::default());
    assert_eq!(ran.rows[1]["a"], "*");
}

#[test]
fn times_are_read_by_the_clock_of_a_place_unless_they_say_another() {
    let yaml =
        "{ type: timestamp, field: at, into: moment, timezone: America/New_York, mismatch: skip }";
    let mut bolt = harness(yaml, &[("at", Kind::Any)]);
    let mut read = |value: Value| given(&mut bolt, &[value]).pop().map(|(_, row)| row);
    let noon = 1_767_286_800_000_000;
    for text in
        ["2026-01-01 12:00:00", "2026-01-01T17:00:00Z", "2026-01-01 18:00:00+01:00", "1767286800"]
    {
        let row = read(Value::Text(text.into())).unwrap();
        assert_eq!(row[1], Value::Timestamp(noon), "{text}");
        assert_eq!(row[0], Value::Text(text.into()));
    }
    assert_eq!(read(Value::Int(1_767_286_800_000)).unwrap()[1], Value::Timestamp(noon));
    assert_eq!(read(Value::Timestamp(noon)).unwrap()[1], Value::Timestamp(noon));
    assert_eq!(read(Value::Null).unwrap()[1], Value::Null);
    assert_eq!(read(Value::Text("at noon".into())), None);
    let mut strict = harness("{ type: timestamp, field: at }", &[("at", Kind::Text)]);
    let error = strict.execute(0, &[Value::Text("at noon".into())]).unwrap_err().to_string();
    assert!(error.contains("`at noon` is no time written as auto"), "{error}");
}
