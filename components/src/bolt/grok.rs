//! `grok`: the fields of a pattern that is put together from named ones.

use schemars::JsonSchema;
use serde::Deserialize;
use squall_framework::Problem;

use super::{
    parser::ParserConfig,
    regex::{Mismatch, RegexParser},
};
use crate::{
    options::Named,
    parse::{RegexFields, grok},
};

/// Options of the bolt `grok`.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct GrokConfig {
    /// The pattern: a regular expression in which `%{NAME}` stands for a named one,
    /// `%{NAME:field}` makes it a field, and `%{NAME:field:int}` one with a type: int, float, bool or
    /// timestamp.
    pattern: String,
    /// Patterns of your own by name, which may use others.
    #[serde(default)]
    patterns: Named<String>,
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

impl ParserConfig for GrokConfig {
    type Parser = RegexParser;

    fn field(&self) -> Option<&str> {
        self.field.as_deref()
    }

    fn keep(&self) -> &[String] {
        &self.keep
    }

    fn parser(&self) -> Result<RegexParser, Problem> {
        let at = |problem: String| Problem::new(problem).at("pattern");
        let (regex, types) = grok(&self.pattern, &self.patterns.0).map_err(at)?;
        let fields = RegexFields::new(&regex, types).map_err(|problem| {
            at(problem).help("a field is written %{NAME:field}, a group (?<field>...)")
        })?;
        Ok(RegexParser::new(fields, self.mismatch))
    }
}
