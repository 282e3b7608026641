//! Reads the tests of a topology file and checks that their components and fields exist.

use std::time::Duration;

use squall_config::{Code, Entry, Kind, Mistake, Report, Section, TimeSpan, did_you_mean};

use super::{
    Entrance, Expected, TestCase, TestInput, stage,
    values::{self, micros},
    written::{Order, Written},
};
use crate::{
    topology::Component,
    tuple::{Schema, Value},
};

/// What lets time pass stands before how much of it.
const AFTER: &str = "after";
/// The stream that is meant when none is named.
const DEFAULT: &str = "default";

/// The ids of all components, in the order of the file; without the component if there is a mistake
/// in it.
type Known<'a> = [(&'a str, Option<&'a Component>)];

/// Reads the tests and checks that their components and fields exist.
pub(crate) fn read(root: &Section, known: &Known<'_>, report: &mut Report) -> Vec<TestCase> {
    let Some(list) = root.get("tests").filter(|list| !list.is_null()) else {
        return Vec::new();
    };
    if list.kind() != Kind::List {
        let message = format!("expected a list of tests, found {}", list.kind().name());
        report.add(list.mistake(Code::WrongType, message).help("each begins with `- name: ...`"));
        return Vec::new();
    }
    list.items().iter().filter_map(|section| case(section, known, report)).collect()
}

fn case(section: &Section, known: &Known<'_>, report: &mut Report) -> Option<TestCase> {
    let written: Written = report.take(section.read())?;
    if written.expect.is_none() && written.dead.is_none() {
        let mistake = section.mistake(Code::MissingKey, "`expect` is missing");
        report.add(mistake.help("add `expect: ...`"));
    }
    let at = match &written.at {
        None => 0,
        Some(text) => micros(text).unwrap_or_else(|| {
            let message = format!("`{text}` is no point in time");
            let mistake = section.mistake_at("at", Code::BadValue, message);
            report.add(mistake.help("write it as 2026-05-01T12:00:00Z"));
            0
        }),
    };
    let entries = |key: &str| section.get(key).map(|map| map.entries()).unwrap_or_default();
    let input = entries("input");
    let input: Vec<_> =
        input.iter().filter_map(|entry| self::input(entry, at, known, report)).collect();
    let mut expect = Vec::new();
    for entry in entries("expect") {
        if let Some(expected) = expected(&entry, known, report) {
            check_reached(&entry, &expected.id, &input, known, report);
            expect.push(expected);
        }
    }
    Some(TestCase {
        name: written.name,
        place: section.get("name")?.place(),
        at,
        input,
        expect,
        dead: written.dead.unwrap_or_default(),
        in_order: written.order == Order::Exact,
        more: written.more,
    })
}

/// What is given to one component.
fn input(entry: &Entry, at: i64, known: &Known<'_>, report: &mut Report) -> Option<TestInput> {
    let component = component(entry, known, report)?;
    let rest = entry.key.split_once('.').map(|(_, rest)| rest);
    let found = match component.is_spout() {
        true => stream(component, rest.unwrap_or(DEFAULT)),
        false => arrival(component, rest),
    };
    let (to, schema) = match found {
        Ok(found) => found,
        Err((code, message, help)) => {
            report.add(entry.value.key_mistake(code, message).help(help));
            return None;
        }
    };
    let (mut tuples, mut now) = (Vec::new(), Duration::ZERO);
    for item in items(&entry.value, report) {
        match item.text() {
            Some(text) => now += passes(&item, text, now, at, report)?,
            None => tuples.extend(tuple(&item, &entry.key, &schema, report).map(|t| (now, t))),
        }
    }
    Some(TestInput { to, tuples, end: now })
}

/// What is wrong with a key, and what to do about it.
type Wrong = (Code, String, String);

