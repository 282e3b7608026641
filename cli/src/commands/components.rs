//! `squall components`: what a topology may name.

use serde_json::{Value, json};
use squall_config::did_you_mean;
use squall_framework::{ComponentType, Registry, Role};

use crate::{
    args::ComponentsArgs,
    failure::{Exit, Failure},
    terminal::Terminal,
    text::table,
};

pub(super) fn run(
    args: &ComponentsArgs,
    registry: &Registry,
    terminal: &Terminal,
) -> Result<Exit, Failure> {
    let Some(name) = &args.name else { return list(args.json, registry, terminal) };
    let found: Vec<_> = registry.all().filter(|kind| kind.name() == name).collect();
    if found.is_empty() {
        let names = registry.all().map(ComponentType::name);
        let help = match did_you_mean(name, names) {
            Some(near) => format!("did you mean `{near}`?"),
            None => "`squall components` lists them all".to_owned(),
        };
        return Err(Failure::usage(format!("there is no component `{name}`")).help(help));
    }
    if args.json {
        terminal.json(&found.iter().map(|kind| as_json(kind)).collect::<Vec<_>>())?;
        return Ok(Exit::Done);
    }
    for (place, kind) in found.into_iter().enumerate() {
        if place > 0 {
            terminal.line("")?;
        }
        terminal.line(&page(kind))?;
    }
    Ok(Exit::Done)
}

fn list(json: bool, registry: &Registry, terminal: &Terminal) -> Result<Exit, Failure> {
    if json {
        let all: Vec<_> = registry.all().map(as_json).collect();
        terminal.json(&all)?;
        return Ok(Exit::Done);
    }
    let rows: Vec<_> = registry
        .all()
        .map(|kind| {
            vec![role(kind.role()).to_owned(), kind.name().to_owned(), kind.summary().to_owned()]
        })
        .collect();
    terminal.line(&table(&["role ", "type ", "about "], &rows))?;
    terminal.line("`squall components NAME` explains one of them.")?;
    Ok(Exit::Done)
}

fn as_json(kind: &ComponentType) -> Value {
    json!({
        "role": kind.role(),
        "type": kind.name(),
        "summary": kind.summary(),
        "documentation": kind.documentation(),
        "options": kind.options(),
    })
}

fn page(kind: &ComponentType) -> String {
    let mut text = format!("{} ({})\n\n{}\n", kind.name(), role(kind.role()), kind.documentation());
    let options = options(kind);
    if !options.is_empty() {
        text.push_str("\nOptions\n");
        for option in options {
            let wanted = if option.required { ", required" } else { "" };
            text.push_str(&format!("  {} ({}{wanted})\n", option.name, option.kind));
            for line in option.about.lines() {
                text.push_str(&format!("      {line}\n"));
            }
        }
    }
    text
}

pub(super) fn role(role: Role) -> &'static str {
    match role {
        Role::Spout => "spout",
        Role::Bolt => "bolt",
    }
}

/// An option of a component, as its JSON Schema has it.
pub(super) struct ComponentOption {
    pub(super) name: String,
    pub(super) kind: String,
    pub(super) about: String,
    pub(super) required: bool,
}

/// The options of a component: the required ones first, then by name.
pub(super) fn options(kind: &ComponentType) -> Vec<ComponentOption> {
    let schema = kind.options().as_value();
    let required = |name: &str| {
        let names = schema["required"].as_array();
        names.is_some_and(|names| names.iter().any(|required| required == name))
    };
    let properties = schema["properties"].as_object();
    let option = |(name, property): (&String, &Value)| ComponentOption {
        name: name.clone(),
        kind: kind_of(property, schema),
        about: about(property, schema),
        required: required(name),
    };
    let mut options: Vec<_> = properties.into_iter().flatten().map(option).collect();
    options.sort_by(|a, b| (!a.required, &a.name).cmp(&(!b.required, &b.name)));
    options
}

fn about(property: &Value, root: &Value) -> String {
    let described = property["description"]
        .as_str()
        .or_else(|| resolve(property, root)["description"].as_str());
    let mut about = described.unwrap_or_default().to_owned();
    if let Some(default) = property.get("default").filter(|default| is_plain(default)) {
        about.push_str(&format!("{}Default: {default}.", if about.is_empty() { "" } else { " " }));
    }
    about
}

/// Whether a default tells more than that there is nothing.
fn is_plain(value: &Value) -> bool {
    match value {
        Value::Null => false,
        Value::Array(items) => !items.is_empty(),
        Value::Object(entries) => !entries.is_empty(),
        Value::String(text) => !text.is_empty(),
        Value::Bool(_) | Value::Number(_) => true,
    }
}

/// The schema that a reference points at.
fn resolve<'a>(schema: &'a Value, root: &'a Value) -> &'a Value {
    let target = schema["$ref"]
        .as_str()
        .and_then(|reference| root.pointer(reference.trim_start_matches('#')));
    target.unwrap_or(schema)
}

/// The kind of a value in a few words: `text`, `list of text`, `json | csv`.
fn kind_of(schema: &Value, root: &Value) -> String {
    let schema = resolve(schema, root);
    if let Some(choices) = schema["enum"].as_array() {
        return join(choices.iter().map(plain));
    }
    if let Some(only) = schema.get("const") {
        return plain(only);
    }
    for alternatives in ["oneOf", "anyOf"] {
        if let Some(choices) = schema[alternatives].as_array() {
            return join(choices.iter().map(|choice| kind_of(choice, root)));
        }
    }
    match &schema["type"] {
        Value::Array(kinds) => {
            join(kinds.iter().map(|kind| named(kind.as_str().unwrap_or_default(), schema, root)))
        }
        kind => named(kind.as_str().unwrap_or_default(), schema, root),
    }
}

fn named(kind: &str, schema: &Value, root: &Value) -> String {
    match kind {
        "null" => String::new(),
        "string" => "text".to_owned(),
        "integer" => "whole number".to_owned(),
        "boolean" => "true | false".to_owned(),
        "array" => format!("list of {}", kind_of(&schema["items"], root)),
        "object" => match schema.get("additionalProperties").filter(|values| values.is_object()) {
            Some(values) => format!("map to {}", kind_of(values, root)),
            None => "map".to_owned(),
        },
        "" => "any value".to_owned(),
        other => other.to_owned(),
    }
}

fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

fn join(kinds: impl Iterator<Item = String>) -> String {
    let mut all: Vec<String> = Vec::new();
    for kind in kinds.filter(|kind| !kind.is_empty() && kind != "null") {
        if !all.contains(&kind) {
            all.push(kind);
        }
    }
    all.join(" | ")
}
