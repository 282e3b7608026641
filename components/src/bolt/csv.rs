//! `csv`: columns of a record.

use schemars::JsonSchema;
use serde::Deserialize;
use squall_framework::{Kind, Problem};

use super::parser::{ParserConfig, RowParser, schema_of};
use crate::{
    options::Named,
    parse::{CsvFields, CsvOptions, Field, FieldSpec, ParseError, Scalar},
};

/// Options of the bolt `csv`.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct CsvConfig {
    /// The names of the columns, in order.
    columns: Vec<String>,
    /// The columns to take, each with its type: string, int, float, bool or timestamp, with `?`
    /// behind one that may be empty. In full `{ type: float, from: PRICE }`. By default all, as strings.
    #[serde(default)]
    fields: Named<FieldSpec>,
    /// What stands between two columns; one ASCII character.
    #[serde(default = "comma")]
    delimiter: char,
    /// What stands around a column that contains the delimiter; one ASCII character.
    #[serde(default = "double_quote")]
    quote: char,
    /// Whether to pass over records that are the header, the names of the columns.
    #[serde(default = "yes")]
    skip_header: bool,
    /// The field with the text; by default `body`, or the only one that holds text.
    #[serde(default)]
    field: Option<String>,
    /// Fields of the tuple to hand on.
    #[serde(default)]
    keep: Vec<String>,
}

fn comma() -> char {
    ','
}

fn double_quote() -> char {
    '"'
}

fn yes() -> bool {
    true
}

pub(crate) struct CsvParser {
    fields: CsvFields,
    /// How a header begins, if headers are to be passed over: most records differ here.
    header: Option<String>,
}

impl ParserConfig for CsvConfig {
    type Parser = CsvParser;

    fn field(&self) -> Option<&str> {
        self.field.as_deref()
    }

    fn keep(&self) -> &[String] {
        &self.keep
    }

    fn parser(&self) -> Result<CsvParser, Problem> {
        let ascii = |character: char, option: &str| {
            u8::try_from(character).ok().filter(u8::is_ascii).ok_or_else(|| {
                Problem::new(format!("`{character}` is not an ASCII character")).at(option)
            })
        };
        let options = CsvOptions {
            delimiter: ascii(self.delimiter, "delimiter")?,
            quote: ascii(self.quote, "quote")?,
        };
        let fields = self.fields.0.iter().map(|(name, spec)| Field::new(name, spec)).collect();
        let fields = CsvFields::new(self.columns.clone(), fields, options)
            .map_err(|problem| Problem::new(problem).at("fields"))?;
        let header = self.skip_header.then(|| self.columns.first().cloned().unwrap_or_default());
        Ok(CsvParser { fields, header })
    }
}

impl RowParser for CsvParser {
    fn fields(&self) -> Vec<(String, Kind)> {
        schema_of(self.fields.fields())
    }

    fn parse<'a>(&self, text: &'a str, row: &mut Vec<Scalar<'a>>) -> Result<bool, ParseError> {
        // A file's first record may begin with a byte order mark.
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        if let Some(first) = &self.header
            && text.trim_start_matches('"').starts_with(first.as_str())
            && self.fields.is_header(text)
        {
            return Ok(false);
        }
        self.fields.parse(text, row).map(|()| true)
    }
}
