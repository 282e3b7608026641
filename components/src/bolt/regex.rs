//! `regex`: the named groups of a pattern.

use schemars::JsonSchema;
use serde::Deserialize;
use squall_framework::{Kind, Problem};

use super::parser::{ParserConfig, RowParser, schema_of};
use crate::{
    options::Named,
    parse::{Field, FieldSpec, ParseError, RegexFields, Scalar},
};

/// Options of the bolt `regex`.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct RegexConfig {
    /// The pattern; its groups `(?<name>...)` become fields. The syntax is that of
    /// <https://docs.rs/regex/latest/regex/#syntax>.
    pattern: String,
    /// Types of fields that are not `string?`: string, int, float, bool or timestamp, with `?`
    /// behind one whose group may take no part.
    #[serde(default)]
    fields: Named<FieldSpec>,
    /// What becomes of a text that does not match: it fails as a data error, or is passed over.
    #[serde(default)]
    mismatch: Mismatch,
    /// The field with the text; by default `body`, or the only one that holds text.
    #[serde(default)]
    field: Option<String>,
    /// Fields of the tuple to hand on.
    #[serde(default)]
    keep: Vec<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(super) enum Mismatch {
    #[default]
    Fail,
    Skip,
}

pub(crate) struct RegexParser {
    fields: RegexFields,
    skip: bool,
}

impl RegexParser {
    pub(super) fn new(fields: RegexFields, mismatch: Mismatch) -> Self {
        Self { fields, skip: mismatch == Mismatch::Skip }
    }
}

impl ParserConfig for RegexConfig {
    type Parser = RegexParser;

    fn field(&self) -> Option<&str> {
        self.field.as_deref()
    }

    fn keep(&self) -> &[String] {
        &self.keep
    }

    fn parser(&self) -> Result<RegexParser, Problem> {
        let types = self.fields.0.iter().map(|(name, spec)| Field::new(name, spec)).collect();
        let fields = RegexFields::new(&self.pattern, types)
            .map_err(|problem| Problem::new(problem).at("pattern"))?;
        Ok(RegexParser::new(fields, self.mismatch))
    }
}

impl RowParser for RegexParser {
    fn fields(&self) -> Vec<(String, Kind)> {
        schema_of(self.fields.fields())
    }

    fn parse<'a>(&self, text: &'a str, row: &mut Vec<Scalar<'a>>) -> Result<bool, ParseError> {
        match self.fields.parse(text, row) {
            Ok(()) => Ok(true),
            Err(ParseError::Malformed { .. }) if self.skip => Ok(false),
            Err(error) => Err(error),
        }
    }
}
