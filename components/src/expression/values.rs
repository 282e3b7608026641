//! Values of tuples and of expressions, seen as each other.

use cel::{
    common::{
        types::{CelBool, CelBytes, CelDouble, CelInt, CelNull, CelString, CelTimestamp},
        value::CowVal,
    },
    objects::Key,
};
use chrono::{DateTime, FixedOffset};
use squall_framework::{Value, ValueRef};

use crate::values::write_json_text;

pub(super) fn for_cel(value: ValueRef<'_>) -> CowVal<'_, '_> {
    match value {
        ValueRef::Null => CowVal::owned(CelNull),
        ValueRef::Bool(value) => CowVal::owned(CelBool::from(value)),
        ValueRef::Int(number) => CowVal::owned(CelInt::from(number)),
        ValueRef::Float(number) => CowVal::owned(CelDouble::from(number)),
        ValueRef::Timestamp(micros) => match timestamp(micros) {
            Some(time) => CowVal::owned(CelTimestamp::from(time)),
            None => CowVal::owned(CelInt::from(micros)),
        },
        ValueRef::Text(text) | ValueRef::Json(text) => CowVal::owned(CelString::from(text)),
        ValueRef::Bytes(bytes) => CowVal::owned(CelBytes::from(bytes)),
    }
}

pub(super) fn timestamp(micros: i64) -> Option<DateTime<FixedOffset>> {
    DateTime::from_timestamp_micros(micros).map(|time| time.fixed_offset())
}

/// Lists and maps become JSON, durations seconds.
pub(super) fn of_cel(value: cel::Value) -> Result<Value, String> {
    Ok(match value {
        cel::Value::Null => Value::Null,
        cel::Value::Bool(value) => Value::Bool(value),
        cel::Value::Int(number) => Value::Int(number),
        cel::Value::UInt(number) => Value::Int(
            i64::try_from(number)
                .map_err(|_| format!("gives {number}, more than an int can hold"))?,
        ),
        cel::Value::Float(number) => Value::Float(number),
        cel::Value::String(text) => Value::Text(std::sync::Arc::unwrap_or_clone(text)),
        cel::Value::Bytes(bytes) => Value::Bytes(std::sync::Arc::unwrap_or_clone(bytes)),
        cel::Value::Timestamp(time) => Value::Timestamp(time.timestamp_micros()),
        cel::Value::Duration(span) => Value::Float(seconds(span)),
        tree @ (cel::Value::List(_) | cel::Value::Map(_)) => {
            let mut text = String::new();
            write(&tree, &mut text)?;
            Value::Json(text)
        }
        other => return Err(format!("gives a {}, which no field can hold", other.type_of())),
    })
}

fn seconds(span: chrono::Duration) -> f64 {
    span.num_milliseconds() as f64 / 1e3
}

fn write(value: &cel::Value, to: &mut String) -> Result<(), String> {
    match value {
        cel::Value::List(items) => {
            to.push('[');
            for (index, item) in items.iter().enumerate() {
                if index > 0 {
                    to.push(',');
                }
                write(item, to)?;
            }
            to.push(']');
        }
        cel::Value::Map(map) => {
            // Sorted, because the map itself has no order.
            let mut entries: Vec<_> =
                map.map.iter().map(|(key, value)| (key_text(key), value)).collect();
            entries.sort_by(|a, b| a.0.cmp(&b.0));
            to.push('{');
            for (index, (key, value)) in entries.into_iter().enumerate() {
                if index > 0 {
                    to.push(',');
                }
                write_json_text(&key, to);
                to.push(':');
                write(value, to)?;
            }
            to.push('}');
        }
        scalar => crate::values::write_json(of_cel(scalar.clone())?.as_ref(), to),
    }
    Ok(())
}

fn key_text(key: &Key) -> String {
    match key {
        Key::String(text) => text.as_ref().clone(),
        Key::Int(number) => number.to_string(),
        Key::Uint(number) => number.to_string(),
        Key::Bool(value) => value.to_string(),
    }
}
