//! Component types that only declare: enough to check topologies with.
#![allow(dead_code)]

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;
use squall_config::{ByteSize, TimeSpan};
use squall_framework::{
    AnyConfig, Bolt, ComponentType, Inputs, Kind, Next, Output, Problem, Registry, Result, Schema,
    Spout, SpoutOutput, Streams, Tuple,
};

/// A spout that emits nothing of these fields.
struct Silent(Streams);

impl Spout for Silent {
    fn declare(&self) -> Result<Streams, Problem> {
        Ok(self.0.clone())
    }

    fn next(&mut self, _: &mut SpoutOutput) -> Result<Next> {
        Ok(Next::Done)
    }
}

/// A bolt that does nothing but declare.
struct Declares<F>(F);

impl<F: Fn(&Inputs) -> Result<Streams, Problem> + 'static> Bolt for Declares<F> {
    fn declare(&self, inputs: &Inputs) -> Result<Streams, Problem> {
        (self.0)(inputs)
    }

    fn execute(&mut self, _: &Tuple<'_>, _: &mut Output) -> Result<()> {
        Ok(())
    }
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Queue {
    queue: String,
    prefetch: Option<u32>,
    max_bytes: Option<ByteSize>,
}

/// Takes unknown keys in silence, as far as serde goes.
#[derive(Deserialize, JsonSchema)]
struct Lines {
    path: String,
    #[serde(default)]
    follow: bool,
}

#[derive(Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Json {
    fields: BTreeMap<String, Kind>,
}

#[derive(Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Count {
    group_by: Vec<String>,
    every: Option<TimeSpan>,
    #[serde(default)]
    mode: Mode,
}

#[derive(Clone, Copy, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum Mode {
    #[default]
    Running,
    PerBatch,
}

#[derive(Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Sql {
    store: String,
    table: String,
    keys: Vec<String>,
}

fn declares<F: Fn(&Inputs) -> Result<Streams, Problem> + 'static>(f: F) -> Declares<F> {
    Declares(f)
}

fn count(options: Count) -> impl Fn(&Inputs) -> Result<Streams, Problem> {
    move |inputs| {
        let mut fields = Vec::new();
        let mut problems = Vec::new();
        for (position, field) in options.group_by.iter().enumerate() {
            match inputs.require(field) {
                Ok(field) => fields.push((field.name.clone(), field.kind)),
                Err(problem) => problems.push(problem.at(format!("group_by.{position}"))),
            }
        }
        Problem::all(problems)?;
        fields.push(("count".to_owned(), Kind::Int));
        Ok(Streams::one(Schema::new(fields)))
    }
}

fn sql(options: Sql) -> impl Fn(&Inputs) -> Result<Streams, Problem> {
    move |inputs| {
        if !options.store.starts_with("sqlite:") && !options.store.starts_with("mysql:") {
            let message = format!("cannot tell the kind of the store `{}`", options.store);
            return Err(Problem::new(message).at("store").help("begin with sqlite:// or mysql://"));
        }
        // Without a path to the option, as a lazy component would.
        for key in &options.keys {
            inputs.require(key)?;
        }
        Ok(Streams::none())
    }
}

/// Spouts `queue` and `lines`; bolts `json`, `count`, `sql`, `queue` and `free`.
pub(crate) fn registry() -> Registry {
    let text = |name: &str| Streams::one(Schema::new([(name, Kind::Text)]));
    let mut registry = Registry::default();
    registry.add(ComponentType::spout("queue", move |_: &Queue| Ok(Silent(text("body")))));
    registry.add(ComponentType::spout("lines", |_: &Lines| {
        let fields = Schema::new([("body", Kind::Text), ("line", Kind::Int)]);
        Ok(Silent(Streams::one(fields)))
    }));
    registry.add(ComponentType::bolt("json", |options: &Json| {
        let fields: Vec<_> = options.fields.clone().into_iter().collect();
        Ok(declares(move |_| {
            let errors = Schema::new([("body", Kind::Text), ("reason", Kind::Text)]);
            Ok(Streams::one(Schema::new(fields.clone())).and("errors", errors))
        }))
    }));
    registry.add(ComponentType::bolt("count", |o: &Count| Ok(declares(count(o.clone())))));
    registry.add(ComponentType::bolt("sql", |o: &Sql| Ok(declares(sql(o.clone())))));
    registry.add(ComponentType::bolt("queue", |_: &Queue| Ok(declares(|_| Ok(Streams::none())))));
    registry
        .add(ComponentType::bolt("free", |_: &AnyConfig| Ok(declares(|_| Ok(Streams::none())))));
    registry
}
