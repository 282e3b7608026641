//! The tuples of a test, as they are written: maps of fields, and time that passes between them.

use std::time::Duration;

use squall_config::{Code, Entry, Kind, Mistake, Report, Section, TimeSpan};

use super::{read::meant, values};
use crate::tuple::{self, Schema, Value};

/// What lets time pass stands before how much of it.
const AFTER: &str = "after";

/// The items of a list of tuples.
pub(super) fn items(list: &Section, report: &mut Report) -> Vec<Section> {
    if !matches!(list.kind(), Kind::List | Kind::Null) {
        let message = format!("expected a list of tuples, found {}", list.kind().name());
        report.add(list.mistake(Code::WrongType, message).help("each begins with `- { ... }`"));
    }
    list.items()
}

/// The time that `after 30s` lets pass.
pub(super) fn passes(
    item: &Section,
    text: &str,
    now: Duration,
    at: i64,
    report: &mut Report,
) -> Duration {
    let span = text.strip_prefix(AFTER).filter(|span| span.starts_with(' '));
    let span = span.and_then(|span| span.parse::<TimeSpan>().ok());
    let Some(TimeSpan(span)) = span else {
        let message = format!("expected a tuple or time that passes, found the text `{text}`");
        let help = "a tuple is a map such as `{ field: value }`; time passes by `after 30s`";
        report.add(item.mistake(Code::WrongType, message).help(help));
        return Duration::ZERO;
    };
    let end = now.checked_add(span).and_then(|end| i64::try_from(end.as_micros()).ok());
    if end.is_none_or(|micros| at.checked_add(micros).is_none()) {
        report.add(item.mistake(Code::BadValue, "that is later than a timestamp can hold"));
        return Duration::ZERO;
    }
    span
}

/// A tuple of the stream; what it does not name is null.
pub(super) fn tuple(
    item: &Section,
    of: &str,
    schema: &Schema,
    report: &mut Report,
) -> Option<Vec<Value>> {
    let mut tuple = vec![Value::Null; schema.len()];
    for (field, value) in fields(item, of, schema, report)? {
        if let Some(index) = schema.index(&field) {
            tuple[index] = value;
        }
    }
    Some(tuple)
}

/// The fields that a tuple names.
pub(super) fn fields(
    item: &Section,
    of: &str,
    schema: &Schema,
    report: &mut Report,
) -> Option<Vec<(String, Value)>> {
    if item.kind() != Kind::Map {
        let message = format!("expected a tuple, which is a map, found {}", item.describe());
        report.add(item.mistake(Code::WrongType, message));
        return None;
    }
    let mut fields = Vec::new();
    for entry in item.entries() {
        let Some(field) = schema.field(&entry.key) else {
            report.add(unknown_field(&entry, of, schema));
            continue;
        };
        match values::read(&entry.value.value(), field.kind) {
            Ok(value) => fields.push((field.name.clone(), value)),
            Err(expected) => {
                let (name, found) = (&field.name, entry.value.describe());
                let message = format!("expected {expected} for the field `{name}`, found {found}");
                let mistake = entry.value.mistake(Code::WrongType, message);
                report.add(mistake.maybe_help(in_quotes(&entry.value, field.kind)));
            }
        }
    }
    Some(fields)
}

/// What to do about a number where a text is expected.
fn in_quotes(value: &Section, kind: tuple::Kind) -> Option<String> {
    let plain = matches!(value.kind(), Kind::Number | Kind::Bool) && kind == tuple::Kind::Text;
    plain.then(|| format!("put it in quotes: \"{}\"", value.extent().text()))
}

fn unknown_field(entry: &Entry, of: &str, schema: &Schema) -> Mistake {
    let message = format!("`{of}` has no field `{}`", entry.key);
    let mistake = entry.value.key_mistake(Code::UnknownField, message);
    let span = entry.value.text().filter(|text| text.parse::<TimeSpan>().is_ok());
    mistake.help(match span.filter(|_| &*entry.key == AFTER) {
        Some(span) => format!("write `after {span}` for time that passes"),
        None => meant(&entry.key, schema.names().collect(), "its fields are"),
    })
}

/// The fields of all these, each once.
pub(super) fn union(schemas: &[Schema]) -> Schema {
    let mut fields: Vec<(String, tuple::Kind)> = Vec::new();
    for field in schemas.iter().flat_map(Schema::fields) {
        match fields.iter_mut().find(|(name, _)| *name == field.name) {
            Some((_, kind)) if *kind != field.kind => *kind = tuple::Kind::Any,
            Some(_) => {}
            None => fields.push((field.name.clone(), field.kind)),
        }
    }
    Schema::new(fields)
}