/// A spout's stream.
fn stream(spout: &Component, name: &str) -> Result<(Entrance, Schema), Wrong> {
    let streams = spout.streams.all();
    let Some(index) = streams.iter().position(|stream| stream.name == name) else {
        let names = streams.iter().map(|stream| stream.name.as_str()).collect();
        let message = format!("`{}` has no stream `{name}`", spout.id);
        return Err((Code::UnknownStream, message, meant(name, names, "its streams are")));
    };
    Ok((Entrance::Spout { id: spout.id.clone(), stream: index }, streams[index].schema.clone()))
}

/// One of a bolt's inputs: the only one, that of this component, or that of its stream.
fn arrival(bolt: &Component, name: Option<&str>) -> Result<(Entrance, Schema), Wrong> {
    let inputs = bolt.inputs.all();
    let matching: Vec<usize> = match name {
        None => (0..inputs.len()).collect(),
        Some(name) => {
            let named = |index: &usize| {
                let input = &inputs[*index];
                name == input.from || name == format!("{}.{}", input.from, input.stream)
            };
            (0..inputs.len()).filter(named).collect()
        }
    };
    if let [input] = matching[..] {
        let entrance = Entrance::Bolt { id: bolt.id.clone(), input };
        return Ok((entrance, inputs[input].schema.clone()));
    }
    let full = |input: &crate::Input| match input.stream.as_str() {
        DEFAULT => input.from.clone(),
        stream => format!("{}.{stream}", input.from),
    };
    let names: Vec<_> = inputs.iter().map(full).collect();
    Err(match name.filter(|_| matching.is_empty()) {
        Some(name) => {
            let names = names.iter().map(String::as_str).collect();
            let message = format!("`{}` does not read `{name}`", bolt.id);
            (Code::BadTest, message, meant(name, names, "it reads"))
        }
        None => {
            let names: Vec<_> = names.iter().map(|name| format!("`{}.{name}`", bolt.id)).collect();
            let message = format!("`{}` has several inputs", bolt.id);
            (Code::BadTest, message, format!("write {}", names.join(" or ")))
        }
    })
}

/// What is expected of one component.
fn expected(entry: &Entry, known: &Known<'_>, report: &mut Report) -> Option<Expected> {
    let component = component(entry, known, report)?;
    let name = entry.key.split_once('.').map(|(_, rest)| rest);
    let is_sink = component.streams.all().is_empty();
    let (stream, schemas) = match component.streams.get(name.unwrap_or(DEFAULT)) {
        Some(stream) => (Some(stream.name.clone()), vec![stream.schema.clone()]),
        None if name.is_none() && is_sink => {
            let inputs = component.inputs.all().iter();
            (None, inputs.map(|input| input.schema.clone()).collect())
        }
        None => {
            let name = name.unwrap_or(DEFAULT);
            let names: Vec<_> =
                component.streams.all().iter().map(|stream| stream.name.as_str()).collect();
            let message = format!("`{}` has no stream `{name}`", component.id);
            let help = match is_sink {
                true => format!("write `{}` for what it receives", component.id),
                false => meant(name, names, "its streams are"),
            };
            report.add(entry.value.key_mistake(Code::UnknownStream, message).help(help));
            return None;
        }
    };
    let schema = union(&schemas);
    let items = items(&entry.value, report);
    let tuples = items.iter().filter_map(|item| fields(item, &entry.key, &schema, report));
    let tuples = tuples.collect();
    Some(Expected { of: entry.key.to_string(), id: component.id.clone(), stream, tuples })
}

/// Whether anything that the test gives comes to what it looks at.
fn check_reached(
    entry: &Entry,
    id: &str,
    input: &[TestInput],
    known: &Known<'_>,
    report: &mut Report,
) {
    // With a mistake elsewhere it may come there once that is corrected.
    let components: Option<Vec<&Component>> = known.iter().map(|(_, found)| *found).collect();
    let Some(components) = components.filter(|_| !report.has_errors()) else { return };
    if !stage::reached(&components, input.iter().map(|input| &input.to)).contains(id) {
        let message = format!("nothing of the input of this test comes to `{id}`");
        let mistake = entry.value.key_mistake(Code::BadTest, message);
        report.add(mistake.help("give tuples under `input` to something that it reads, or to it"));
    }
}

