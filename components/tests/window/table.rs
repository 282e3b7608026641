//! Runs the bolt and keeps what it emits as a table would.

use std::collections::BTreeMap;

use squall_framework::{
    BoltFactory, Factory, Inputs, Kind, Problem, Role, Schema, Value, testing::BoltHarness,
};

/// The bolt with these options.
pub fn factory(yaml: &str) -> BoltFactory {
    let options: serde_yaml::Value = serde_yaml::from_str(yaml).unwrap();
    let registry = squall_components::registry();
    let component = registry.get(Role::Bolt, "window").unwrap();
    match component.configure(&options) {
        Ok(Factory::Bolt(factory)) => factory,
        Ok(Factory::Spout(_)) => panic!("a spout"),
        Err(error) => panic!("{}: {}", error.path, error.message),
    }
}

/// The bolt, with one input that is grouped by `keys`.
pub fn harness(yaml: &str, schema: &Schema, keys: &[&str]) -> BoltHarness {
    BoltHarness::of(factory(yaml), &[("input", schema.clone(), keys)]).unwrap()
}

/// What the bolt finds wrong, each with where and what to do.
pub fn problems(yaml: &str, inputs: &Inputs) -> Vec<String> {
    let Err(problem) = factory(yaml)().unwrap().declare(inputs) else { return Vec::new() };
    let mut found = Vec::new();
    flatten(&problem, &mut found);
    found
}

fn flatten(problem: &Problem, found: &mut Vec<String>) {
    let (at, help) = (problem.option.as_deref(), problem.help.as_deref());
    let text =
        format!("{}: {} ({})", at.unwrap_or_default(), problem.message, help.unwrap_or_default());
    found.push(text);
    problem.more.iter().for_each(|problem| flatten(problem, found));
}

/// The names and kinds of what the bolt emits.
pub fn output(yaml: &str, inputs: &Inputs) -> Vec<(String, Kind)> {
    let streams = factory(yaml)().unwrap().declare(inputs).unwrap();
    let fields = streams.get("default").unwrap().schema.fields().to_vec();
    fields.into_iter().map(|field| (field.name, field.kind)).collect()
}

/// Rows by key, each as it was written last.
#[derive(Debug, Default)]
pub struct Table {
    /// The columns that are the key.
    keys: Vec<usize>,
    pub rows: BTreeMap<String, Vec<Value>>,
    pub late: Vec<Vec<Value>>,
}

impl Table {
    pub fn new(keys: impl IntoIterator<Item = usize>) -> Self {
        Self { keys: keys.into_iter().collect(), ..Self::default() }
    }

    /// Writes what was emitted; gives the keys in the order in which they were.
    pub fn write(&mut self, emitted: Vec<(String, Vec<Value>)>) -> Vec<String> {
        let mut written = Vec::new();
        for (stream, row) in emitted {
            if stream == "late" {
                self.late.push(row);
                continue;
            }
            let key = self.keys.iter().map(|column| row[*column].clone()).collect::<Vec<_>>();
            let key = format!("{key:?}");
            written.push(key.clone());
            self.rows.insert(key, row);
        }
        written
    }
}
