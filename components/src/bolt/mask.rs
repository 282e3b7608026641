//! `mask`: what is nobody's business is covered.

use regex::Regex;
use schemars::JsonSchema;
use serde::Deserialize;
use squall_framework::{
    Bolt, Error, Inputs, Kind, Output, Problem, Result, Streams, TaskContext, Tuple, Value,
    ValueRef,
};

use super::parser::not_prepared;
use crate::columns::Columns;

/// Options of the bolt `mask`.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct MaskConfig {
    /// The fields to cover, which hold text.
    fields: Vec<String>,
    /// Covers only what matches, wherever it is in the text; by default all of it. The syntax is
    /// that of <https://docs.rs/regex/latest/regex/#syntax>.
    #[serde(default)]
    pattern: Option<String>,
    /// What to put in its place; by default a star for each character.
    #[serde(default)]
    with: Option<String>,
    /// How many characters at its end stay to be seen.
    #[serde(default)]
    show_last: usize,
}

pub(crate) struct Mask {
    config: MaskConfig,
    ready: Option<Ready>,
}

struct Ready {
    pattern: Option<Regex>,
    columns: Columns,
    /// Which of the columns are covered.
    covered: Vec<bool>,
}

impl Mask {
    pub(crate) fn new(config: &MaskConfig) -> Result<Self> {
        Ok(Self { config: config.clone(), ready: None })
    }

    fn pattern(&self) -> Result<Option<Regex>, Problem> {
        let pattern = self.config.pattern.as_deref().map(Regex::new).transpose();
        pattern.map_err(|error| Problem::new(error.to_string()).at("pattern"))
    }

    fn cover(&self, text: &str, to: &mut String) {
        let count = text.chars().count();
        let shown = self.config.show_last.min(count);
        match &self.config.with {
            Some(with) => to.push_str(with),
            None => to.extend(std::iter::repeat_n('*', count - shown)),
        }
        to.extend(text.chars().skip(count - shown));
    }

    fn covered(&self, text: &str, pattern: Option<&Regex>) -> String {
        let mut to = String::with_capacity(text.len());
        let Some(pattern) = pattern else {
            self.cover(text, &mut to);
            return to;
        };
        let mut end = 0;
        for found in pattern.find_iter(text) {
            to.push_str(&text[end..found.start()]);
            self.cover(found.as_str(), &mut to);
            end = found.end();
        }
        to.push_str(&text[end..]);
        to
    }
}

impl Bolt for Mask {
    fn declare(&self, inputs: &Inputs) -> Result<Streams, Problem> {
        let mut problems: Vec<_> = self.pattern().err().into_iter().collect();
        for (index, name) in self.config.fields.iter().enumerate() {
            let at = format!("fields.{index}");
            match inputs.require(name).map(|field| field.kind) {
                Ok(Kind::Text | Kind::Any) => {}
                Ok(kind) => {
                    problems.push(Problem::new(format!("`{name}` holds {kind} and no text")).at(at))
                }
                Err(problem) => problems.push(problem.at(at)),
            }
        }
        if self.config.fields.is_empty() {
            problems.push(Problem::new("no field is named").at("fields"));
        }
        Problem::all(problems)?;
        Ok(Streams::one(inputs.common()))
    }

    fn prepare(&mut self, context: &TaskContext) -> Result<()> {
        let inputs = context.inputs();
        let common = inputs.common();
        let is_covered = |name| self.config.fields.iter().any(|field| field == name);
        self.ready = Some(Ready {
            pattern: self.pattern()?,
            covered: common.names().map(is_covered).collect(),
            columns: Columns::new(inputs, common.names().collect::<Vec<_>>())?,
        });
        Ok(())
    }

    fn execute(&mut self, tuple: &Tuple<'_>, out: &mut Output) -> Result<()> {
        let Ready { pattern, columns, covered } = self.ready.as_ref().ok_or_else(not_prepared)?;
        let mut row = Vec::with_capacity(covered.len());
        for (&column, covered) in columns.of(tuple).iter().zip(covered) {
            let value = tuple.at(column);
            row.push(match value {
                value if !covered => value.to_owned(),
                ValueRef::Null => Value::Null,
                ValueRef::Text(text) => Value::Text(self.covered(text, pattern.as_ref())),
                // Without the value, which an error would show.
                _ => {
                    return Err(Error::data(
                        "a field to be covered holds something that is no text",
                    ));
                }
            });
        }
        let row: Vec<_> = row.iter().map(Value::as_ref).collect();
        out.emit(&row)
    }
}
