//! Ctrl-C finishes what is under way, so that counts stay exact.

use squall_tests::{Place, Store, project, wait_until};

#[test]
fn counts_are_exact_over_an_orderly_end_in_the_middle() {
    let place = Place::new();
    let store = Store::sqlite(&place);
    let topology = project("tests/topologies/baskets.yaml").display().to_string();
    let set = format!("STORE={}", store.url());
    let run = ["run", topology.as_str(), "--set", set.as_str(), "--json"];
    let lines: String = (0..300_000).map(|n| format!("a,b{}\n", n % 10)).collect();
    place.write("baskets.csv", lines);
    let _ = place.squall(&["send", "baskets", "--create", "--file", "baskets.csv"]).code(0);

    let first = place.start(&run);
    let total = "SELECT SUM(baskets) FROM items";
    wait_until("the first counts are in the table", || store.number(total) > 0);
    first.interrupt();
    let summary = first.end().code(0).json();
    let acked = summary["acked"].as_u64().unwrap();
    assert_eq!(summary["outcome"], "stopped", "{summary}");
    assert_eq!(store.number(total), 2 * acked, "{summary}");

    let mut rest = run.to_vec();
    rest.push("--until-idle");
    let summary = place.squall(&rest).code(0).json();
    assert_eq!(summary["acked"].as_u64().unwrap() + acked, 300_000, "{summary}");
    assert_eq!(store.number(total), 600_000);
}
