//! Values as a test has them: read by the kind of their field, compared with what came, and shown.

use chrono::{DateTime, SecondsFormat};
use serde::de::IgnoredAny;
use serde_json::json;
use serde_yaml::Value as Yaml;

use crate::tuple::{Kind, Value};

/// The key of bytes that are no text.
const HEX: &str = "hex";
/// Numbers with a fraction are alike if they differ by less than this part of them.
const PRECISION: f64 = 1e-9;

/// The value of a field of this kind.
///
/// # Errors
/// What was expected, in words.
pub(super) fn read(written: &Yaml, kind: Kind) -> Result<Value, &'static str> {
    if written.is_null() {
        return Ok(Value::Null);
    }
    match kind {
        Kind::Any => match written {
            Yaml::Bool(value) => Ok(Value::Bool(*value)),
            Yaml::String(text) => Ok(Value::Text(text.clone())),
            Yaml::Number(number) => match number.as_i64() {
                Some(number) => Ok(Value::Int(number)),
                None => number.as_f64().map(Value::Float).ok_or("a number"),
            },
            other => to_json(other),
        },
        Kind::Bool => written.as_bool().map(Value::Bool).ok_or("true or false"),
        Kind::Int => written.as_i64().map(Value::Int).ok_or("a whole number"),
        Kind::Float => written.as_f64().map(Value::Float).ok_or("a number"),
        Kind::Timestamp => match written {
            Yaml::String(text) => micros(text).map(Value::Timestamp),
            other => other.as_i64().map(Value::Timestamp),
        }
        .ok_or("a point in time such as 2026-05-01T12:00:00Z"),
        Kind::Text => written.as_str().map(|text| Value::Text(text.into())).ok_or("a text"),
        Kind::Bytes => match written.as_str() {
            Some(text) => Some(text.into()),
            None => written.get(HEX).and_then(Yaml::as_str).and_then(from_hex),
        }
        .map(Value::Bytes)
        .ok_or("a text, or `{ hex: 00ff }`"),
        Kind::Json => match written.as_str() {
            Some(text) if is_json(text) => Ok(Value::Json(text.into())),
            _ => to_json(written),
        },
    }
}

/// Whether what came is what was expected.
pub(super) fn alike(expected: &Value, found: &Value) -> bool {
    match (expected, found) {
        (Value::Int(a), Value::Float(b)) => near(*a as f64, *b),
        (Value::Float(a), Value::Int(b)) => near(*a, *b as f64),
        (Value::Float(a), Value::Float(b)) => near(*a, *b) || (a.is_nan() && b.is_nan()),
        // Of a field of any kind it is not known before what it holds.
        (Value::Text(text), Value::Timestamp(at)) => micros(text) == Some(*at),
        (Value::Int(a), Value::Timestamp(b)) => a == b,
        (Value::Text(text), Value::Bytes(bytes)) => text.as_bytes() == bytes,
        (Value::Bytes(bytes), Value::Text(text)) => text.as_bytes() == bytes,
        (Value::Json(a), Value::Json(b) | Value::Text(b)) | (Value::Text(a), Value::Json(b)) => {
            let parse = |text: &str| serde_json::from_str::<serde_json::Value>(text).ok();
            a == b || parse(a).is_some_and(|a| Some(a) == parse(b))
        }
        _ => expected == found,
    }
}

fn near(a: f64, b: f64) -> bool {
    a == b || (a - b).abs() <= PRECISION * a.abs().max(b.abs())
}

/// A value as one would write it into a test.
pub(super) fn shown(value: &Value) -> serde_json::Value {
    match value {
        Value::Null => serde_json::Value::Null,
        Value::Bool(value) => (*value).into(),
        Value::Int(number) => (*number).into(),
        Value::Float(number) if number.is_finite() => (*number).into(),
        Value::Float(number) => number.to_string().into(),
        Value::Timestamp(at) => match DateTime::from_timestamp_micros(*at) {
            Some(time) => time.to_rfc3339_opts(SecondsFormat::AutoSi, true).into(),
            None => (*at).into(),
        },
        Value::Text(text) => text.as_str().into(),
        Value::Bytes(bytes) => match std::str::from_utf8(bytes) {
            Ok(text) => text.into(),
            Err(_) => json!({ HEX: to_hex(bytes) }),
        },
        Value::Json(text) => serde_json::from_str(text).unwrap_or_else(|_| text.as_str().into()),
    }
}

/// Microseconds since 1970-01-01 UTC of a time by RFC 3339.
pub(super) fn micros(text: &str) -> Option<i64> {
    DateTime::parse_from_rfc3339(text.trim()).ok().map(|time| time.timestamp_micros())
}