/// The component that a key names, perhaps with something behind a dot.
fn component<'a>(entry: &Entry, known: &Known<'a>, report: &mut Report) -> Option<&'a Component> {
    let id = entry.key.split('.').next().unwrap_or_default();
    match known.iter().find(|(known, _)| *known == id) {
        Some((_, component)) => *component,
        None => {
            let ids = known.iter().map(|(id, _)| *id).collect();
            let message = format!("there is no component `{id}`");
            let mistake = entry.value.key_mistake(Code::BadTest, message);
            report.add(mistake.help(meant(id, ids, "there are")));
            None
        }
    }
}

fn items(list: &Section, report: &mut Report) -> Vec<Section> {
    if !matches!(list.kind(), Kind::List | Kind::Null) {
        let message = format!("expected a list of tuples, found {}", list.kind().name());
        report.add(list.mistake(Code::WrongType, message).help("each begins with `- { ... }`"));
    }
    list.items()
}

/// The time that `after 30s` lets pass.
fn passes(
    item: &Section,
    text: &str,
    now: Duration,
    at: i64,
    report: &mut Report,
) -> Option<Duration> {
    let span = text.strip_prefix(AFTER).filter(|span| span.starts_with(' '));
    let span = span.and_then(|span| span.parse::<TimeSpan>().ok());
    let Some(TimeSpan(span)) = span else {
        let message = format!("expected a tuple or time that passes, found the text `{text}`");
        let help = "a tuple is a map such as `{ field: value }`; time passes by `after 30s`";
        report.add(item.mistake(Code::WrongType, message).help(help));
        return None;
    };
    let end =
        i64::try_from((now + span).as_micros()).ok().and_then(|micros| at.checked_add(micros));
    if end.is_none() {
        report.add(item.mistake(Code::BadValue, "that is later than a timestamp can hold"));
    }
    end.map(|_| span)
}

/// A tuple of the stream; what it does not name is null.
fn tuple(item: &Section, of: &str, schema: &Schema, report: &mut Report) -> Option<Vec<Value>> {
    let mut tuple = vec![Value::Null; schema.len()];
    for (field, value) in fields(item, of, schema, report)? {
        if let Some(index) = schema.index(&field) {
            tuple[index] = value;
        }
    }
    Some(tuple)
}

/// The fields that a tuple names.
fn fields(
    item: &Section,
    of: &str,
    schema: &Schema,
    report: &mut Report,
) -> Option<Vec<(String, Value)>> {
    if item.kind() != Kind::Map {
        let message = format!("expected a tuple, which is a map, found {}", item.kind().name());
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
                let found = entry.value.kind().name();
                let message =
                    format!("expected {expected} for the field `{}`, found {found}", field.name);
                report.add(entry.value.mistake(Code::WrongType, message));
            }
        }
    }
    Some(fields)
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
fn union(schemas: &[Schema]) -> Schema {
    let mut fields: Vec<(String, crate::tuple::Kind)> = Vec::new();
    for field in schemas.iter().flat_map(Schema::fields) {
        match fields.iter_mut().find(|(name, _)| *name == field.name) {
            Some((_, kind)) if *kind != field.kind => *kind = crate::tuple::Kind::Any,
            Some(_) => {}
            None => fields.push((field.name.clone(), field.kind)),
        }
    }
    Schema::new(fields)
}

/// The name that was meant, or those that there are.
fn meant(word: &str, names: Vec<&str>, otherwise: &str) -> String {
    match did_you_mean(word, names.iter().copied()) {
        Some(near) => format!("did you mean `{near}`?"),
        None => format!("{otherwise} {}", names.join(", ")),
    }
}
