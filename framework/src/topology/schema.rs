//! The JSON Schema of a topology file, for editors.

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde_json::{Map, Value, json};

use super::{
    config::Config,
    dead_letters,
    spec::{GROUPINGS, TOP_KEYS},
};
use crate::{
    cases::Written,
    component::{ComponentType, Registry, Role},
};

impl Registry {
    /// The JSON Schema of a topology file that uses these types. Editors complete and check with it:
    /// `# yaml-language-server: $schema=squall.schema.json` in the first line of a file.
    ///
    /// ```
    /// use squall_framework::{AnyConfig, ComponentType, Registry, testing::Discard};
    /// let mut registry = Registry::default();
    /// registry.add(ComponentType::bolt("discard", |_: &AnyConfig| Ok(Discard)));
    /// let schema = registry.schema();
    /// assert_eq!(schema["$defs"]["bolt-discard"]["properties"]["type"]["const"], "discard");
    /// ```
    #[must_use]
    pub fn schema(&self) -> Value {
        let mut generator = SchemaGenerator::default();
        let mut properties = Map::new();
        for key in TOP_KEYS {
            properties.insert(key.to_owned(), top_key(key, &mut generator));
        }
        let mut definitions = generator.take_definitions(true);
        for kind in self.all() {
            let (name, mut schema) = (definition(kind), component(kind));
            // Each type's options bring their own definitions along, of which several may have one
            // name.
            let prefix = format!("#/$defs/{name}.");
            prefix_references(&mut schema, &prefix);
            if let Some(Value::Object(own)) =
                schema.as_object_mut().and_then(|schema| schema.remove("$defs"))
            {
                definitions
                    .extend(own.into_iter().map(|(own, schema)| (format!("{name}.{own}"), schema)));
            }
            definitions.insert(name, schema);
        }
        for (list, role) in [("spouts", Role::Spout), ("bolts", Role::Bolt)] {
            let types = self.all().filter(|kind| kind.role() == role);
            let any: Vec<_> = types
                .map(|kind| json!({ "$ref": format!("#/$defs/{}", definition(kind)) }))
                .collect();
            properties
                .insert(list.to_owned(), json!({ "type": "array", "items": { "anyOf": any } }));
        }
        json!({
            "$schema": "https://json-schema.org/draft/2020-12/schema",
            "title": "Squall topology",
            "type": "object",
            "properties": properties,
            "required": ["name", "spouts"],
            "additionalProperties": false,
            "$defs": definitions,
        })
    }
}

/// Lets references lead to definitions of another prefix.
fn prefix_references(schema: &mut Value, prefix: &str) {
    match schema {
        Value::Object(object) => {
            for (key, value) in object {
                match value {
                    Value::String(reference) if key == "$ref" => {
                        *reference = reference.replace("#/$defs/", prefix);
                    }
                    other => prefix_references(other, prefix),
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|item| prefix_references(item, prefix)),
        _ => {}
    }
}

fn definition(kind: &ComponentType) -> String {
    match kind.role() {
        Role::Spout => format!("spout-{}", kind.name()),
        Role::Bolt => format!("bolt-{}", kind.name()),
    }
}

fn top_key(key: &str, generator: &mut SchemaGenerator) -> Value {
    match key {
        "name" => json!({ "type": "string", "description": "Letters, digits, `-` and `_`." }),
        "description" => json!({ "type": "string", "description": "What the topology is for." }),
        "include" => json!({
            "description": "Files whose components and settings are taken over.",
            "type": ["string", "array"],
            "items": { "type": "string" },
        }),
        "config" => of::<Config>(generator),
        "dead_letters" => of::<dead_letters::Written>(generator),
        "tests" => of::<Vec<Written>>(generator),
        // The lists of components come from the registry.
        _ => Value::Bool(true),
    }
}

fn of<T: JsonSchema>(generator: &mut SchemaGenerator) -> Value {
    Schema::to_value(generator.subschema_for::<T>())
}

/// The options of a type together with the keys that every component has.
fn component(kind: &ComponentType) -> Value {
    let mut schema = kind.options().clone().to_value();
    let Some(object) = schema.as_object_mut() else {
        return schema;
    };
    object.remove("$schema");
    object.remove("title");
    if !kind.summary().is_empty() {
        object.insert("description".to_owned(), kind.summary().into());
    }
    object.insert("type".to_owned(), "object".into());
    let mut required = vec![json!("id"), json!("type")];
    let properties = object.entry("properties").or_insert_with(|| json!({}));
    if let Some(properties) = properties.as_object_mut() {
        properties.extend(common(kind));
    }
    if kind.role() == Role::Bolt {
        required.push(json!("inputs"));
    }
    match object.entry("required").or_insert_with(|| json!([])).as_array_mut() {
        Some(own) => own.extend(required),
        None => return schema,
    }
    schema
}

/// The keys that every component has.
fn common(kind: &ComponentType) -> Map<String, Value> {
    let mut common = Map::new();
    let mut add = |key: &str, schema: Value| common.insert(key.to_owned(), schema);
    add("id", json!({ "type": "string", "description": "Unique in the topology." }));
    add("type", json!({ "const": kind.name(), "description": kind.summary() }));
    add(
        "parallelism",
        json!({
            "type": "integer", "minimum": 1, "default": 1, "description": "How many tasks it has.",
        }),
    );
    add(
        "blocking",
        json!({
            "type": "boolean",
            "description": "Whether each task has a thread of its own, because it waits for something.",
        }),
    );
    if kind.role() == Role::Bolt {
        add(
            "tick",
            json!({ "type": "string", "description": "How often the bolt is ticked, such as 1m." }),
        );
        add("inputs", inputs());
    }
    common
}

fn inputs() -> Value {
    let text = |description: &str| json!({ "type": "string", "description": description });
    json!({
        "description": "What the bolt reads: ids, or maps that say more.",
        "type": "array",
        "minItems": 1,
        "items": { "anyOf": [
            text("The id of a spout or bolt."),
            {
                "type": "object",
                "properties": {
                    "from": text("The id of a spout or bolt."),
                    "stream": text("One of its streams, if it has several."),
                    "grouping": { "enum": GROUPINGS, "default": "shuffle" },
                    "fields": { "type": "array", "items": { "type": "string" } },
                },
                "required": ["from"],
                "additionalProperties": false,
            },
        ]},
    })
}
