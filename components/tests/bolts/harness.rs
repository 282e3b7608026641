//! Bolts from YAML, and a run through commits and crashes.

use squall_framework::{
    BoltFactory, Factory, Inputs, Kind, Problem, Role, Schema, Value,
    testing::{BoltHarness, HarnessInput},
};

pub fn factory(yaml: &str) -> BoltFactory {
    let mut options: serde_yaml::Mapping = serde_yaml::from_str(yaml).unwrap();
    let kind = options.remove("type").unwrap();
    options.remove("inputs");
    let registry = squall_components::registry();
    let component = registry.get(Role::Bolt, kind.as_str().unwrap()).unwrap();
    match component.configure(&options.into()).unwrap_or_else(|error| panic!("{error}")) {
        Factory::Bolt(factory) => factory,
        Factory::Spout(_) => panic!("not a bolt"),
    }
}

pub fn bolt(yaml: &str, inputs: &[HarnessInput<'_>]) -> BoltHarness {
    BoltHarness::of(factory(yaml), inputs).unwrap_or_else(|error| panic!("{error}"))
}

/// The bolt with this much memory for its state.
pub fn bolt_within(memory: usize, yaml: &str, inputs: &[HarnessInput<'_>]) -> BoltHarness {
    bolt(yaml, inputs).with_memory(memory).unwrap_or_else(|error| panic!("{error}"))
}

pub fn schema(fields: &[(&str, Kind)]) -> Schema {
    Schema::new(fields.iter().copied())
}

/// What a bolt finds wrong with its options and inputs; the schema of what it emits if nothing.
pub fn declare(yaml: &str, inputs: &[HarnessInput<'_>]) -> Result<Schema, Vec<String>> {
    let inputs = inputs.iter().map(|(from, schema, keys)| squall_framework::Input {
        from: (*from).into(),
        stream: "default".into(),
        schema: schema.clone(),
        keys: (*keys != ["shuffled"]).then(|| keys.iter().map(|k| (*k).to_owned()).collect()),
    });
    let bolt = factory(yaml)().unwrap();
    match bolt.declare(&Inputs::new(inputs.collect())) {
        Ok(streams) => Ok(streams.all()[0].schema.clone()),
        Err(problem) => {
            let mut found = Vec::new();
            flatten(&problem, &mut found);
            Err(found)
        }
    }
}

fn flatten(problem: &Problem, found: &mut Vec<String>) {
    let at = problem.option.as_deref().unwrap_or_default();
    let help = problem.help.as_deref().unwrap_or_default();
    found.push(format!("{at}: {} ({help})", problem.message));
    problem.more.iter().for_each(|problem| flatten(problem, found));
}

pub fn text(text: &str) -> Value {
    Value::Text(text.into())
}

/// A run of a bolt that may crash: rows that were not committed are given again.
pub struct Run {
    pub bolt: BoltHarness,
    given: Vec<(usize, Vec<Value>)>,
}

impl Run {
    pub fn new(bolt: BoltHarness) -> Self {
        Self { bolt, given: Vec::new() }
    }

    pub fn give(&mut self, input: usize, row: Vec<Value>) {
        self.bolt.execute(input, &row).unwrap_or_else(|error| panic!("{error}"));
        self.given.push((input, row));
    }

    pub fn commit(&mut self, last: bool) -> Vec<Vec<Value>> {
        self.given.clear();
        let rows = if last { self.bolt.commit_last() } else { self.bolt.commit() };
        rows.unwrap_or_else(|error| panic!("{error}"))
    }

    /// A crash, after which the rows since the last commit come again.
    pub fn crash(&mut self) {
        self.bolt.restart().unwrap_or_else(|error| panic!("{error}"));
        for (input, row) in &self.given {
            self.bolt.execute(*input, row).unwrap_or_else(|error| panic!("{error}"));
        }
    }
}
