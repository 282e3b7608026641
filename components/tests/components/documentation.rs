//! Every example in a component's documentation is run, and gives what the documentation says.

use squall_framework::{Resources, Role};

use crate::harness::{Fixed, factory, run_bolt, run_spout};

/// The fenced blocks of a text, with their languages.
pub fn blocks(docs: &str) -> Vec<(String, String)> {
    let mut blocks = Vec::new();
    let mut lines = docs.lines();
    while let Some(line) = lines.next() {
        if let Some(language) = line.strip_prefix("```") {
            let body: Vec<_> = lines.by_ref().take_while(|line| *line != "```").collect();
            blocks.push((language.to_owned(), body.join("\n")));
        }
    }
    blocks
}

pub fn docs(role: Role, name: &str) -> Vec<(String, String)> {
    blocks(squall_components::registry().get(role, name).unwrap().documentation())
}

fn objects(lines: &str) -> Vec<serde_json::Value> {
    lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// Components that touch something outside have tests of their own, in `sinks`.
/// So do those that keep state, in `../bolts`.
const ELSEWHERE: [&str; 10] =
    ["sql", "file", "queue", "print", "dedupe", "join", "lookup", "top", "window", "shell"];

#[test]
fn examples_of_bolts_give_what_they_say() {
    let registry = squall_components::registry();
    let bolts = registry.all().filter(|component| component.role() == Role::Bolt);
    let mut run = 0;
    for bolt in bolts.filter(|bolt| !ELSEWHERE.contains(&bolt.name())) {
        let blocks = blocks(bolt.documentation());
        let [(_, yaml), (_, input), (_, output)] = blocks.as_slice() else {
            panic!("the documentation of `{}` has no configuration, input and output", bolt.name());
        };
        let ran = run_bolt(yaml, Fixed::from_json(input), true, Resources::default());
        assert_eq!(ran.rows, objects(output), "{}", bolt.name());
        assert!(ran.dead.is_empty(), "{}: {:?}", bolt.name(), ran.dead);
        run += 1;
    }
    assert_eq!(run, 15);
}

#[test]
fn every_component_is_documented_and_its_example_configures_it() {
    for component in squall_components::registry().all() {
        assert!(
            component.summary().ends_with('.') && component.summary().len() < 80,
            "{}",
            component.name()
        );
        let (language, yaml) = blocks(component.documentation()).swap_remove(0);
        assert_eq!(language, "yaml");
        if let Err(error) = factory(component.role(), &yaml) {
            panic!("{}: {error}", component.name());
        }
        let options = serde_json::to_value(component.options()).unwrap();
        for (name, option) in options["properties"].as_object().unwrap() {
            assert!(
                option["description"].is_string(),
                "option `{name}` of `{}` is not described",
                component.name()
            );
        }
    }
}

#[test]
fn lines_of_a_file() {
    let folder = tempfile::tempdir().unwrap();
    let blocks = docs(Role::Spout, "lines");
    let path = folder.path().join("input.txt");
    std::fs::write(&path, &blocks[1].1).unwrap();
    let yaml = blocks[0].1.replace("input.txt", path.to_str().unwrap());
    assert_eq!(run_spout(&yaml, Resources::default()).rows, objects(&blocks[2].1));
}

#[test]
fn lines_of_every_length_and_ending() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("input.txt");
    let long = "x".repeat(1 << 20);
    std::fs::write(&path, format!("a\r\n\n{long}\nlast").into_bytes()).unwrap();
    let ran =
        run_spout(&format!("{{ type: lines, path: {} }}", path.display()), Resources::default());
    let bodies: Vec<_> = ran.rows.iter().map(|row| row["body"].as_str().unwrap()).collect();
    assert_eq!(bodies, ["a", "", &long, "last"]);
    assert_eq!(ran.rows[3]["line"], 4);
}

#[test]
fn a_generator_makes_the_same_events_again() {
    let (_, yaml) = docs(Role::Spout, "generator").swap_remove(0);
    let once = run_spout(&yaml, Resources::default()).rows;
    assert_eq!(once.len(), 2);
    assert_eq!(once, run_spout(&yaml, Resources::default()).rows);
    assert!(once[0]["body"].as_str().unwrap().starts_with("1,"));
    for (shape, bolt) in [
        (
            "shares",
            "{ type: json, fields: { restaurant: string, user: string, via: string, at: timestamp } }",
        ),
        ("access_log", "{ type: access_log }"),
        (
            "rides",
            "{ type: csv, columns: [id, call, stand, taxi, at], fields: { stand: int?, at: timestamp } }",
        ),
    ] {
        let ran = run_spout(
            &format!("{{ type: generator, shape: {shape}, count: 300, rate: 100000 }}"),
            Resources::default(),
        );
        let lines: Vec<_> = ran.rows.iter().map(ToString::to_string).collect();
        let ran = run_bolt(bolt, Fixed::from_json(&lines.join("\n")), true, Resources::default());
        assert_eq!(ran.rows.len(), 300, "{shape}: {:?}", ran.dead.first());
    }
}
