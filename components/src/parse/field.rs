//! How a topology names the fields it wants from a text.

use std::borrow::Cow;

use schemars::JsonSchema;
use serde::{
    Deserialize, Deserializer, Serialize,
    de::{Error, MapAccess, Visitor, value::MapAccessDeserializer},
};

use super::{
    convert::Kind,
    time::{BadTimeFormat, TimeFormat},
};

/// A field's type as written in a topology: `int`, `int?` where it may be missing, or in full
/// `{ type: timestamp, from: meta.at, format: unix_ms, optional: true }`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(untagged)]
pub enum FieldSpec {
    /// The name of a type, with `?` where the field may be missing.
    Short(TypeName),
    /// All there is to say.
    Full(FullSpec),
}

/// A type that may be followed by `?`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Cow<'_, str>", into = "String")]
pub struct TypeName {
    kind: Kind,
    optional: bool,
}

/// A field with everything that can be said about it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FullSpec {
    /// The type.
    #[serde(rename = "type")]
    kind: Kind,
    /// Where the value is found, if its name there is another: a path with dots in JSON, a column in CSV.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    from: Option<String>,
    /// How a timestamp is written: `auto`, `unix`, `unix_ms`, `unix_us`, or a pattern such as `%d/%m/%Y %H:%M`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    format: Option<TimeFormat>,
    /// Whether the value may be missing or null.
    #[serde(default)]
    optional: bool,
}

/// A field that a parser is to find.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Field {
    /// What the field is called from here on.
    pub name: String,
    /// Where it is found: a path with dots in JSON, a column in CSV, a group in a regex.
    pub from: String,
    /// Its type.
    pub kind: Kind,
    /// Whether it may be missing.
    pub optional: bool,
    /// How it is written, if it is a timestamp.
    pub format: TimeFormat,
}

impl Field {
    /// The field `name` as a topology describes it.
    pub fn new(name: impl Into<String>, spec: &FieldSpec) -> Self {
        let name = name.into();
        match spec {
            FieldSpec::Short(TypeName { kind, optional }) => Self {
                from: name.clone(),
                name,
                kind: *kind,
                optional: *optional,
                format: TimeFormat::Auto,
            },
            FieldSpec::Full(full) => Self {
                from: full.from.clone().unwrap_or_else(|| name.clone()),
                name,
                kind: full.kind,
                optional: full.optional,
                format: full.format.clone().unwrap_or_default(),
            },
        }
    }

    /// The field `name` with a type written short, such as `int?`.
    ///
    /// # Errors
    /// The reason why this is no type.
    pub fn parse(name: impl Into<String>, kind: &str) -> Result<Self, String> {
        let kind = TypeName::try_from(Cow::Borrowed(kind))?;
        Ok(Self::new(name, &FieldSpec::Short(kind)))
    }
}

impl TryFrom<Cow<'_, str>> for TypeName {
    type Error = String;

    fn try_from(text: Cow<'_, str>) -> Result<Self, String> {
        let (name, optional) = match text.strip_suffix('?') {
            Some(name) => (name, true),
            None => (text.as_ref(), false),
        };
        let kind = match name {
            "string" => Kind::String,
            "int" => Kind::Int,
            "float" => Kind::Float,
            "bool" => Kind::Bool,
            "timestamp" => Kind::Timestamp,
            _ => {
                return Err(format!(
                    "`{text}` is not a type; the types are string, int, float, bool and timestamp, \
                     with `?` behind one whose value may be missing"
                ));
            }
        };
        Ok(Self { kind, optional })
    }
}

impl From<TypeName> for String {
    fn from(name: TypeName) -> Self {
        format!("{}{}", name.kind.name(), if name.optional { "?" } else { "" })
    }
}

/// By hand, because serde's own reading of alternatives keeps none of their reasons.
impl<'de> Deserialize<'de> for FieldSpec {
    fn deserialize<D: Deserializer<'de>>(input: D) -> Result<Self, D::Error> {
        struct Spec;
        impl<'de> Visitor<'de> for Spec {
            type Value = FieldSpec;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("a type such as `int?`, or `{ type: ..., from: ... }`")
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<FieldSpec, E> {
                TypeName::try_from(Cow::Borrowed(text)).map(FieldSpec::Short).map_err(E::custom)
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<FieldSpec, A::Error> {
                FullSpec::deserialize(MapAccessDeserializer::new(map)).map(FieldSpec::Full)
            }
        }
        input.deserialize_any(Spec)
    }
}

impl JsonSchema for TypeName {
    fn schema_name() -> Cow<'static, str> {
        "TypeName".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({
            "type": "string",
            "pattern": r"^(string|int|float|bool|timestamp)\??$",
        })
    }
}

impl JsonSchema for TimeFormat {
    fn schema_name() -> Cow<'static, str> {
        "TimeFormat".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({ "type": "string", "examples": ["unix_ms", "%d/%m/%Y %H:%M"] })
    }
}

impl TryFrom<String> for TimeFormat {
    type Error = BadTimeFormat;

    fn try_from(text: String) -> Result<Self, BadTimeFormat> {
        text.parse()
    }
}
