//! A hundred thousand real taxi rides.

use std::collections::HashMap;

use squall_tests::{Place, Store, project, real_data};

use crate::{rows, run};

#[test]
fn real_rides_are_counted_by_stand_and_hour() {
    let Some(file) = real_data("rides_porto_100k.csv") else { return };
    // Counted here once more in the simplest way, for all stands and hours.
    let text = std::fs::read_to_string(&file).unwrap();
    let mut truth: HashMap<(String, String), u64> = HashMap::new();
    for line in text.lines().skip(1) {
        let columns: Vec<&str> = line.split(',').collect();
        if !columns[3].is_empty() {
            let hour = columns[5][..13].replace('T', " ");
            *truth.entry((columns[3].to_owned(), hour)).or_default() += 1;
        }
    }

    let place = Place::new();
    for store in Store::all(&place) {
        let topology = project("tests/topologies/porto.yaml");
        let summary = run(&place, &topology, "rides", &file, &store).code(0).json();
        assert_eq!(summary["acked"], 100_001, "the header is a message, too: {summary}");

        let stands = store.rows(
            "SELECT stand, SUM(rides) AS n FROM stands GROUP BY stand ORDER BY n DESC LIMIT 5",
        );
        let expected =
            [["15", "5003"], ["57", "3243"], ["9", "2282"], ["23", "2211"], ["18", "2028"]];
        assert_eq!(stands, rows(&expected));

        let calls = store.rows("SELECT * FROM calls ORDER BY 1");
        assert_eq!(calls, rows(&[["A", "20997"], ["B", "50015"], ["C", "28988"]]));

        let hours = store.rows("SELECT hour, rides FROM hours ORDER BY rides DESC LIMIT 2");
        assert!(
            hours[0][0].starts_with("2013-07-01 09:00:00") && hours[0][1] == "397",
            "{hours:?}"
        );
        assert!(
            hours[1][0].starts_with("2013-07-21 03:00:00") && hours[1][1] == "394",
            "{hours:?}"
        );

        let all = store.rows("SELECT stand, hour, rides FROM stands");
        assert_eq!(all.len(), truth.len());
        for row in all {
            let key = (row[0].clone(), row[1][..13].to_owned());
            assert_eq!(truth.get(&key).map(u64::to_string).as_ref(), Some(&row[2]), "{key:?}");
        }
    }
}
