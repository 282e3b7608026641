//! The example in the documentation gives what it says.

use std::collections::BTreeMap;

use squall_framework::{Kind, Role, Schema, Value};

use crate::table::harness;

fn blocks() -> Vec<String> {
    let registry = squall_components::registry();
    let docs = registry.get(Role::Bolt, "window").unwrap().documentation();
    docs.split("```")
        .skip(1)
        .step_by(2)
        .map(|block| block.split_once('\n').unwrap().1.to_owned())
        .collect()
}

fn value(json: &serde_json::Value) -> Value {
    match json.as_str() {
        Some(text) => match chrono::DateTime::parse_from_rfc3339(text) {
            Ok(time) => Value::Timestamp(time.timestamp_micros()),
            Err(_) => Value::Text(text.to_owned()),
        },
        None => Value::Int(json.as_i64().unwrap()),
    }
}

fn objects(lines: &str) -> Vec<BTreeMap<String, Value>> {
    let object = |line| serde_json::from_str::<BTreeMap<String, serde_json::Value>>(line).unwrap();
    let lines = lines.lines().map(object);
    lines
        .map(|object| object.iter().map(|(name, json)| (name.clone(), value(json))).collect())
        .collect()
}

#[test]
fn the_example_gives_what_it_says() {
    let [yaml, input, output] = &blocks()[..3] else { panic!() };
    let mut options: serde_yaml::Mapping = serde_yaml::from_str(yaml).unwrap();
    for not_its_own in ["id", "type", "inputs"] {
        options.remove(not_its_own);
    }
    let schema =
        Schema::new([("restaurant", Kind::Text), ("user", Kind::Text), ("at", Kind::Timestamp)]);
    let yaml = serde_yaml::to_string(&options).unwrap();
    let mut bolt = harness(&yaml, &schema, &["restaurant"]);
    for object in objects(input) {
        let row: Vec<_> = schema.names().map(|name| object[name].clone()).collect();
        bolt.execute(0, &row).unwrap();
    }
    let names = ["window_start", "window_end", "restaurant", "people", "shares"];
    let mut rows = bolt.commit_last().unwrap();
    rows.sort_by_key(|row| format!("{row:?}"));
    let found: Vec<BTreeMap<_, _>> = rows
        .into_iter()
        .map(|row| names.map(str::to_owned).into_iter().zip(row).collect())
        .collect();
    assert_eq!(found, objects(output));
}
