//! Values of parsers, tuples and tables, seen as each other.

use squall_framework::{Error, Kind, Result, ValueRef};

use crate::{
    parse::{self, Scalar},
    sql,
};

/// What a parser found, for a tuple.
pub(crate) fn of_scalar<'a>(scalar: &'a Scalar<'_>) -> ValueRef<'a> {
    match scalar {
        Scalar::Null => ValueRef::Null,
        Scalar::Bool(value) => ValueRef::Bool(*value),
        Scalar::Int(number) => ValueRef::Int(*number),
        Scalar::Float(number) => ValueRef::Float(*number),
        Scalar::Timestamp(micros) => ValueRef::Timestamp(*micros),
        Scalar::Text(text) => ValueRef::Text(text),
    }
}

pub(crate) fn of_kind(kind: parse::Kind) -> Kind {
    match kind {
        parse::Kind::String => Kind::Text,
        parse::Kind::Int => Kind::Int,
        parse::Kind::Float => Kind::Float,
        parse::Kind::Bool => Kind::Bool,
        parse::Kind::Timestamp => Kind::Timestamp,
    }
}

/// A value of a tuple, for a table.
pub(crate) fn for_table(value: ValueRef<'_>) -> sql::Value<'_> {
    match value {
        ValueRef::Null => sql::Value::Null,
        ValueRef::Bool(value) => sql::Value::Bool(value),
        ValueRef::Int(number) => sql::Value::Int(number),
        ValueRef::Float(number) => sql::Value::Float(number),
        ValueRef::Timestamp(micros) => sql::Value::Timestamp(micros),
        ValueRef::Text(text) | ValueRef::Json(text) => sql::Value::Text(text),
        ValueRef::Bytes(bytes) => sql::Value::Bytes(bytes),
    }
}

pub(crate) fn column_kind(kind: Kind) -> sql::ColumnKind {
    match kind {
        Kind::Any => sql::ColumnKind::Any,
        Kind::Bool => sql::ColumnKind::Bool,
        Kind::Int => sql::ColumnKind::Int,
        Kind::Float => sql::ColumnKind::Float,
        Kind::Timestamp => sql::ColumnKind::Timestamp,
        Kind::Text => sql::ColumnKind::Text,
        Kind::Bytes => sql::ColumnKind::Bytes,
        Kind::Json => sql::ColumnKind::Json,
    }
}

/// The text of a field, which bytes may be as well.
pub(crate) fn text<'a>(value: ValueRef<'a>, field: &str) -> Result<&'a str> {
    match value {
        ValueRef::Text(text) | ValueRef::Json(text) => Ok(text),
        ValueRef::Bytes(bytes) => std::str::from_utf8(bytes)
            .map_err(|error| Error::data(format!("field `{field}` is not UTF-8: {error}"))),
        ValueRef::Null => Err(Error::data(format!("field `{field}` is null"))),
        value => Err(Error::data(format!("field `{field}` is not text but `{value}`"))),
    }
}

/// Appends a value as JSON; a timestamp as text by RFC 3339, bytes as text where they are UTF-8
/// and as a list of numbers where they are not.
pub(crate) fn write_json(value: ValueRef<'_>, to: &mut String) {
    match value {
        ValueRef::Null => to.push_str("null"),
        ValueRef::Bool(value) => to.push_str(if value { "true" } else { "false" }),
        ValueRef::Int(number) => to.push_str(&number.to_string()),
        // JSON has no infinities.
        ValueRef::Float(number) if !number.is_finite() => to.push_str("null"),
        ValueRef::Float(number) => to.push_str(&format!("{number:?}")),
        ValueRef::Timestamp(micros) => {
            to.push('"');
            to.push_str(&parse::rfc3339(micros));
            to.push('"');
        }
        ValueRef::Text(text) => write_json_text(text, to),
        ValueRef::Json(text) => to.push_str(text),
        ValueRef::Bytes(bytes) => match std::str::from_utf8(bytes) {
            Ok(text) => write_json_text(text, to),
            Err(_) => to.push_str(&serde_json::Value::from(bytes).to_string()),
        },
    }
}

pub(crate) fn write_json_text(text: &str, to: &mut String) {
    to.push('"');
    let mut rest = text;
    while let Some(at) = rest.find(|c: char| c == '"' || c == '\\' || c < ' ') {
        let (plain, special) = rest.split_at(at);
        to.push_str(plain);
        match special.as_bytes()[0] {
            b'"' => to.push_str("\\\""),
            b'\\' => to.push_str("\\\\"),
            b'\n' => to.push_str("\\n"),
            b'\r' => to.push_str("\\r"),
            b'\t' => to.push_str("\\t"),
            byte => to.push_str(&format!("\\u{byte:04x}")),
        }
        rest = &special[1..];
    }
    to.push_str(rest);
    to.push('"');
}

/// Appends a tuple as a JSON object.
pub(crate) fn write_object<'a>(
    fields: impl Iterator<Item = (&'a str, ValueRef<'a>)>,
    to: &mut String,
) {
    to.push('{');
    for (index, (name, value)) in fields.enumerate() {
        if index > 0 {
            to.push(',');
        }
        write_json_text(name, to);
        to.push(':');
        write_json(value, to);
    }
    to.push('}');
}

/// The memory of a vector, for values of another lifetime.
pub(crate) fn recycle<A, B>(mut values: Vec<A>, nothing: impl Fn() -> B) -> Vec<B> {
    values.clear();
    // Collecting in place: the standard library keeps the allocation, as both have one layout.
    values.into_iter().map(|_| nothing()).collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn objects_are_json_that_others_read() {
        let fields = [
            ("text\n", ValueRef::Text("a\"b\\c\u{1}é\t")),
            ("float", ValueRef::Float(1.0)),
            ("nan", ValueRef::Float(f64::NAN)),
            ("at", ValueRef::Timestamp(1_000_001)),
            ("raw", ValueRef::Bytes(b"\xff")),
            ("tree", ValueRef::Json("[1]")),
        ];
        let mut text = String::new();
        write_object(fields.into_iter(), &mut text);
        let parsed: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert_eq!(
            parsed,
            serde_json::json!({"text\n": "a\"b\\c\u{1}é\t", "float": 1.0, "nan": null, "at": "1970-01-01T00:00:01.000001Z", "raw": [255], "tree": [1]})
        );
    }
}
