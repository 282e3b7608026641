//! What a stream carries: the names and kinds of its fields.

use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The kind of a field's values. Every field may also be null.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// Nothing is known before the tuple is there.
    Any,
    /// True or false.
    Bool,
    /// A whole number, 64 bits with sign.
    #[serde(alias = "integer")]
    Int,
    /// A number with a fraction, 64 bits.
    #[serde(alias = "double")]
    Float,
    /// A point in time, in microseconds since 1970-01-01 UTC.
    Timestamp,
    /// UTF-8 text.
    #[serde(rename = "string", alias = "text")]
    Text,
    /// Bytes that need not be text.
    Bytes,
    /// The text of a JSON value.
    Json,
}

impl Kind {
    /// The name a YAML file uses.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Kind::Any => "any",
            Kind::Bool => "bool",
            Kind::Int => "int",
            Kind::Float => "float",
            Kind::Timestamp => "timestamp",
            Kind::Text => "string",
            Kind::Bytes => "bytes",
            Kind::Json => "json",
        }
    }
}

impl std::fmt::Display for Kind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}

/// A field of a stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Field {
    /// The name by which bolts and groupings ask for it.
    pub name: String,
    /// What its values are.
    pub kind: Kind,
}

/// The fields of a stream, shared by all its batches. Cheap to clone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Schema(Arc<[Field]>);

impl Schema {
    /// A schema of these fields, in this order.
    ///
    /// ```
    /// use squall_framework::{Kind, Schema};
    /// let schema = Schema::new([("word", Kind::Text), ("count", Kind::Int)]);
    /// assert_eq!(schema.index("count"), Some(1));
    /// ```
    pub fn new<N: Into<String>>(fields: impl IntoIterator<Item = (N, Kind)>) -> Self {
        Schema(fields.into_iter().map(|(name, kind)| Field { name: name.into(), kind }).collect())
    }

    /// Where the field of this name is.
    #[must_use]
    pub fn index(&self, name: &str) -> Option<usize> {
        self.0.iter().position(|field| field.name == name)
    }

    /// The field of this name.
    #[must_use]
    pub fn field(&self, name: &str) -> Option<&Field> {
        self.0.iter().find(|field| field.name == name)
    }

    /// The fields in order.
    #[must_use]
    pub fn fields(&self) -> &[Field] {
        &self.0
    }

    /// The names in order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|field| field.name.as_str())
    }

    /// How many fields there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}
