//! Windows over data that nobody in this project wrote, against counts that were made with other
//! tools. `SQUALL_DATA` names the folder with the files; without it the tests say that they were
//! skipped.

use std::{collections::BTreeMap, path::PathBuf};

use squall_components::parse::{TimeFormat, rfc3339};
use squall_framework::{Kind, Schema, Value, testing::BoltHarness};

use crate::table::harness;

fn data(name: &str) -> Option<String> {
    let Some(folder) = std::env::var_os("SQUALL_DATA") else {
        eprintln!("SKIPPED: SQUALL_DATA does not name a folder with {name}");
        return None;
    };
    Some(std::fs::read_to_string(PathBuf::from(folder).join(name)).unwrap())
}

/// Gives the bolt all rows, with commits and restarts, and what comes of them.
fn run(mut bolt: BoltHarness, rows: impl Iterator<Item = Vec<Value>>) -> Vec<Vec<Value>> {
    let mut emitted = Vec::new();
    for (number, row) in rows.enumerate() {
        bolt.execute(0, &row).unwrap();
        if number % 5_000 == 4_999 {
            emitted.extend(bolt.commit().unwrap());
            bolt.restart().unwrap();
        }
    }
    emitted.extend(bolt.commit_last().unwrap());
    emitted
}

fn time(text: &str) -> Value {
    Value::Timestamp(TimeFormat::Auto.parse(text).unwrap())
}

/// Check-ins at restaurants in New York: when, who and where.
fn check_ins(text: &str) -> impl Iterator<Item = Vec<Value>> {
    text.lines().skip(1).filter_map(|line| {
        let fields: Vec<_> = line.split(',').collect();
        let number = |field: &str| Value::Int(field.parse().unwrap());
        (fields[6] == "Food").then(|| vec![time(fields[0]), number(fields[2]), number(fields[3])])
    })
}

fn check_in_schema() -> Schema {
    Schema::new([("time", Kind::Timestamp), ("user", Kind::Int), ("venue", Kind::Int)])
}

fn int(value: &Value) -> i64 {
    match value {
        Value::Int(number) => *number,
        other => panic!("{other:?}"),
    }
}

#[test]
fn the_most_popular_restaurants_by_people() {
    let Some(text) = data("checkins_nyc.csv") else { return };
    let bolt =
        harness("{ aggregates: { people: distinct(user) } }", &check_in_schema(), &["venue"]);
    let rows = run(bolt, check_ins(&text));
    let people: BTreeMap<_, _> = rows.iter().map(|row| (int(&row[0]), int(&row[1]))).collect();
    assert_eq!([68, 2407, 2859, 2368, 619].map(|venue| people[&venue]), [23, 21, 21, 20, 19]);
    assert_eq!((people.len(), people.values().max()), (696, Some(&23)));
}

#[test]
fn the_busiest_hour_of_restaurants() {
    let Some(text) = data("checkins_nyc.csv") else { return };
    let yaml = "{ size: 1h, aggregates: { n: count() } }";
    let rows = run(harness(yaml, &check_in_schema(), &[]), check_ins(&text));
    let hours: BTreeMap<_, _> = rows.iter().map(|row| (format!("{:?}", row[0]), row)).collect();
    assert_eq!(hours.values().map(|row| int(&row[2])).sum::<i64>(), 11_832);
    let busiest = hours.values().max_by_key(|row| int(&row[2])).unwrap();
    assert_eq!(busiest[0], time("2012-07-05 08:00:00"));
    assert_eq!(busiest[2], Value::Int(20));
}

#[test]
fn the_busiest_hours_of_taxis() {
    let Some(text) = data("rides_porto_100k.csv") else { return };
    let schema = Schema::new([("call", Kind::Text), ("at", Kind::Timestamp)]);
    let rides = text.lines().skip(1).map(|line| {
        let fields: Vec<_> = line.split(',').collect();
        vec![Value::Text(fields[1].to_owned()), time(fields[5])]
    });
    // The file is not in the order of time: a ride may stand 380 hours behind a later one.
    let yaml = "{ size: 1h, lateness: 16d, group_by: [call], aggregates: { n: count() } }";
    let rows = run(harness(yaml, &schema, &[]), rides);
    let (mut hours, mut calls) = (BTreeMap::<String, i64>::new(), BTreeMap::<String, i64>::new());
    for row in &rows {
        let (Value::Timestamp(start), Value::Text(call)) = (&row[0], &row[2]) else { panic!() };
        *hours.entry(rfc3339(*start)[..13].to_owned()).or_default() += int(&row[3]);
        *calls.entry(call.clone()).or_default() += int(&row[3]);
    }
    assert_eq!((calls["A"], calls["B"], calls["C"]), (20_997, 50_015, 28_988));
    assert_eq!((hours["2013-07-01T09"], hours["2013-07-21T03"]), (397, 394));
}
