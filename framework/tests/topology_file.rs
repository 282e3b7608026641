//! What a correct topology file becomes.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use std::time::Duration;

use squall_config::Variables;
use squall_framework::{
    AnyConfig, ComponentType, CustomGrouping, DeadLetterTarget, Entrance, Grouping, Registry,
    Settings, TopologyFile, Value, ValueRef, start,
    testing::{Discard, Numbers},
};

const SHARES: &str = r#"
name: shares
description: how often each restaurant is shared
config: { threads: 4, message_timeout: 10s, max_attempts: 3, edge_bytes: 64KiB, acks: false }
spouts:
  - { id: shares, type: queue, queue: shares }
bolts:
  - { id: save, type: sql, inputs: [counts], store: "${STORE}", table: shares, keys: [restaurant] }
  - id: counts
    type: count
    inputs: [{ from: parse, grouping: fields, fields: [restaurant] }]
    parallelism: 3
    blocking: true
    tick: 1m
    group_by: [restaurant]
  - { id: parse, type: json, inputs: [shares], fields: { restaurant: string, user: string } }
  - { id: bad, type: queue, inputs: [{ from: parse, stream: errors, grouping: all }], queue: bad }
dead_letters: { queue: shares-dead }
tests:
  - name: two shares of one restaurant
    input: { shares: [{ body: "a" }, { body: "b" }] }
    expect: { counts: [{ restaurant: a, count: 2 }], save: [{ restaurant: a }] }
"#;

fn file() -> TopologyFile {
    let variables = Variables::new().with("STORE", "sqlite://results.db");
    TopologyFile::parse("shares.yaml", SHARES, &variables, &support::registry())
        .unwrap_or_else(|mistakes| panic!("{mistakes}"))
}

#[test]
fn components_come_behind_what_they_read() {
    let topology = file().topology;
    let ids: Vec<_> = topology.components().iter().map(|c| c.id.as_str()).collect();
    assert_eq!(ids, ["shares", "parse", "counts", "bad", "save"]);
    let counts = topology.component("counts").unwrap();
    assert_eq!((counts.parallelism, counts.blocking), (3, true));
    assert_eq!(counts.tick, Some(Duration::from_secs(60)));
    assert!(matches!(&counts.sources()[0].grouping, Grouping::Fields(f) if f == &["restaurant"]));
    let fields: Vec<_> = counts.streams.all()[0].schema.names().collect();
    assert_eq!(fields, ["restaurant", "count"]);
    assert_eq!(topology.component("bad").unwrap().sources()[0].stream, "errors");
}

#[test]
fn settings_dead_letters_and_tests_are_read() {
    let file = file();
    let settings = file.topology.settings();
    assert_eq!((settings.threads, settings.acks, settings.edge_bytes), (4, false, 65_536));
    assert_eq!(settings.message_timeout, Duration::from_secs(10));
    assert_eq!((settings.retry.max_attempts, settings.max_pending), (3, 100_000));
    assert_eq!(file.dead_letters, Some(DeadLetterTarget::Queue("shares-dead".into())));
    let test = &file.tests[0];
    assert_eq!((test.name.as_str(), test.place.line()), ("two shares of one restaurant", 20));
    assert_eq!(test.input[0].to, Entrance::Spout { id: "shares".into(), stream: 0 });
    assert_eq!(test.input[0].tuples[1], (Duration::ZERO, vec![Value::Text("b".into())]));
    assert_eq!(test.expect[0].tuples[0][1], ("count".into(), Value::Int(2)));
    assert_eq!(file.description.as_deref(), Some("how often each restaurant is shared"));
    assert!(file.warnings.is_empty());
}

#[test]
fn drawings() {
    let topology = file().topology;
    insta::assert_snapshot!("drawing", topology.drawing());
    insta::assert_snapshot!("dot", topology.dot());
}

const EVERY_KEY: &str = include_str!("../../config/topology.yaml");

#[test]
fn the_explained_file_is_correct_and_has_every_key_with_its_default() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../config/topology.yaml");
    let file = TopologyFile::load(path, &Variables::new(), &support::registry())
        .unwrap_or_else(|mistakes| panic!("{mistakes}"));
    assert!(file.warnings.is_empty());
    let explained = format!("{:?}", file.topology.settings());
    assert_eq!(explained, format!("{:?}", Settings::default()));
    let written: serde_yaml::Value = serde_yaml::from_str(EVERY_KEY).unwrap();
    let schema = support::registry().schema();
    for (path, keys) in [("", &schema), ("config", &schema["$defs"]["Config"])] {
        for key in keys["properties"].as_object().unwrap().keys() {
            let map = if path.is_empty() { &written } else { &written[path] };
            assert!(map.get(key).is_some(), "`{path}` lacks `{key}`");
        }
    }
    for key in schema["$defs"]["Test"]["properties"].as_object().unwrap().keys() {
        let tests = written["tests"].as_sequence().unwrap();
        assert!(tests.iter().any(|test| test.get(key).is_some()), "no test has `{key}`");
    }
    let bolt = schema["$defs"]["bolt-sql"]["properties"].as_object().unwrap();
    for key in bolt.keys() {
        assert!(written["bolts"][1].get(key).is_some(), "the bolt lacks `{key}`");
    }
}

