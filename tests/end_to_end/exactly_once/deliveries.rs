//! What is promised for each output, and that it is kept: rows of the first store once, those of a
//! second store, or of a topology that asks for no more, at least once.

use squall_tests::{Place, Store, project};

use super::shares::{assert_exact, assert_set, run, send};

const TOPOLOGY: &str = "tests/topologies/two_stores.yaml";
const SHARES: u64 = 20_000;
/// Between the commit in one place and that in the other, and around them.
const STEPS: [&str; 6] = [
    "commit.rows:2",
    "commit.redo:3",
    "commit.commit:2",
    "commit.committed:3",
    "commit.apply:2",
    "recover.settle",
];

/// What `validate` says of each component: whether exactly once, and why.
fn promised(place: &Place, delivery: &str) -> Vec<(String, bool, String)> {
    let topology = project(TOPOLOGY).display().to_string();
    let set = ["--set=STORE=sqlite://one.db", "--set=OTHER=sqlite://other.db"];
    let delivery = format!("--set=DELIVERY={delivery}");
    let words = ["validate", &topology, "--json", set[0], set[1], &delivery];
    let said = place.squall(&words).code(0).json();
    let outputs = said[0]["outputs"].as_array().unwrap().iter();
    let text = |value: &serde_json::Value| value.as_str().unwrap().to_owned();
    let output = |output: &serde_json::Value| {
        let often = output["exactly_once"].as_bool().unwrap();
        (text(&output["component"]), often, text(&output["why"]))
    };
    outputs.map(output).collect()
}

/// Runs it to the end of the input, killed at each of the steps before.
fn killed_at_every_step(place: &Place, data: &str, stores: [&Store; 2], delivery: &str) {
    send(place, data, SHARES);
    let other = format!("--set=OTHER={}", stores[1].url());
    let delivery = format!("--set=DELIVERY={delivery}");
    let mut words = run(TOPOLOGY, data, &stores[0].url(), &[&other, &delivery]);
    for step in STEPS {
        let died = place.command(&words).env("SQUALL_DIE_AT", step).output().unwrap();
        assert_eq!(died.status.code(), None, "{step}: {}", String::from_utf8_lossy(&died.stderr));
    }
    words.push("--until-idle".to_owned());
    let _ = place.squall(&words).code(0);
}

#[test]
fn a_second_store_has_its_rows_at_least_once() {
    let place = Place::new();
    for (component, exactly_once, why) in promised(&place, "exactly_once") {
        let first = ["save", "add"].contains(&component.as_str());
        assert_eq!(exactly_once, first, "{component}: {why}");
        assert!(why.contains(if first { "one transaction" } else { "another store" }), "{why}");
    }
    let topology = project(TOPOLOGY).display().to_string();
    let set = ["--set=STORE=sqlite://one.db", "--set=OTHER=sqlite://other.db"];
    let said = place.squall(&["validate", &topology, set[0], set[1]]).code(0).out;
    assert!(
        said.contains("save: exactly once (") && said.contains("copy: at least once ("),
        "{said}"
    );

    for store in Store::all(&place) {
        let other = Store::Sqlite(place.path(&format!("beside-{}.db", store.kind())));
        let data = format!("data-{}", store.kind());
        killed_at_every_step(&place, &data, [&store, &other], "exactly_once");
        assert_exact(&store, SHARES);
        // What is set is right there, too; what is added up may be more, and never less.
        assert_set(&other, SHARES);
        let there = other.number("SELECT SUM(shares) FROM added");
        assert!(there >= SHARES, "{there} in the second store");
    }
}

#[test]
fn at_least_once_keeps_the_state_exact() {
    let place = Place::new();
    for (component, exactly_once, why) in promised(&place, "at_least_once") {
        assert!(!exactly_once, "{component}");
        assert!(why.contains("at_least_once") && why.contains("state folder"), "{why}");
    }
    for store in Store::all(&place) {
        let other = Store::Sqlite(place.path(&format!("beside-{}.db", store.kind())));
        let data = format!("data-{}", store.kind());
        killed_at_every_step(&place, &data, [&store, &other], "at_least_once");
        for store in [&store, &other] {
            assert_set(store, SHARES);
            let added = store.number("SELECT SUM(shares) FROM added");
            assert!(added >= SHARES, "{added} in {}", store.kind());
        }
    }
}
