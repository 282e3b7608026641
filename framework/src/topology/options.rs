//! The types of components and their options.

use squall_config::{Code, Mistake, Report, Section, did_you_mean};

use super::spec::ComponentSpec;
use crate::component::{ComponentType, Factory, Registry, Role};

/// The factory of a component, or nothing and what is wrong with its type or options.
pub(super) fn configure(
    spec: &ComponentSpec,
    registry: &Registry,
    report: &mut Report,
) -> Option<Factory> {
    let Some(kind) = registry.get(spec.role, &spec.kind) else {
        if let Some(section) = spec.section.get("type").filter(|_| !spec.kind.is_empty()) {
            report.add(unknown_type(spec, &section, registry));
        }
        return None;
    };
    let options = spec.options();
    let open = undocumented(spec, kind, &options, report);
    let read = options
        .read_with(|value| kind.configure(value).map_err(|error| (error.path, error.message)));
    match read {
        Ok(factory) => open.then_some(factory),
        Err(mistakes) => {
            let missing = mistakes.iter().any(|mistake| mistake.code == Code::MissingKey);
            report
                .extend(mistakes.into_iter().map(|mistake| suggest(mistake, spec, kind, &options)));
            if missing {
                report.extend(missing_keys(kind, &options));
            }
            None
        }
    }
}

fn unknown_type(spec: &ComponentSpec, section: &Section, registry: &Registry) -> Mistake {
    let (this, other, list) = match spec.role {
        Role::Spout => ("spout", Role::Bolt, "bolts"),
        Role::Bolt => ("bolt", Role::Spout, "spouts"),
    };
    if registry.get(other, &spec.kind).is_some() {
        let message = format!("`{}` is not a {this}", spec.kind);
        let help = format!("it is one of the {list}: move this component under `{list}`");
        return section.mistake(Code::WrongKind, message).help(help);
    }
    let same = registry.all().filter(|kind| kind.role() == spec.role);
    let names: Vec<_> = same.map(ComponentType::name).collect();
    let help = match did_you_mean(&spec.kind, names.iter().copied()) {
        Some(near) => format!("did you mean `{near}`?"),
        None => format!("{this} types are {}", names.join(", ")),
    };
    section
        .mistake(Code::UnknownType, format!("there is no {this} type `{}`", spec.kind))
        .help(help)
}

/// Tells keys that the type does not document, for types that would take them in silence. Whether
/// there are none.
fn undocumented(
    spec: &ComponentSpec,
    kind: &ComponentType,
    options: &Section,
    report: &mut Report,
) -> bool {
    let schema = kind.options();
    let properties = schema.get("properties").and_then(serde_json::Value::as_object);
    // Without properties everything is let through; with `additionalProperties` the type decides.
    let (Some(properties), None) = (properties, schema.get("additionalProperties")) else {
        return true;
    };
    let known: Vec<_> = properties.keys().map(String::as_str).collect();
    let mistakes = options.unknown_keys(&known);
    let none = mistakes.is_empty();
    report.extend(mistakes.into_iter().map(|mistake| suggest(mistake, spec, kind, options)));
    none
}

/// For a misspelt key, suggests the keys that every component has, too.
fn suggest(
    mistake: Mistake,
    spec: &ComponentSpec,
    kind: &ComponentType,
    options: &Section,
) -> Mistake {
    let key = mistake.place.text().trim_matches(['"', '\'']).to_owned();
    if mistake.code != Code::UnknownKey || options.get(&key).is_none() {
        return mistake;
    }
    let properties = kind.options().get("properties").and_then(serde_json::Value::as_object);
    let own = properties.into_iter().flatten().map(|(key, _)| key.as_str());
    let all = own.chain(spec.common_keys().iter().copied());
    let free: Vec<_> = all.filter(|key| spec.section.get(key).is_none()).collect();
    let help =
        did_you_mean(&key, free.iter().copied()).map(|near| format!("did you mean `{near}`?"));
    let others =
        (!free.is_empty()).then(|| format!("`{}` also takes {}", kind.name(), free.join(", ")));
    mistake.maybe_help(help.or(others))
}

/// All required keys that are missing, where serde tells of the first alone.
fn missing_keys(kind: &ComponentType, options: &Section) -> Vec<Mistake> {
    let required = kind.options().get("required").and_then(serde_json::Value::as_array);
    let required = required.into_iter().flatten().filter_map(serde_json::Value::as_str);
    let given: Vec<_> = options.entries().into_iter().map(|entry| entry.key).collect();
    let missing = required.filter(|key| {
        // A key that is like it has been told as unknown.
        !given.iter().any(|given| **given == **key || did_you_mean(given, [*key]).is_some())
    });
    let tell = |key: &str| {
        let mistake = options.mistake(Code::MissingKey, format!("`{key}` is missing"));
        mistake.help(format!("add `{key}: ...`"))
    };
    missing.map(tell).collect()
}
