//! `tests:` of a topology file: tuples that go in, and tuples that are expected to come out.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use squall_config::{Code, Report, Section, did_you_mean};

use super::{flow::field_help, plan::Component, spec::ComponentSpec};
use crate::component::Role;

/// A tuple by its fields' names.
pub type Row = BTreeMap<String, serde_json::Value>;

/// A test of a topology: what its spouts emit, and what its components are expected to.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TestCase {
    /// What it is about.
    pub name: String,
    /// The tuples that each spout emits, by its id, instead of what it would read.
    pub input: BTreeMap<String, Vec<Row>>,
    /// The tuples that are expected of a component, by its id. A bolt that emits nothing, such as a
    /// sink, is expected to receive them.
    pub expect: BTreeMap<String, Vec<Row>>,
}

/// Reads the tests and checks that their components and fields exist.
pub(super) fn read(
    root: &Section,
    specs: &[ComponentSpec],
    components: &[Option<Component>],
    report: &mut Report,
) -> Vec<TestCase> {
    let Some(list) = root.get("tests").filter(|list| !list.is_null()) else {
        return Vec::new();
    };
    let Some(cases) = report.take(list.read::<Vec<TestCase>>()) else {
        return Vec::new();
    };
    for section in list.items() {
        for entry in section.get("input").map(|input| input.entries()).unwrap_or_default() {
            check(&entry.key, &entry.value, Some(Role::Spout), specs, components, report);
        }
        for entry in section.get("expect").map(|expect| expect.entries()).unwrap_or_default() {
            check(&entry.key, &entry.value, None, specs, components, report);
        }
    }
    cases
}

fn check(
    id: &str,
    rows: &Section,
    role: Option<Role>,
    specs: &[ComponentSpec],
    components: &[Option<Component>],
    report: &mut Report,
) {
    let fits = |spec: &&ComponentSpec| role.is_none_or(|role| spec.role == role);
    let Some(position) = specs.iter().position(|spec| spec.id == id && fits(&spec)) else {
        let ids: Vec<_> = specs.iter().filter(fits).map(|spec| spec.id.as_str()).collect();
        let help = match did_you_mean(id, ids.iter().copied()) {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!("there are {}", ids.join(", ")),
        };
        let what = role.map_or("component", |_| "spout");
        let message = format!("there is no {what} `{id}`");
        report.add(rows.key_mistake(Code::BadTest, message).help(help));
        return;
    };
    let Some(component) = &components[position] else {
        return;
    };
    let emitted = component.streams.get("default").map(|stream| stream.schema.clone());
    let schema = emitted.unwrap_or_else(|| component.inputs.common());
    for field in rows.items().iter().flat_map(Section::entries) {
        if schema.index(&field.key).is_none() {
            let message = format!("`{id}` has no field `{}`", field.key);
            let mistake = field.value.key_mistake(Code::UnknownField, message);
            report.add(mistake.help(field_help(&field.key, &schema)));
        }
    }
}