fn is_json(text: &str) -> bool {
    serde_json::from_str::<IgnoredAny>(text).is_ok()
}

fn to_json(value: &Yaml) -> Result<Value, &'static str> {
    serde_json::to_string(value).map(Value::Json).map_err(|_| "what JSON can hold")
}

fn to_hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn from_hex(text: &str) -> Option<Vec<u8>> {
    if !text.is_ascii() || !text.len().is_multiple_of(2) {
        return None;
    }
    let pair = |at: usize| u8::from_str_radix(text.get(at..at + 2)?, 16).ok();
    (0..text.len()).step_by(2).map(pair).collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn of(text: &str, kind: Kind) -> Result<Value, &'static str> {
        read(&serde_yaml::from_str(text).unwrap(), kind)
    }

    #[test]
    fn values_are_read_by_the_kind_of_their_field() {
        let noon = 1_777_636_800_000_000;
        for (text, kind, expected) in [
            ("null", Kind::Int, Value::Null),
            ("true", Kind::Bool, Value::Bool(true)),
            ("7", Kind::Int, Value::Int(7)),
            ("7", Kind::Float, Value::Float(7.0)),
            ("2026-05-01T12:00:00Z", Kind::Timestamp, Value::Timestamp(noon)),
            ("2026-05-01T14:00:00.5+02:00", Kind::Timestamp, Value::Timestamp(noon + 500_000)),
            ("1777636800000000", Kind::Timestamp, Value::Timestamp(noon)),
            ("a text", Kind::Text, Value::Text("a text".into())),
            ("a text", Kind::Bytes, Value::Bytes(b"a text".into())),
            ("{ hex: 00fF }", Kind::Bytes, Value::Bytes(vec![0, 255])),
            ("{ a: [1, x] }", Kind::Json, Value::Json(r#"{"a":[1,"x"]}"#.into())),
            (r#"'{"a": 1}'"#, Kind::Json, Value::Json(r#"{"a": 1}"#.into())),
            ("a text", Kind::Json, Value::Json(r#""a text""#.into())),
            ("7", Kind::Any, Value::Int(7)),
            ("7.5", Kind::Any, Value::Float(7.5)),
            ("[7]", Kind::Any, Value::Json("[7]".into())),
        ] {
            assert_eq!(of(text, kind), Ok(expected), "{text} as {kind}");
        }
    }

    #[test]
    fn values_that_do_not_fit_are_refused() {
        for (text, kind, expected) in [
            ("yes", Kind::Bool, "true or false"),
            ("7.5", Kind::Int, "a whole number"),
            ("'7'", Kind::Int, "a whole number"),
            ("seven", Kind::Float, "a number"),
            ("noon", Kind::Timestamp, "a point in time such as 2026-05-01T12:00:00Z"),
            ("7", Kind::Text, "a text"),
            ("{ hex: 0 }", Kind::Bytes, "a text, or `{ hex: 00ff }`"),
            ("{ hex: éé }", Kind::Bytes, "a text, or `{ hex: 00ff }`"),
        ] {
            assert_eq!(of(text, kind), Err(expected), "{text} as {kind}");
        }
    }

    #[test]
    fn what_came_is_compared_by_what_it_means() {
        for (text, kind, found, is) in [
            ("0.3", Kind::Float, Value::Float(0.1 + 0.2), true),
            ("3", Kind::Any, Value::Float(3.0), true),
            ("3", Kind::Float, Value::Float(3.001), false),
            ("1970-01-01T00:00:01Z", Kind::Any, Value::Timestamp(1_000_000), true),
            ("{ a: 1, b: 2 }", Kind::Json, Value::Json(r#"{"b": 2, "a": 1}"#.into()), true),
            ("raw", Kind::Text, Value::Bytes(b"raw".into()), true),
            ("null", Kind::Int, Value::Int(0), false),
            ("'3'", Kind::Text, Value::Int(3), false),
        ] {
            assert_eq!(alike(&of(text, kind).unwrap(), &found), is, "{text} and {found}");
        }
    }

    #[test]
    fn values_are_shown_as_they_are_written() {
        let time = |at| shown(&Value::Timestamp(at));
        assert_eq!(time(0), "1970-01-01T00:00:00Z");
        assert_eq!(time(1_500_000), "1970-01-01T00:00:01.500Z");
        assert_eq!(shown(&Value::Bytes(vec![0, 255])), json!({ "hex": "00ff" }));
        assert_eq!(shown(&Value::Json(r#"{"a":1}"#.into())), json!({ "a": 1 }));
    }
}