#[test]
fn what_was_read_can_be_run() {
    let mut registry = Registry::default();
    registry.add(ComponentType::spout("numbers", |_: &AnyConfig| Ok(Numbers::up_to(5_000))));
    registry.add(ComponentType::bolt("discard", |_: &AnyConfig| Ok(Discard)));
    let text = "
name: run
config: { threads: 2 }
spouts: [{ id: numbers, type: numbers }]
bolts:
  - { id: by-number, type: discard, parallelism: 3, inputs: [{ from: numbers, grouping: fields, fields: [number] }] }
  - { id: each, type: discard, parallelism: 2, inputs: [{ from: numbers, grouping: all }] }
";
    let file = TopologyFile::parse("run.yaml", text, &Variables::new(), &registry)
        .unwrap_or_else(|mistakes| panic!("{mistakes}"));
    let running = start(file.topology, Default::default()).unwrap();
    assert!(running.wait_idle(Duration::from_secs(30)));
    let snapshot = running.snapshot();
    assert_eq!(snapshot.component("by-number").unwrap().executed, 5_000);
    assert_eq!(snapshot.component("each").unwrap().executed, 10_000);
    running.stop();
}

#[test]
fn the_schema_knows_every_type_and_its_options() {
    let schema = support::registry().schema();
    let count = &schema["$defs"]["bolt-count"];
    for key in ["id", "type", "inputs", "parallelism", "tick", "group_by", "every", "mode"] {
        assert!(!count["properties"][key].is_null(), "{key}");
    }
    let required: Vec<_> = count["required"].as_array().unwrap().iter().collect();
    assert_eq!(required, ["group_by", "id", "type", "inputs"]);
    assert!(schema["$defs"]["spout-lines"]["properties"]["inputs"].is_null());
    assert_eq!(schema["properties"]["spouts"]["items"]["anyOf"][0]["$ref"], "#/$defs/spout-lines");
    assert_eq!(count["properties"]["mode"]["$ref"], "#/$defs/bolt-count.Mode");
    // Every reference leads somewhere.
    let text = schema.to_string();
    for reference in text.split("\"$ref\":\"#/$defs/").skip(1) {
        let name = reference.split('"').next().unwrap();
        assert!(!schema["$defs"][name].is_null(), "{name}");
    }
}

#[test]
fn a_topology_can_be_put_together_from_several_files() {
    let folder = tempfile::tempdir().unwrap();
    let (spouts, bolts) = SHARES.split_once("bolts:").unwrap();
    std::fs::write(folder.path().join("spouts.yaml"), spouts).unwrap();
    let main = format!("include: spouts.yaml\nname: joined\nbolts:{bolts}");
    std::fs::write(folder.path().join("main.yaml"), main).unwrap();
    let variables = Variables::new().with("STORE", "sqlite://results.db");
    let file =
        TopologyFile::load(folder.path().join("main.yaml"), &variables, &support::registry())
            .unwrap_or_else(|mistakes| panic!("{mistakes}"));
    assert_eq!(file.topology.name(), "joined");
    assert_eq!(file.topology.settings().threads, 4);
    assert_eq!((file.topology.components().len(), file.files.len()), (5, 2));
}

#[test]
fn an_input_may_name_a_grouping_that_was_added() {
    let mut registry = Registry::default();
    registry.add(ComponentType::spout("numbers", |_: &AnyConfig| Ok(Numbers::up_to(10))));
    registry.add(ComponentType::bolt("discard", |_: &AnyConfig| Ok(Discard)));
    registry.add_grouping(CustomGrouping::new("by_parity", |row, _| match row[0] {
        ValueRef::Int(number) => number as usize % 2,
        _ => 0,
    }));
    let text = |grouping: &str| {
        format!(
            "name: t\nspouts: [{{ id: n, type: numbers }}]\nbolts:\n  - {{ id: d, type: discard, \
             parallelism: 2, inputs: [{{ from: n, grouping: {grouping} }}] }}\n"
        )
    };
    let read = |text: &str| TopologyFile::parse("t.yaml", text, &Variables::new(), &registry);
    let file = read(&text("by_parity")).ok().unwrap();
    let grouping = &file.topology.components()[1].sources()[0].grouping;
    assert_eq!(grouping.name(), "by_parity");
    let mistakes = read(&text("by_party")).err().unwrap().to_string();
    assert!(mistakes.contains("by_party"), "{mistakes}");
}
