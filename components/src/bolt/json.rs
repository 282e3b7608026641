//! `json`: fields of a JSON object.

use schemars::JsonSchema;
use serde::Deserialize;
use squall_framework::{Kind, Problem};

use super::parser::{ParserConfig, RowParser, schema_of};
use crate::{
    options::Named,
    parse::{Field, FieldSpec, JsonFields, ParseError, Scalar},
};

/// Options of the bolt `json`.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct JsonConfig {
    /// The fields to find, each with its type: string, int, float, bool or timestamp, with `?`
    /// behind one that may be missing. In full `{ type: timestamp, from: meta.at, format: unix_ms }`.
    fields: Named<FieldSpec>,
    /// The field with the text; by default `body`, or the only one that holds text.
    #[serde(default)]
    field: Option<String>,
    /// Fields of the tuple to hand on.
    #[serde(default)]
    keep: Vec<String>,
}

impl ParserConfig for JsonConfig {
    type Parser = JsonFields;

    fn field(&self) -> Option<&str> {
        self.field.as_deref()
    }

    fn keep(&self) -> &[String] {
        &self.keep
    }

    fn parser(&self) -> Result<JsonFields, Problem> {
        if self.fields.0.is_empty() {
            return Err(Problem::new("`fields` names no field").at("fields"));
        }
        Ok(JsonFields::new(
            self.fields.0.iter().map(|(name, spec)| Field::new(name, spec)).collect(),
        ))
    }
}

impl RowParser for JsonFields {
    fn fields(&self) -> Vec<(String, Kind)> {
        schema_of(self.fields())
    }

    fn parse<'a>(&self, text: &'a str, row: &mut Vec<Scalar<'a>>) -> Result<bool, ParseError> {
        self.parse(text, row).map(|()| true)
    }
}
