//! `print`: a line per tuple on the terminal.

use std::io::Write;

use schemars::JsonSchema;
use serde::Deserialize;
use squall_framework::{
    BatchBolt, BoltFuture, Error, Inputs, Output, Problem, Result, Streams, TaskContext, TupleBatch,
};

use super::file::{Format, chosen, write_line};

/// Options of the bolt `print`.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct PrintConfig {
    /// `json`: an object per line. `csv`: the values.
    #[serde(default)]
    format: Format,
    /// The fields to print; by default all.
    #[serde(default)]
    fields: Vec<String>,
    /// Where to.
    #[serde(default)]
    to: Terminal,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
enum Terminal {
    /// The standard output.
    #[default]
    Stdout,
    /// The standard error output.
    Stderr,
}

pub(crate) struct Print {
    config: PrintConfig,
    names: Vec<String>,
    text: String,
}

impl Print {
    pub(crate) fn new(config: &PrintConfig) -> Result<Self> {
        Ok(Self { config: config.clone(), names: Vec::new(), text: String::new() })
    }

    fn write(&mut self, batch: &TupleBatch) -> Result<()> {
        self.text.clear();
        for tuple in batch.rows() {
            write_line(self.config.format, &self.names, &tuple, &mut self.text)?;
        }
        let text = self.text.as_bytes();
        match self.config.to {
            Terminal::Stdout => std::io::stdout().lock().write_all(text),
            Terminal::Stderr => std::io::stderr().lock().write_all(text),
        }
        .map_err(|error| Error::retry(format!("cannot print: {error}")))
    }
}

impl BatchBolt for Print {
    fn declare(&self, inputs: &Inputs) -> Result<Streams, Problem> {
        chosen(inputs, &self.config.fields).map(|_| Streams::none())
    }

    fn prepare(&mut self, context: &TaskContext) -> Result<()> {
        self.names = chosen(context.inputs(), &self.config.fields)?;
        Ok(())
    }

    fn execute<'a>(&'a mut self, batch: &'a TupleBatch, _: &'a mut Output) -> BoltFuture<'a> {
        Box::pin(async move { self.write(batch) })
    }

    fn blocking(&self) -> bool {
        true
    }
}
