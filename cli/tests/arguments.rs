//! Help, mistakes in arguments and files, and what needs no queue.
#![allow(clippy::unwrap_used, clippy::panic)]

mod support;

use support::{Place, WORDS};

#[test]
fn help_names_the_commands_and_the_exit_codes() {
    let help = Place::new().squall(&["--help"]);
    assert_eq!(help.code(), 0);
    insta::assert_snapshot!(help.stdout());
}

#[test]
fn every_command_has_help() {
    let place = Place::new();
    let commands = [
        "demo",
        "run",
        "validate",
        "test",
        "components",
        "graph",
        "schema",
        "send",
        "queue",
        "queue list",
        "queue create",
        "queue stats",
        "queue peek",
        "queue purge",
        "queue redrive",
        "queue rewind",
        "queue delete",
        "queue set",
        "bench engine",
        "bench queue",
        "bench pipeline",
        "completions",
    ];
    for command in commands {
        let mut arguments: Vec<_> = command.split(' ').collect();
        arguments.push("--help");
        let help = place.squall(&arguments);
        assert_eq!((help.code(), help.stderr().as_str()), (0, ""), "{command}");
    }
}

#[test]
fn mistakes_in_arguments_say_what_to_do() {
    let place = Place::new();
    place.write("words.yaml", WORDS);
    let mut all = String::new();
    let wrong: &[&[&str]] = &[
        &["rnu"],
        &["run"],
        &["run", "words.yaml", "--input", "words"],
        &["run", "words.yaml", "--input", "wrods=x"],
        &["run", "words.yaml", "--set", "STORE"],
        &["run", "missing.yaml"],
        &["test"],
        &["components", "jsno"],
        &["send", "words"],
        &["queue", "stats", "words"],
        &["queue", "create", "no blanks"],
        &["queue", "rewind", "words", "--from", "yesterday"],
        &["demo", "--seconds", "0"],
    ];
    for arguments in wrong {
        let done = place.squall(arguments);
        assert_ne!(done.code(), 0);
        all.push_str(&format!("$ squall {}\n{}\n", arguments.join(" "), done.all()));
    }
    insta::assert_snapshot!(all);
}

#[test]
fn validate_tells_all_mistakes_at_once() {
    let place = Place::new();
    place.write("words.yaml", WORDS);
    place.write(
        "wrong.yaml",
        &WORDS.replace("[parse]", "[prase]").replace("type: json", "type: jsn"),
    );
    let done = place.squall(&["validate", "words.yaml", "wrong.yaml"]);
    assert_eq!(done.code(), 2);
    insta::assert_snapshot!(done.all());
    let done = place.squall(&["validate", "--json", "words.yaml", "wrong.yaml"]);
    let results: serde_json::Value = serde_json::from_str(&done.stdout()).unwrap();
    assert_eq!(
        (done.code(), &results[0]["valid"], &results[1]["valid"]),
        (2, &true.into(), &false.into())
    );
    assert_eq!(results[1]["mistakes"][0]["line"], 7);
    assert_eq!(place.squall(&["run", "wrong.yaml"]).code(), 2);
    assert!(!place.path("squall-data").exists(), "a wrong topology leaves nothing behind");
}

#[test]
fn a_topology_is_drawn() {
    let place = Place::new();
    place.write("words.yaml", WORDS);
    insta::assert_snapshot!(place.squall(&["graph", "words.yaml"]).stdout());
    assert!(place.squall(&["graph", "--dot", "words.yaml"]).stdout().starts_with("digraph"));
}

#[test]
fn components_are_listed_and_explained() {
    let place = Place::new();
    let list = place.squall(&["components"]).stdout();
    assert!(list.contains("json") && list.contains("sql"));
    insta::assert_snapshot!(place.squall(&["components", "split"]).stdout());
    // A spout and a bolt share this name.
    let both = place.json(&["components", "queue", "--json"]);
    assert_eq!((&both[0]["role"], &both[1]["role"]), (&"spout".into(), &"bolt".into()));
    assert_eq!(both[0]["options"]["required"][0], "queue");
    let docs = place.squall(&["docs"]).stdout();
    assert!(docs.contains("### bolt sql\n"));
}

#[test]
fn shells_and_editors_get_what_they_need() {
    let place = Place::new();
    assert!(place.squall(&["completions", "bash"]).stdout().contains("complete"));
    assert!(place.json(&["schema"])["$defs"]["bolt-json"].is_object());
}
