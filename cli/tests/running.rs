//! How a run ends, and what it says.
#![allow(clippy::unwrap_used, clippy::panic)]

mod support;

use support::{Place, WORDS, until};

#[test]
fn input_becomes_rows_and_the_run_ends() {
    let place = Place::new();
    place.write("words.yaml", WORDS);
    place.write("lines", "{\"word\": \"noodle\"}\n{\"word\": \"tea\"}\n{\"word\": \"tea\"}\n");
    let arguments =
        ["run", "words.yaml", "--input", "words=lines", "--until-idle", "--json", "--threads", "1"];
    let summary = place.json(&arguments);
    assert_eq!(
        (&summary["outcome"], &summary["sent"], &summary["acked"]),
        (&"done".into(), &3.into(), &3.into())
    );
    assert_eq!((&summary["dead_letters"], &summary["unsettled"]), (&0.into(), &0.into()));
    assert_eq!(summary["components"][2]["executed"], 3);
    // A second run has nothing left to do.
    assert_eq!(place.json(&["run", "words.yaml", "--until-idle", "--json"])["messages"], 0);
}

#[test]
fn dead_letters_are_kept_told_and_sent_back() {
    let place = Place::new();
    place.write("words.yaml", WORDS);
    place.write("lines", "{\"word\": \"tea\"}\nnot json\n");
    let run = ["run", "words.yaml", "--input", "words=lines", "--until-idle"];
    let done = place.squall(&run);
    assert_eq!(done.code(), 3, "{}", done.stderr());
    assert!(done.stderr().contains("1 dead letter"), "{}", done.stderr());
    let letter = place.json(&["queue", "peek", "words.dead", "--json"]);
    assert_eq!(
        (&letter["body"], &letter["dead_letter"]["by"]),
        (&"not json".into(), &"parse".into())
    );
    assert_eq!(place.json(&["queue", "redrive", "words.dead", "--json"])["redriven"], 1);
    assert_eq!(place.json(&["queue", "stats", "words", "--json"])["active"], 1);
}

#[test]
fn dead_letters_of_other_spouts_go_to_a_queue_of_the_topology() {
    let place = Place::new();
    let words = WORDS.replace("type: queue, queue: words", "type: lines, path: lines");
    place.write("words.yaml", &words);
    place.write("lines", "not json\n");
    let done = place.squall(&["run", "words.yaml", "--until-idle"]);
    assert_eq!(done.code(), 3, "{}", done.all());
    let letter = place.json(&["queue", "peek", "words.dead", "--json"]);
    assert_eq!(letter["body"], r#"{"body":"not json","line":1}"#);
    assert!(letter["headers"].to_string().contains("[\"bolt\",\"parse\"]"), "{letter}");
    place.write("words.yaml", &format!("{words}dead_letters: {{ file: dead.json }}\n"));
    assert_eq!(place.squall(&["run", "words.yaml", "--until-idle"]).code(), 3);
    let kept = std::fs::read_to_string(place.path("dead.json")).unwrap();
    assert!(kept.contains("\"bolt\":\"parse\""), "{kept}");
}

const AWAY: &str = "STORE=mysql://squall:squall@127.0.0.1:1/words";

#[test]
fn a_store_that_is_away_ends_the_run_with_its_reason() {
    let place = Place::new();
    place.write("words.yaml", WORDS);
    place.write("lines", "{\"word\": \"tea\"}\n");
    let arguments = [
        "run",
        "words.yaml",
        "--input",
        "words=lines",
        "--until-idle",
        "--patience",
        "1s",
        "--set",
        AWAY,
    ];
    let done = place.squall(&arguments);
    assert_eq!(done.code(), 4, "{}", done.stderr());
    assert!(done.stderr().contains("127.0.0.1"), "{}", done.stderr());
    assert!(!done.stderr().contains("squall:squall"), "{}", done.stderr());
    // Nothing is lost: with a store that is there the message arrives.
    assert_eq!(place.json(&["run", "words.yaml", "--until-idle", "--json"])["acked"], 1);
}

#[test]
fn the_second_interrupt_ends_at_once() {
    let place = Place::new();
    place.write("words.yaml", WORDS);
    place.write("lines", "{\"word\": \"tea\"}\n");
    let mut running = place.start(&[
        "run",
        "words.yaml",
        "--input",
        "words=lines",
        "--drain",
        "5m",
        "--set",
        AWAY,
    ]);
    until("the message is under way", || {
        assert!(running.is_going());
        place.path("squall-data/squall.sock").exists()
            && place.json(&["queue", "stats", "words", "--json"])["inactive"] == 1
    });
    running.interrupt();
    // The first asks to drain, which cannot end here; the socket is still served meanwhile.
    until("the run takes the second interrupt", || {
        running.interrupt();
        !running.is_going()
    });
    assert_eq!(running.end().code(), 130);
}

#[test]
fn the_demo_agrees_with_its_generator() {
    let place = Place::new();
    let outcome = place.json(&["demo", "--seconds", "3", "--json"]);
    assert_eq!(outcome["agreement"]["agree"], true, "{outcome}");
    assert!(outcome["agreement"]["rows"].as_u64().unwrap() > 1000, "{outcome}");
    assert_eq!(outcome["summary"]["dead_letters"], 0);
}
