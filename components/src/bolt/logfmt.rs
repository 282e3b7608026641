//! `logfmt`: fields of a line of `key=value` pairs.

use schemars::JsonSchema;
use serde::Deserialize;
use squall_framework::{Kind, Problem};

use super::parser::{ParserConfig, RowParser, schema_of};
use crate::{
    options::Named,
    parse::{Field, FieldSpec, LogfmtFields, ParseError, Scalar},
};

/// Options of the bolt `logfmt`.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct LogfmtConfig {
    /// The fields to take, each with its type: string, int, float, bool or timestamp, with `?`
    /// behind it where the key may be missing. `from` names the key if it is another.
    fields: Named<FieldSpec>,
    /// The field with the line; by default `body`, or the only one that holds text.
    #[serde(default)]
    field: Option<String>,
    /// Fields of the tuple to hand on.
    #[serde(default)]
    keep: Vec<String>,
}

impl ParserConfig for LogfmtConfig {
    type Parser = LogfmtFields;

    fn field(&self) -> Option<&str> {
        self.field.as_deref()
    }

    fn keep(&self) -> &[String] {
        &self.keep
    }

    fn parser(&self) -> Result<LogfmtFields, Problem> {
        if self.fields.0.is_empty() {
            return Err(Problem::new("`fields` names no field").at("fields"));
        }
        let fields = self.fields.0.iter().map(|(name, spec)| Field::new(name, spec));
        Ok(LogfmtFields::new(fields.collect()))
    }
}

impl RowParser for LogfmtFields {
    fn fields(&self) -> Vec<(String, Kind)> {
        schema_of(self.fields())
    }

    fn parse<'a>(&self, text: &'a str, row: &mut Vec<Scalar<'a>>) -> Result<bool, ParseError> {
        self.parse(text, row).map(|()| true)
    }
}
