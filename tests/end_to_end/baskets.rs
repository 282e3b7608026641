//! Real shopping baskets: a message with many parts.

use std::collections::HashMap;

use squall_tests::{Place, Store, project, real_data};

use crate::{rows, run};

#[test]
fn items_of_real_baskets_are_counted() {
    let Some(file) = real_data("baskets.csv") else { return };
    let text = std::fs::read_to_string(&file).unwrap();
    let mut truth: HashMap<&str, u64> = HashMap::new();
    for item in text.lines().flat_map(|line| line.split(',')) {
        *truth.entry(item).or_default() += 1;
    }

    let place = Place::new();
    for store in Store::all(&place) {
        let topology = project("tests/topologies/baskets.yaml");
        let summary = run(&place, &topology, "baskets", &file, &store).code(0).json();
        assert_eq!(summary["acked"], 9_835, "{summary}");

        let top = store.rows("SELECT item, baskets FROM items ORDER BY baskets DESC LIMIT 5");
        let expected = [
            ["whole milk", "2513"],
            ["other vegetables", "1903"],
            ["rolls/buns", "1809"],
            ["soda", "1715"],
            ["yogurt", "1372"],
        ];
        assert_eq!(top, rows(&expected));

        let all = store.rows("SELECT item, baskets FROM items");
        assert_eq!(all.len(), truth.len());
        for row in all {
            assert_eq!(truth.get(row[0].as_str()).map(u64::to_string).as_ref(), Some(&row[1]));
        }
    }
}
