//! The commands about queues, alone and beside a process that holds the folder.
#![allow(clippy::unwrap_used, clippy::panic)]

mod support;

use support::{Place, WORDS, until};

#[test]
fn messages_are_sent_seen_and_removed() {
    let place = Place::new();
    place.write("lines", "one\ntwo\r\n\nthree");
    assert_eq!(place.squall(&["queue", "create", "words", "--retention", "1h"]).code(), 0);
    let sent = place.json(&["send", "words", "--file", "lines", "--json"]);
    assert_eq!(sent["sent"], 3);
    let stats = place.json(&["queue", "stats", "words", "--json"]);
    assert_eq!(
        (&stats["active"], &stats["attributes"]["msgRetentionSeconds"]),
        (&3.into(), &3600.into())
    );
    let peeked = place.squall(&["queue", "peek", "words", "-n", "2", "--json"]).stdout();
    let bodies: Vec<serde_json::Value> =
        peeked.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(
        (bodies.len(), &bodies[0]["body"], &bodies[1]["body"]),
        (2, &"one".into(), &"two".into())
    );
    assert_eq!(place.json(&["queue", "list", "--json"]), serde_json::json!(["words"]));
    assert_eq!(place.json(&["queue", "purge", "words", "--json"])["purged"], 3);
    assert_eq!(place.squall(&["queue", "delete", "words"]).code(), 0);
    assert_eq!(place.json(&["queue", "list", "--json"]), serde_json::json!([]));
}

#[test]
fn a_queue_that_is_not_there_is_suggested() {
    let place = Place::new();
    place.write("lines", "one\n");
    place.squall(&["queue", "create", "words"]);
    let done = place.squall(&["send", "wrods", "--file", "lines"]);
    assert_eq!(done.code(), 1);
    assert!(done.stderr().contains("did you mean `words`?"), "{}", done.stderr());
    assert_eq!(place.squall(&["send", "others", "--create", "--file", "lines"]).code(), 0);
    assert_eq!(place.squall(&["queue", "create", "others", "--retention", "2h"]).code(), 1);
    assert_eq!(place.squall(&["queue", "set", "others", "--retention", "2h"]).code(), 0);
    assert_eq!(place.squall(&["queue", "set", "others", "--retention", "60d"]).code(), 1);
}

#[test]
fn a_line_that_is_too_long_is_named() {
    let place = Place::new();
    place.write("lines", &format!("short\n{}\n", "x".repeat(70_000)));
    let done = place.squall(&["send", "words", "--create", "--file", "lines"]);
    assert_eq!(done.code(), 1);
    assert!(done.stderr().contains("line 2 of lines"), "{}", done.stderr());
}

#[test]
fn a_second_terminal_works_while_a_topology_runs() {
    let place = Place::new();
    place.write("words.yaml", WORDS);
    place.write("lines", &"{\"word\": \"noodle\"}\n{\"word\": \"tea\"}\n".repeat(500));
    let mut running = place.start(&["run", "words.yaml", "--json"]);
    until("the run serves its folder", || {
        assert!(running.is_going());
        place.path("squall-data/squall.sock").exists()
    });
    assert_eq!(
        place.json(&["send", "words", "--create", "--file", "lines", "--json"])["sent"],
        1000
    );
    until("all is settled", || {
        let stats = place.json(&["queue", "stats", "words", "--json"]);
        assert_eq!(stats["groups"][0]["claimed_by"][0], "words");
        stats["active"] == 0 && stats["inactive"] == 0
    });
    let purged = place.squall(&["queue", "delete", "words"]);
    assert!(purged.stderr().contains("claimed by `words`"), "{}", purged.stderr());
    let second = place.squall(&["run", "words.yaml"]);
    assert_eq!(second.code(), 1);
    assert!(second.stderr().contains("in use"), "{}", second.stderr());
    running.interrupt();
    let done = running.end();
    assert_eq!(done.code(), 0, "{}", done.stderr());
    let summary: serde_json::Value = serde_json::from_str(&done.stdout()).unwrap();
    assert_eq!((&summary["outcome"], &summary["acked"]), (&"stopped".into(), &1000.into()));
    assert!(!place.path("squall-data/squall.sock").exists());
}

#[test]
fn a_socket_that_was_left_behind_is_no_obstacle() {
    let place = Place::new();
    place.squall(&["queue", "create", "words"]);
    drop(std::os::unix::net::UnixListener::bind(place.path("squall-data/squall.sock")).unwrap());
    assert_eq!(place.json(&["queue", "list", "--json"]), serde_json::json!(["words"]));
}

#[test]
fn a_data_folder_may_lie_deep() {
    let place = Place::new();
    let deep = place.path(&"deep".repeat(30)).join("data");
    let deep = deep.to_str().unwrap();
    assert_eq!(place.squall(&["queue", "create", "words", "--data", deep]).code(), 0);
    place.write("words.yaml", WORDS);
    let running = place.start(&["run", "words.yaml", "--data", deep]);
    until("the run serves its folder", || {
        let stats = place.squall(&["queue", "stats", "words", "--data", deep, "--json"]);
        stats.stdout().contains("claimed_by\":[")
    });
    running.interrupt();
    assert_eq!(running.end().code(), 0);
}
