//! The parsers on data that nobody in this project wrote, against counts that were made with other
//! tools. The files are public (see each test) and not part of the project: `SQUALL_DATA` names the
//! folder that holds them, and without it the tests say that they were skipped.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stderr)]

use std::{collections::BTreeMap, path::PathBuf};

use squall_components::parse::{AccessLog, CsvFields, CsvOptions, Field, Scalar, date_of, rfc3339};

fn data(name: &str) -> Option<String> {
    let Some(folder) = std::env::var_os("SQUALL_DATA") else {
        eprintln!("SKIPPED: SQUALL_DATA does not name a folder with {name}");
        return None;
    };
    Some(std::fs::read_to_string(PathBuf::from(folder).join(name)).unwrap())
}

fn count<K: Ord>(items: impl Iterator<Item = K>) -> BTreeMap<K, u64> {
    let mut counts = BTreeMap::new();
    items.for_each(|item| *counts.entry(item).or_default() += 1);
    counts
}

/// 10,000 lines of a real web server, from elastic/examples.
#[test]
fn an_access_log() {
    let Some(text) = data("apache_access_10k.log") else { return };
    let log: Vec<_> = text.lines().map(|line| AccessLog::parse(line).unwrap()).collect();
    assert_eq!(log.len(), 10_000);
    let expected =
        [(200, 9126), (206, 45), (301, 164), (304, 445), (403, 2), (404, 213), (416, 2), (500, 3)];
    assert_eq!(count(log.iter().map(|entry| entry.status)), expected.into());
    let expected = [("GET", 9952), ("HEAD", 42), ("OPTIONS", 1), ("POST", 5)];
    assert_eq!(count(log.iter().map(|entry| entry.method.unwrap())), expected.into());
    assert_eq!(log.iter().map(|entry| entry.bytes).sum::<i64>(), 2_747_282_740);
    let addresses = count(log.iter().map(|entry| entry.ip));
    assert_eq!((addresses.len(), addresses["66.249.73.135"]), (1_753, 482));
    let paths = count(log.iter().map(|entry| entry.path));
    assert_eq!((paths["/favicon.ico"], paths["/style2.css"], paths["/reset.css"]), (807, 546, 538));
    let days = count(log.iter().map(|entry| date_of(entry.time)));
    let expected = [(17, 1632), (18, 2893), (19, 2896), (20, 2579)];
    assert_eq!(days, expected.map(|(day, count)| ((2015, 5, day), count)).into());
}

/// 100,000 taxi rides in Porto, from PKDD-15.
#[test]
fn taxi_rides() {
    let Some(text) = data("rides_porto_100k.csv") else { return };
    let mut lines = text.lines();
    let columns = lines.next().unwrap().split(',').map(str::to_owned).collect();
    let fields = [("ORIGIN_STAND", "int?"), ("CALL_TYPE", "string"), ("TIMESTAMP", "timestamp")];
    let fields = fields.map(|(name, kind)| Field::parse(name, kind).unwrap()).to_vec();
    let parser = CsvFields::new(columns, fields, CsvOptions::default()).unwrap();
    let mut row = Vec::new();
    let (mut stands, mut calls, mut hours) = (Vec::new(), Vec::new(), Vec::new());
    for line in lines {
        parser.parse(line, &mut row).unwrap();
        if let Scalar::Int(stand) = row[0] {
            stands.push(stand);
        }
        let (Scalar::Text(call), Scalar::Timestamp(at)) = (&row[1], &row[2]) else {
            panic!("{row:?}")
        };
        calls.push(call.clone().into_owned());
        hours.push(rfc3339(*at)[..13].to_owned());
    }
    let stands = count(stands.into_iter());
    let busiest = [15, 57, 9, 23, 18].map(|stand| stands[&stand]);
    assert_eq!(busiest, [5003, 3243, 2282, 2211, 2028]);
    let calls = count(calls.into_iter());
    assert_eq!((calls["A"], calls["B"], calls["C"]), (20_997, 50_015, 28_988));
    let hours = count(hours.into_iter());
    assert_eq!((hours["2013-07-01T09"], hours["2013-07-21T03"]), (397, 394));
}
