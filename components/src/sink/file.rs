//! `file`: a line per tuple.

use std::{
    fs::{File, OpenOptions},
    io::Write,
    path::PathBuf,
};

use schemars::JsonSchema;
use serde::Deserialize;
use squall_framework::{
    BatchBolt, BoltFuture, Error, Inputs, Output, Problem, Result, Streams, TaskContext, Tuple,
    TupleBatch, ValueRef,
};

use crate::{parse::rfc3339, values::write_object};

/// Options of the bolt `file`.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct FileConfig {
    /// The file, to which lines are appended; made, with its folder, if it is not there.
    path: PathBuf,
    /// `json`: an object per line. `csv`: the values, with a header where the file begins.
    #[serde(default)]
    format: Format,
    /// The fields to write; by default all.
    #[serde(default)]
    fields: Vec<String>,
}

/// How a tuple becomes a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Format {
    /// A JSON object.
    #[default]
    Json,
    /// Comma-separated values.
    Csv,
}

pub(crate) struct FileSink {
    config: FileConfig,
    names: Vec<String>,
    file: Option<File>,
    /// Whether no other task writes to the file.
    alone: bool,
    text: String,
}

/// So many rows are written and flushed to the disk together, if so many are waiting.
const ROWS: usize = 4_096;

impl FileSink {
    pub(crate) fn new(config: &FileConfig) -> Result<Self> {
        Ok(Self {
            config: config.clone(),
            names: Vec::new(),
            file: None,
            alone: true,
            text: String::new(),
        })
    }

    fn open(&self) -> std::io::Result<File> {
        if let Some(folder) = self.config.path.parent() {
            std::fs::create_dir_all(folder)?;
        }
        OpenOptions::new().create(true).append(true).open(&self.config.path)
    }

    /// One append for all rows, so that tasks that share the file do not mix lines; then the disk.
    fn write(&mut self, batch: &TupleBatch) -> Result<()> {
        let failed = |error: std::io::Error| {
            Error::retry(format!("{}: {error}", self.config.path.display()))
        };
        if self.file.is_none() {
            self.file = Some(self.open().map_err(failed)?);
        }
        let Some(file) = &mut self.file else { return Ok(()) };
        self.text.clear();
        let before = file.metadata().map_err(failed)?.len();
        if self.config.format == Format::Csv && before == 0 {
            csv_line(self.names.iter().map(|name| ValueRef::Text(name)), &mut self.text);
        }
        for tuple in batch.rows() {
            write_line(self.config.format, &self.names, &tuple, &mut self.text)?;
        }
        file.write_all(self.text.as_bytes()).and_then(|()| file.sync_data()).map_err(|error| {
            // Half a line would stay in the way of the next attempt.
            if self.alone {
                let _ = file.set_len(before);
            }
            failed(error)
        })
    }
}

pub(crate) fn write_line(
    format: Format,
    names: &[String],
    tuple: &Tuple<'_>,
    to: &mut String,
) -> Result<()> {
    let mut values = Vec::with_capacity(names.len());
    for name in names {
        values.push(tuple.get(name)?);
    }
    match format {
        Format::Json => {
            write_object(names.iter().map(String::as_str).zip(values), to);
            to.push('\n');
        }
        Format::Csv => csv_line(values.into_iter(), to),
    }
    Ok(())
}

fn csv_line<'a>(values: impl Iterator<Item = ValueRef<'a>>, to: &mut String) {
    for (index, value) in values.enumerate() {
        if index > 0 {
            to.push(',');
        }
        let text = match value {
            ValueRef::Null => continue,
            ValueRef::Timestamp(micros) => rfc3339(micros),
            value => value.to_string(),
        };
        if text.is_empty() || text.contains([',', '"', '\n', '\r']) {
            to.push('"');
            to.push_str(&text.replace('"', "\"\""));
            to.push('"');
        } else {
            to.push_str(&text);
        }
    }
    to.push('\n');
}

/// The fields to write: those that are named, else all that the inputs share.
pub(crate) fn chosen(inputs: &Inputs, named: &[String]) -> Result<Vec<String>, Problem> {
    Problem::all(named.iter().enumerate().filter_map(|(index, name)| {
        inputs.require(name).err().map(|problem| problem.at(format!("fields.{index}")))
    }))?;
    let common = inputs.common();
    Ok(if named.is_empty() { common.names().map(str::to_owned).collect() } else { named.to_vec() })
}

impl BatchBolt for FileSink {
    fn declare(&self, inputs: &Inputs) -> Result<Streams, Problem> {
        chosen(inputs, &self.config.fields).map(|_| Streams::none())
    }

    fn prepare(&mut self, context: &TaskContext) -> Result<()> {
        self.names = chosen(context.inputs(), &self.config.fields)?;
        self.alone = context.parallelism() == 1;
        Ok(())
    }

    fn execute<'a>(&'a mut self, batch: &'a TupleBatch, _: &'a mut Output) -> BoltFuture<'a> {
        Box::pin(async move { self.write(batch) })
    }

    fn rows_per_call(&self) -> usize {
        ROWS
    }

    fn blocking(&self) -> bool {
        true
    }
}
