//! What components declare: the streams they emit and what they need of their inputs.

use crate::tuple::{Field, Kind, Schema};

/// The name of the stream that is meant when none is named.
const DEFAULT: &str = "default";

/// A stream that a component emits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stream {
    /// Its name, unique in the component.
    pub name: String,
    /// Its fields.
    pub schema: Schema,
}

/// The streams that a component emits, in the order of their index.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Streams(Vec<Stream>);

impl Streams {
    /// No stream: a sink.
    #[must_use]
    pub fn none() -> Self {
        Streams::default()
    }

    /// One stream, named `default`.
    #[must_use]
    pub fn one(schema: Schema) -> Self {
        Streams::none().and(DEFAULT, schema)
    }

    /// One more stream, with a name. Emit to it by [`Output::stream`](crate::Output::stream).
    #[must_use]
    pub fn and(mut self, name: &str, schema: Schema) -> Self {
        self.0.push(Stream { name: name.into(), schema });
        self
    }

    /// The stream of this name.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Stream> {
        self.0.iter().find(|stream| stream.name == name)
    }

    /// All streams in order.
    #[must_use]
    pub fn all(&self) -> &[Stream] {
        &self.0
    }
}

/// A stream that comes into a bolt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Input {
    /// The id of the component that emits it.
    pub from: String,
    /// The stream's name there.
    pub stream: String,
    /// Its fields.
    pub schema: Schema,
    /// The fields by which its tuples are shared among the bolt's tasks: `Some` and none for
    /// `grouping: global`, `None` when equal values may go to different tasks.
    pub keys: Option<Vec<String>>,
}

/// Everything that comes into a bolt, in the order of its `inputs`.
#[derive(Debug, Clone, Default)]
pub struct Inputs(Vec<Input>);

impl Inputs {
    /// These inputs.
    #[must_use]
    pub fn new(inputs: Vec<Input>) -> Self {
        Inputs(inputs)
    }

    /// All inputs in order.
    #[must_use]
    pub fn all(&self) -> &[Input] {
        &self.0
    }

    /// The field of this name, which every input must have.
    ///
    /// # Errors
    /// An input lacks it; the problem names the nearest field there is.
    pub fn require(&self, field: &str) -> Result<&Field, Problem> {
        let mut found = None;
        for input in &self.0 {
            match input.schema.field(field) {
                Some(field) => found = found.or(Some(field)),
                None => return Err(missing(field, input)),
            }
        }
        found.ok_or_else(|| Problem::new(format!("needs the field `{field}` but has no input")))
    }

    /// The fields that all inputs share, in the order of the first input.
    /// A field whose kind differs between inputs is of kind [`Kind::Any`].
    #[must_use]
    pub fn common(&self) -> Schema {
        let Some((first, rest)) = self.0.split_first() else {
            return Schema::new(Vec::<(String, Kind)>::new());
        };
        Schema::new(first.schema.fields().iter().filter_map(|field| {
            let mut kind = field.kind;
            for input in rest {
                if input.schema.field(&field.name)?.kind != kind {
                    kind = Kind::Any;
                }
            }
            Some((field.name.clone(), kind))
        }))
    }
}

fn missing(field: &str, input: &Input) -> Problem {
    let names: Vec<_> = input.schema.names().collect();
    let problem = Problem::new(format!("`{}` has no field `{field}`", input.from));
    match squall_config::did_you_mean(field, names.iter().copied()) {
        Some(near) => problem.help(format!("did you mean `{near}`?")),
        None => problem.help(format!("its fields are {}", names.join(", "))),
    }
}

/// Something wrong with a component's options or inputs, found before it runs.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Problem {
    /// Where in the component's options, as a path like `fields.2.name`;
    /// `None` for the component as a whole.
    pub option: Option<String>,
    /// What is wrong.
    pub message: String,
    /// What to do about it.
    pub help: Option<String>,
    /// Further problems of the same component.
    pub more: Vec<Problem>,
}

impl Problem {
    /// A problem of the component as a whole.
    #[must_use]
    pub fn new(message: impl Into<String>) -> Self {
        Problem { option: None, message: message.into(), help: None, more: Vec::new() }
    }

    /// Says what to do about it.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// Points at an option, by a path like `group_by.0`.
    #[must_use]
    pub fn at(mut self, option: impl Into<String>) -> Self {
        self.option = Some(option.into());
        self
    }

    /// All of these as one, so that every mistake is reported at once.
    ///
    /// # Errors
    /// There is at least one.
    pub fn all(problems: impl IntoIterator<Item = Problem>) -> Result<(), Problem> {
        let mut problems = problems.into_iter();
        match problems.next() {
            None => Ok(()),
            Some(mut first) => {
                first.more.extend(problems);
                Err(first)
            }
        }
    }
}
