//! The examples in the documentation give what it says.

use squall_framework::{Kind, Role, Schema, Value};

use crate::harness::bolt;

/// The fenced blocks of a bolt's documentation, with their languages.
fn blocks(name: &str) -> Vec<(String, String)> {
    let registry = squall_components::registry();
    let docs = registry.get(Role::Bolt, name).unwrap().documentation().to_owned();
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

fn value(json: &serde_json::Value) -> Value {
    match json {
        serde_json::Value::Null => Value::Null,
        serde_json::Value::Number(number) => Value::Int(number.as_i64().unwrap()),
        serde_json::Value::String(text) => match chrono::DateTime::parse_from_rfc3339(text) {
            Ok(time) => Value::Timestamp(time.timestamp_micros()),
            Err(_) => Value::Text(text.clone()),
        },
        other => panic!("{other}"),
    }
}

/// The rows of a block, in the order of its first object's fields.
fn rows(lines: &str) -> (Schema, Vec<Vec<Value>>) {
    let objects: Vec<serde_json::Map<String, serde_json::Value>> =
        lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    // A map does not keep the order.
    let mut names: Vec<_> = objects[0].keys().cloned().collect();
    names.sort_by_key(|name| lines.find(&format!("\"{name}\":")));
    let kind = |name: &String| value(&objects[0][name]).as_ref().kind().unwrap_or(Kind::Any);
    let schema = Schema::new(names.iter().map(|name| (name.clone(), kind(name))));
    let rows = objects.iter().map(|row| names.iter().map(|name| value(&row[name])).collect());
    (schema, rows.collect())
}

fn check(name: &str, yaml: &str) {
    let blocks = blocks(name);
    let json: Vec<_> = blocks.iter().filter(|(language, _)| language == "json").collect();
    let (expected, given) = json.split_last().unwrap();
    let given: Vec<_> = given.iter().map(|(_, lines)| rows(lines)).collect();
    let options: serde_yaml::Value = serde_yaml::from_str(yaml).unwrap();
    let texts = |value: &serde_yaml::Value| -> Vec<String> {
        let items = value.as_sequence().into_iter().flatten();
        items.map(|item| item.as_str().unwrap().to_owned()).collect()
    };
    let inputs: Vec<(String, Vec<String>)> = match options["inputs"].as_sequence() {
        Some(inputs) => inputs
            .iter()
            .map(|input| (input["from"].as_str().unwrap().to_owned(), texts(&input["fields"])))
            .collect(),
        None => vec![("input".to_owned(), Vec::new())],
    };
    let keys: Vec<Vec<&str>> =
        inputs.iter().map(|(_, keys)| keys.iter().map(String::as_str).collect()).collect();
    let inputs: Vec<_> = inputs
        .iter()
        .zip(&keys)
        .zip(&given)
        .map(|(((from, _), keys), (schema, _))| (from.as_str(), schema.clone(), keys.as_slice()))
        .collect();
    let mut bolt = bolt(yaml, &inputs);
    for (input, (_, rows)) in given.iter().enumerate() {
        rows.iter().for_each(|row| bolt.execute(input, row).unwrap());
    }
    let (schema, expected) = rows(&expected.1);
    assert_eq!(bolt.commit_last().unwrap(), expected, "{name}");
    let declared = crate::harness::declare(yaml, &inputs).unwrap();
    assert_eq!(declared.names().collect::<Vec<_>>(), schema.names().collect::<Vec<_>>());
}

#[test]
fn examples_of_bolts_with_state() {
    for name in ["dedupe", "join", "top"] {
        check(name, &blocks(name)[0].1);
    }
}

#[test]
fn the_example_of_a_lookup() {
    let folder = tempfile::tempdir().unwrap();
    let blocks = blocks("lookup");
    let path = folder.path().join("cities.csv");
    std::fs::write(&path, &blocks[1].1).unwrap();
    check("lookup", &blocks[0].1.replace("cities.csv", path.to_str().unwrap()));
}
