//! Typed values, and the one place where a text becomes one.

use std::borrow::Cow;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    error::{ParseError, excerpt},
    field::Field,
    time::{TimeFormat, rfc3339},
};

/// The type of a field.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// Text in UTF-8.
    String,
    /// A signed integer of 64 bits.
    Int,
    /// A finite number of 64 bits.
    Float,
    /// True or false.
    Bool,
    /// A moment: microseconds since 1970-01-01 UTC.
    Timestamp,
}

impl Kind {
    /// The name that a topology uses.
    pub fn name(self) -> &'static str {
        match self {
            Self::String => "string",
            Self::Int => "int",
            Self::Float => "float",
            Self::Bool => "bool",
            Self::Timestamp => "timestamp",
        }
    }

    fn with_article(self) -> &'static str {
        match self {
            Self::String => "a string",
            Self::Int => "an int",
            Self::Float => "a float",
            Self::Bool => "a bool (true, false, yes, no, on, off, 1 or 0)",
            Self::Timestamp => "a timestamp in the expected format",
        }
    }
}

/// One parsed value; texts borrow from what was parsed where they can.
#[derive(Debug, Clone, PartialEq)]
pub enum Scalar<'a> {
    /// Nothing there.
    Null,
    /// True or false.
    Bool(bool),
    /// An integer.
    Int(i64),
    /// A finite number.
    Float(f64),
    /// Microseconds since 1970-01-01 UTC.
    Timestamp(i64),
    /// Text.
    Text(Cow<'a, str>),
}

impl<'a> Scalar<'a> {
    /// A text that is borrowed.
    pub(crate) fn borrowed(text: &'a str) -> Self {
        Self::Text(Cow::Borrowed(text))
    }

    /// The value as the field wants it.
    ///
    /// # Errors
    /// [`ParseError::Missing`] for a null in a field that must be there, [`ParseError::Type`] for
    /// a value that does not have the field's type.
    pub(crate) fn convert(self, field: &Field) -> Result<Self, ParseError> {
        // Only a column of strings can tell an empty text from none.
        let absent = match &self {
            Self::Null => true,
            Self::Text(text) => text.is_empty() && (field.kind != Kind::String || field.optional),
            _ => false,
        };
        if absent {
            return if field.optional {
                Ok(Self::Null)
            } else {
                Err(ParseError::Missing { field: field.name.clone(), kind: field.kind.name() })
            };
        }
        self.cast(field.kind, &field.format).map_err(|value| ParseError::Type {
            field: field.name.clone(),
            expected: field.kind.with_article(),
            text: excerpt(&value.into_text()),
        })
    }

    /// The value as `kind`, or the value itself where that is impossible.
    fn cast(self, kind: Kind, format: &TimeFormat) -> Result<Self, Self> {
        let cast = match (kind, &self) {
            (Kind::String, Self::Text(_)) => return Ok(self),
            (Kind::String, _) => return Ok(Self::Text(self.into_text())),
            (Kind::Int, Self::Int(_))
            | (Kind::Float, Self::Float(_))
            | (Kind::Bool, Self::Bool(_))
            | (Kind::Timestamp, Self::Timestamp(_)) => return Ok(self),
            (Kind::Int, Self::Float(number)) => whole(*number).map(Self::Int),
            (Kind::Int, Self::Text(text)) => text.trim_ascii().parse().ok().map(Self::Int),
            (Kind::Float, Self::Int(number)) => Some(Self::Float(*number as f64)),
            (Kind::Float, Self::Text(text)) => {
                text.trim_ascii().parse().ok().filter(|n: &f64| n.is_finite()).map(Self::Float)
            }
            (Kind::Bool, Self::Int(0)) => Some(Self::Bool(false)),
            (Kind::Bool, Self::Int(1)) => Some(Self::Bool(true)),
            (Kind::Bool, Self::Text(text)) => parse_bool(text.trim_ascii()).map(Self::Bool),
            (Kind::Timestamp, Self::Int(number)) => format.number(*number).map(Self::Timestamp),
            (Kind::Timestamp, Self::Float(number)) => format.fraction(*number).map(Self::Timestamp),
            (Kind::Timestamp, Self::Text(text)) => {
                format.parse(text.trim_ascii()).map(Self::Timestamp)
            }
            _ => None,
        };
        cast.ok_or(self)
    }

    /// The value as text, as JSON would write it (timestamps by RFC 3339).
    pub(crate) fn into_text(self) -> Cow<'a, str> {
        match self {
            Self::Null => Cow::Borrowed(""),
            Self::Bool(value) => Cow::Borrowed(if value { "true" } else { "false" }),
            Self::Int(number) => Cow::Owned(number.to_string()),
            Self::Float(number) => Cow::Owned(format!("{number:?}")),
            Self::Timestamp(micros) => Cow::Owned(rfc3339(micros)),
            Self::Text(text) => text,
        }
    }
}

/// Above 2^53 a double no longer tells neighbouring integers apart.
fn whole(number: f64) -> Option<i64> {
    (number.fract() == 0.0 && number.abs() <= 9_007_199_254_740_992.0).then_some(number as i64)
}

fn parse_bool(text: &str) -> Option<bool> {
    const TRUE: [&str; 5] = ["true", "yes", "on", "1", "t"];
    const FALSE: [&str; 5] = ["false", "no", "off", "0", "f"];
    if TRUE.iter().any(|word| word.eq_ignore_ascii_case(text)) {
        Some(true)
    } else if FALSE.iter().any(|word| word.eq_ignore_ascii_case(text)) {
        Some(false)
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn convert<'a>(text: &'a str, spec: &str) -> Result<Scalar<'a>, String> {
        let field = Field::parse("f", spec).unwrap();
        Scalar::borrowed(text).convert(&field).map_err(|error| error.to_string())
    }

    #[test]
    fn texts_become_values() {
        assert_eq!(convert(" 42 ", "int"), Ok(Scalar::Int(42)));
        assert_eq!(convert("4.5e1", "float"), Ok(Scalar::Float(45.0)));
        assert_eq!(convert("FALSE", "bool"), Ok(Scalar::Bool(false)));
        assert_eq!(convert("1970-01-01T00:00:01Z", "timestamp"), Ok(Scalar::Timestamp(1_000_000)));
        assert_eq!(convert(" x ", "string"), Ok(Scalar::borrowed(" x ")));
        assert_eq!(convert("", "string"), Ok(Scalar::borrowed("")));
        assert_eq!(convert("", "int?"), Ok(Scalar::Null));
    }

    #[test]
    fn errors_name_the_field_and_the_text() {
        assert_eq!(convert("4x", "int").unwrap_err(), "field `f`: \"4x\" is not an int");
        assert!(convert("inf", "float").is_err());
        assert_eq!(
            convert("", "int").unwrap_err(),
            "field `f` is missing or null; write its type as `int?` if it may be"
        );
    }

    #[test]
    fn numbers_change_their_kind_only_without_loss() {
        let int = Field::parse("f", "int").unwrap();
        assert_eq!(Scalar::Float(3.0).convert(&int), Ok(Scalar::Int(3)));
        assert!(Scalar::Float(3.5).convert(&int).is_err());
        assert!(Scalar::Float(1e300).convert(&int).is_err());
        assert!(Scalar::Bool(true).convert(&int).is_err());
    }
}
