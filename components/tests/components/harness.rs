//! Runs one component between a source of given tuples and a bolt that writes down what comes.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use squall_framework::{
    Bolt, DeadLetter, DeadLetters, Factory, Grouping, Kind, Lent, Next, Output, Problem, Resources,
    Result, Role, Schema, Source, Spout, SpoutOutput, Streams, Topology, Tuple, Value, ValueRef,
    start,
};

/// What came of a run.
#[derive(Debug, Default)]
pub struct Ran {
    /// The tuples that were emitted, as JSON objects in the order of their arrival.
    pub rows: Vec<serde_json::Value>,
    /// The reasons of those that failed for good.
    pub dead: Vec<String>,
}

/// Emits the same tuples in every run.
pub struct Fixed {
    schema: Schema,
    rows: Vec<Vec<Value>>,
    next: usize,
}

impl Fixed {
    /// Tuples from JSON objects, a line each; a text that is a time by RFC 3339 becomes one.
    pub fn from_json(lines: &str) -> Self {
        let objects: Vec<serde_json::Map<String, serde_json::Value>> =
            lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        let fields: Vec<_> = objects[0]
            .keys()
            .map(|name| {
                let kind = objects.iter().find_map(|row| value(&row[name]).as_ref().kind());
                (name.clone(), kind.unwrap_or(Kind::Any))
            })
            .collect();
        let rows = objects
            .iter()
            .map(|row| fields.iter().map(|(name, _)| value(&row[name])).collect())
            .collect();
        Self { schema: Schema::new(fields), rows, next: 0 }
    }
}

fn value(json: &serde_json::Value) -> Value {
    match json {
        serde_json::Value::Null => Value::Null,
        serde_json::Value::Bool(value) => Value::Bool(*value),
        serde_json::Value::Number(number) => match number.as_i64() {
            Some(int) => Value::Int(int),
            None => Value::Float(number.as_f64().unwrap()),
        },
        serde_json::Value::String(text) => match chrono::DateTime::parse_from_rfc3339(text) {
            Ok(time) => Value::Timestamp(time.timestamp_micros()),
            Err(_) => Value::Text(text.clone()),
        },
        tree => Value::Json(tree.to_string()),
    }
}

impl Spout for Fixed {
    fn declare(&self) -> Result<Streams, Problem> {
        Ok(Streams::one(self.schema.clone()))
    }

    fn next(&mut self, out: &mut SpoutOutput) -> Result<Next> {
        while self.next < self.rows.len() {
            if out.room() == 0 {
                return Ok(Next::More);
            }
            out.emit(self.next as u64, &self.rows[self.next][..])?;
            self.next += 1;
        }
        Ok(Next::Done)
    }
}

struct Collect(Arc<Mutex<Vec<serde_json::Value>>>);

impl Bolt for Collect {
    fn execute(&mut self, tuple: &Tuple<'_>, _: &mut Output) -> Result<()> {
        let fields = tuple.schema().names().map(str::to_owned);
        self.0.lock().unwrap().push(fields.zip(tuple.values().map(json)).collect());
        Ok(())
    }
}

fn json(value: ValueRef<'_>) -> serde_json::Value {
    match value {
        ValueRef::Null => serde_json::Value::Null,
        ValueRef::Bool(value) => value.into(),
        ValueRef::Int(number) => number.into(),
        ValueRef::Float(number) => number.into(),
        ValueRef::Timestamp(micros) => {
            let time = chrono::DateTime::from_timestamp_micros(micros).unwrap();
            time.to_rfc3339_opts(chrono::SecondsFormat::AutoSi, true).into()
        }
        ValueRef::Text(text) => text.into(),
        ValueRef::Json(text) => serde_json::from_str(text).unwrap(),
        ValueRef::Bytes(bytes) => bytes.into(),
    }
}

struct Graveyard(Arc<Mutex<Vec<String>>>);

impl DeadLetters for Graveyard {
    fn put(&self, letters: &[DeadLetter]) -> Result<()> {
        self.0.lock().unwrap().extend(letters.iter().map(|letter| letter.failure.to_string()));
        Ok(())
    }
}

/// The options of a component, without `type`.
pub fn factory(role: Role, yaml: &str) -> Result<Factory, String> {
    let mut options: serde_yaml::Mapping = serde_yaml::from_str(yaml).unwrap();
    let kind = options.remove("type").unwrap();
    options.remove("inputs");
    let registry = squall_components::registry();
    let component = registry.get(role, kind.as_str().unwrap()).unwrap();
    component
        .configure(&options.into())
        .map_err(|error| format!("{}: {}", error.path, error.message))
}

/// Runs a spout until it is done.
pub fn run_spout(yaml: &str, resources: Resources) -> Ran {
    let builder = Topology::builder("test").component(
        "it",
        "it",
        1,
        factory(Role::Spout, yaml).unwrap(),
        Vec::new(),
    );
    run(builder, true, resources)
}

/// Runs a bolt on these tuples; `emits` says whether it has an output to look at.
pub fn run_bolt(yaml: &str, input: Fixed, emits: bool, resources: Resources) -> Ran {
    let input = Arc::new(input);
    let source =
        Source { from: "input".into(), stream: "default".into(), grouping: Grouping::Shuffle };
    let builder = Topology::builder("test")
        .spout("input", 1, move || {
            Ok(Fixed { schema: input.schema.clone(), rows: input.rows.clone(), next: 0 })
        })
        .component("it", "it", 1, factory(Role::Bolt, yaml).unwrap(), vec![source]);
    run(builder, emits, resources)
}

/// What a bolt finds wrong with its options and these inputs; empty if nothing.
pub fn problems(yaml: &str, input: &Fixed) -> Vec<String> {
    let factory = match factory(Role::Bolt, yaml) {
        Ok(factory) => factory,
        Err(error) => return vec![error],
    };
    let Factory::Bolt(make) = factory else { panic!("not a bolt") };
    let input = squall_framework::Input {
        from: "input".into(),
        stream: "default".into(),
        schema: input.schema.clone(),
        keys: None,
    };
    let Err(problem) = make().unwrap().declare(&squall_framework::Inputs::new(vec![input])) else {
        return Vec::new();
    };
    let mut found = Vec::new();
    flatten(&problem, &mut found);
    found
}

fn flatten(problem: &Problem, found: &mut Vec<String>) {
    let at = problem.option.as_deref().unwrap_or_default();
    found.push(format!(
        "{at}: {} ({})",
        problem.message,
        problem.help.as_deref().unwrap_or_default()
    ));
    problem.more.iter().for_each(|problem| flatten(problem, found));
}

fn run(builder: squall_framework::TopologyBuilder, emits: bool, resources: Resources) -> Ran {
    let rows = Arc::new(Mutex::new(Vec::new()));
    let dead = Arc::new(Mutex::new(Vec::new()));
    let collected = rows.clone();
    let builder = if emits {
        builder.bolt("collect", 1, &[("it", Grouping::Shuffle)], move || {
            Ok(Collect(collected.clone()))
        })
    } else {
        builder
    };
    let topology = builder.build().unwrap();
    let lent = Lent {
        resources,
        dead_letters: Some(Arc::new(Graveyard(dead.clone()))),
        ..Lent::default()
    };
    let running = start(topology, lent).map_err(|error| error.to_string()).unwrap();
    assert!(running.wait_idle(Duration::from_secs(60)), "{:#?}", running.snapshot());
    running.stop();
    Ran {
        rows: std::mem::take(&mut rows.lock().unwrap()),
        dead: std::mem::take(&mut dead.lock().unwrap()),
    }
}
