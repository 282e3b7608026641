//! The process is killed at moments it cannot choose, and started again.

use std::{
    collections::BTreeSet,
    time::{Duration, Instant},
};

use squall_tests::{Place, Store, project, wait_until};

/// How often it is killed.
fn rounds() -> usize {
    if std::env::var_os("SQUALL_SOAK").is_some() { 100 } else { 8 }
}

#[test]
fn nothing_that_was_confirmed_is_lost_by_a_kill() {
    let place = Place::new();
    let store = Store::sqlite(&place);
    let topology = project("tests/topologies/people.yaml").display().to_string();
    let set = format!("STORE={}", store.url());
    let run = ["run", topology.as_str(), "--set", set.as_str(), "--json"];
    let mut expected = BTreeSet::new();
    let mut confirmed = 0;

    for round in 0..rounds() {
        let mut lines = String::new();
        for n in 0..2_000 {
            let (restaurant, user) = (format!("r{}", n % 50), format!("u{round}-{n}"));
            lines += &format!("{{\"restaurant\":\"{restaurant}\",\"user\":\"{user}\"}}\n");
            expected.insert((restaurant, user));
        }
        place.write("shares.jsonl", lines);
        let mut running = place.start(&run);
        let sender = place.start(&["send", "shares", "--create", "--file", "shares.jsonl"]);
        // Sometimes while it is starting, sometimes while it sends, sometimes while it writes.
        let until = Instant::now() + Duration::from_millis(fastrand::u64(0..400));
        wait_until("the moment to kill", || Instant::now() >= until || !running.is_alive());
        running.kill();
        let killed = running.end();
        // The sender may have the folder itself, if it was faster; then the first one ends with
        // an error of its own.
        assert!(killed.code.is_none_or(|code| code == 1), "{}", killed.err);
        if sender.end().code == Some(0) {
            confirmed += 1;
        } else {
            // Not confirmed, so it has to be sent again; what did arrive is there twice now, which
            // changes nothing in a table with one row per person.
            let again = place.squall(&["send", "shares", "--create", "--file", "shares.jsonl"]);
            let _ = again.code(0);
        }
    }

    let mut last = run.to_vec();
    last.push("--until-idle");
    let _ = place.squall(&last).code(0);
    let found: BTreeSet<_> = store
        .rows("SELECT restaurant, user FROM people")
        .into_iter()
        .map(|row| (row[0].clone(), row[1].clone()))
        .collect();
    assert_eq!(found.len(), expected.len(), "{confirmed} batches were confirmed at once");
    assert_eq!(found, expected);

    // What is settled does not come back.
    let summary = place.squall(&last).code(0).json();
    assert_eq!(summary["messages"], 0, "{summary}");
}
