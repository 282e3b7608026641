//! Reads the tests of a topology file and checks that their components and fields exist.

use std::time::Duration;

use squall_config::{Code, Entry, Kind, Report, Section, did_you_mean};

use super::{
    Entrance, Expected, TestCase, TestInput, stage,
    tuples::{fields, items, passes, tuple, union},
    values::micros,
    written::{Order, Written},
};
use crate::{component::Input, topology::Component, tuple::Schema};

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
            Some(text) => now += passes(&item, text, now, at, report),
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
    let full = |input: &Input| match input.stream.as_str() {
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

/// The name that was meant, or those that there are.
pub(super) fn meant(word: &str, names: Vec<&str>, otherwise: &str) -> String {
    match did_you_mean(word, names.iter().copied()) {
        Some(near) => format!("did you mean `{near}`?"),
        None => format!("{otherwise} {}", names.join(", ")),
    }
}
