//! A second terminal, while a topology runs in the first.

use squall_tests::{Place, Store, project, wait_until};

#[test]
fn queues_can_be_used_while_a_topology_runs() {
    let place = Place::new();
    let store = Store::sqlite(&place);
    let topology = project("tests/topologies/people.yaml").display().to_string();
    let set = format!("STORE={}", store.url());
    let mut first = place.start(&["run", topology.as_str(), "--set", set.as_str(), "--json"]);
    wait_until("the folder is served", || {
        assert!(first.is_alive(), "the first terminal ended");
        place.path("squall-data/squall.sock").exists()
    });

    let lines: String = (0..5_000)
        .map(|n| format!("{{\"restaurant\":\"r{}\",\"user\":\"u{n}\"}}\n", n % 7))
        .collect();
    place.write("shares.jsonl", lines);
    let sent = place.squall(&["send", "shares", "--create", "--file", "shares.jsonl", "--json"]);
    assert_eq!(sent.code(0).json()["sent"], 5_000);
    wait_until("the shares are in the table", || {
        store.number("SELECT COUNT(*) FROM people") == 5_000
    });

    let list = place.squall(&["queue", "list"]).code(0);
    assert!(list.out.contains("shares"), "{}", list.out);
    let stats = place.squall(&["queue", "stats", "shares"]).code(0);
    assert!(stats.out.contains("read by people"), "{}", stats.out);

    // A queue that nobody reads, so that its messages stay to be looked at.
    let _ = place.squall(&["queue", "create", "aside"]).code(0);
    place.write("aside.txt", "one\ntwo\n");
    let _ = place.squall(&["send", "aside", "--file", "aside.txt"]).code(0);
    let peeked = place.squall(&["queue", "peek", "aside"]).code(0);
    assert!(peeked.out.contains("one") && peeked.out.contains("two"), "{}", peeked.out);

    first.interrupt();
    let summary = first.end().code(0).json();
    assert_eq!(summary["acked"], 5_000, "{summary}");
}
