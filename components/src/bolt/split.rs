//! `split`: the parts of a text, a tuple each.

use memchr::memmem::Finder;
use schemars::JsonSchema;
use serde::Deserialize;
use squall_framework::{
    Bolt, Inputs, Kind, Output, Problem, Result, Schema, Streams, TaskContext, Tuple, ValueRef,
};

use super::parser::not_prepared;
use crate::{
    columns::{Columns, kind_of, text_field, unique},
    values::{recycle, text},
};

/// Options of the bolt `split`.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct SplitConfig {
    /// What stands between the parts; by default any white space.
    #[serde(default)]
    by: Option<String>,
    /// The name of the field with one part.
    #[serde(default = "part")]
    into: String,
    /// Whether to take white space from both ends of each part.
    #[serde(default = "yes")]
    trim: bool,
    /// Whether to emit empty parts as well.
    #[serde(default)]
    empty: bool,
    /// The field with the text; by default `body`, or the only one that holds text.
    #[serde(default)]
    field: Option<String>,
    /// Fields of the tuple to hand on with every part.
    #[serde(default)]
    keep: Vec<String>,
}

fn part() -> String {
    "part".to_owned()
}

fn yes() -> bool {
    true
}

pub(crate) struct Split {
    config: SplitConfig,
    ready: Option<Ready>,
}

struct Ready {
    field: String,
    columns: Columns,
    finder: Option<Finder<'static>>,
    values: Vec<ValueRef<'static>>,
}

impl Split {
    pub(crate) fn new(config: &SplitConfig) -> Result<Self> {
        Ok(Self { config: config.clone(), ready: None })
    }
}

impl Bolt for Split {
    fn declare(&self, inputs: &Inputs) -> Result<Streams, Problem> {
        let config = &self.config;
        let mut problems: Vec<_> =
            text_field(inputs, config.field.as_deref()).err().into_iter().collect();
        if config.by.as_deref() == Some("") {
            problems.push(
                Problem::new("`by` is empty").at("by").help("leave it out to split at white space"),
            );
        }
        for (index, name) in config.keep.iter().enumerate() {
            problems.extend(
                inputs.require(name).err().map(|problem| problem.at(format!("keep.{index}"))),
            );
        }
        let mut fields = vec![(config.into.clone(), Kind::Text)];
        fields.extend(config.keep.iter().map(|name| (name.clone(), kind_of(inputs, name))));
        problems.extend(unique(fields.iter().map(|(name, _)| name.as_str())).err());
        Problem::all(problems)?;
        Ok(Streams::one(Schema::new(fields)))
    }

    fn prepare(&mut self, context: &TaskContext) -> Result<()> {
        let field = text_field(context.inputs(), self.config.field.as_deref())?;
        let names =
            std::iter::once(field.as_str()).chain(self.config.keep.iter().map(String::as_str));
        self.ready = Some(Ready {
            columns: Columns::new(context.inputs(), names)?,
            finder: self.config.by.as_ref().map(|by| Finder::new(by).into_owned()),
            field,
            values: Vec::new(),
        });
        Ok(())
    }

    fn execute(&mut self, tuple: &Tuple<'_>, out: &mut Output) -> Result<()> {
        let Some(ready) = &mut self.ready else { return Err(not_prepared()) };
        let Some((&source, keep)) = ready.columns.of(tuple).split_first() else {
            return Err(not_prepared());
        };
        let text = text(tuple.at(source), &ready.field)?;
        let mut values = recycle(std::mem::take(&mut ready.values), || ValueRef::Null);
        let mut emit = |part: &str| {
            let part = if self.config.trim { part.trim() } else { part };
            if part.is_empty() && !self.config.empty {
                return Ok(());
            }
            if keep.is_empty() {
                return out.emit([part]);
            }
            let mut row = recycle(std::mem::take(&mut values), || ValueRef::Null);
            row.push(ValueRef::Text(part));
            row.extend(keep.iter().map(|&column| tuple.at(column)));
            let emitted = out.emit(&row);
            values = recycle(row, || ValueRef::Null);
            emitted
        };
        match &ready.finder {
            None => text.split_ascii_whitespace().try_for_each(&mut emit)?,
            Some(finder) => {
                let mut start = 0;
                for at in finder.find_iter(text.as_bytes()) {
                    emit(&text[start..at])?;
                    start = at + finder.needle().len();
                }
                emit(&text[start..])?;
            }
        }
        ready.values = values;
        Ok(())
    }
}
