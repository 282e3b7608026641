//! A topology file as it is written: its components and their inputs, before anything is resolved.

use serde::de::DeserializeOwned;
use squall_config::{Code, Kind, Report, Section, TimeSpan, did_you_mean};

use super::names;
use crate::{
    component::{Registry, Role},
    output::Grouping,
};

/// The keys of a topology file.
pub(super) const TOP_KEYS: [&str; 8] =
    ["name", "description", "include", "config", "spouts", "bolts", "dead_letters", "tests"];
/// The keys that every spout may have beside its own options.
pub(super) const SPOUT_KEYS: [&str; 4] = ["id", "type", "parallelism", "blocking"];
/// The keys that every bolt may have beside its own options.
pub(super) const BOLT_KEYS: [&str; 6] = ["id", "type", "inputs", "parallelism", "blocking", "tick"];
/// The keys of an input.
const INPUT_KEYS: [&str; 4] = ["from", "stream", "grouping", "fields"];
/// The groupings that a file may name.
pub(super) const GROUPINGS: [&str; 8] =
    ["shuffle", "fields", "global", "all", "none", "direct", "local_or_shuffle", "partial_key"];
/// The stream that is meant when none is named.
const DEFAULT_STREAM: &str = "default";
/// The most tasks of one component.
const MAX_PARALLELISM: i64 = 1024;

/// A spout or bolt as it is written.
pub(super) struct ComponentSpec {
    pub(super) section: Section,
    pub(super) role: Role,
    /// Empty if the file has none, which is a mistake already told.
    pub(super) id: String,
    /// Likewise.
    pub(super) kind: String,
    pub(super) parallelism: usize,
    pub(super) blocking: Option<bool>,
    pub(super) tick: Option<TimeSpan>,
    pub(super) inputs: Vec<InputSpec>,
    /// Some input could not be read, so it is not known what reaches the bolt.
    pub(super) unclear: bool,
}

/// One input of a bolt as it is written.
pub(super) struct InputSpec {
    pub(super) section: Section,
    pub(super) from: String,
    pub(super) stream: String,
    /// Nothing if it is wrong, which is a mistake already told.
    pub(super) grouping: Option<Grouping>,
}

impl InputSpec {
    /// What says where it comes from.
    pub(super) fn origin(&self) -> Section {
        self.section.get("from").unwrap_or_else(|| self.section.clone())
    }
}

impl ComponentSpec {
    /// What names the component: its id, or all of it.
    pub(super) fn name_section(&self) -> Section {
        self.section.get("id").unwrap_or_else(|| self.section.clone())
    }

    /// The options of its type, without the keys that every component has.
    pub(super) fn options(&self) -> Section {
        // The `inputs` of a spout have been refused already.
        self.section.without(self.common_keys()).without(&["inputs"])
    }

    pub(super) fn common_keys(&self) -> &'static [&'static str] {
        match self.role {
            Role::Spout => &SPOUT_KEYS,
            Role::Bolt => &BOLT_KEYS,
        }
    }

    fn read(
        section: Section,
        role: Role,
        registry: &Registry,
        report: &mut Report,
    ) -> Option<Self> {
        if section.kind() != Kind::Map {
            let message =
                format!("expected a map with `id` and `type`, found {}", section.kind().name());
            report.add(section.mistake(Code::WrongType, message));
            return None;
        }
        let id = required_text(&section, "id", report).unwrap_or_default();
        check_name(section.get("id"), &id, "the id", report);
        let kind = required_text(&section, "type", report).unwrap_or_default();
        let mut spec = Self {
            role,
            id,
            kind,
            parallelism: parallelism(&section, report),
            blocking: optional(&section, "blocking", report),
            tick: None,
            inputs: Vec::new(),
            unclear: false,
            section,
        };
        match role {
            Role::Bolt => {
                spec.tick = tick(&spec.section, report);
                spec.read_inputs(registry, report);
            }
            Role::Spout => {
                if let Some(inputs) = spec.section.get("inputs") {
                    let mistake = inputs.key_mistake(Code::UnknownKey, "a spout has no inputs");
                    report.add(mistake.help("what reads other components goes under `bolts`"));
                }
            }
        }
        Some(spec)
    }

    fn read_inputs(&mut self, registry: &Registry, report: &mut Report) {
        let missing = match self.section.get("inputs") {
            None => true,
            Some(inputs) => {
                inputs.is_null() || (inputs.kind() == Kind::List && inputs.items().is_empty())
            }
        };
        if missing {
            let message = format!("bolt `{}` has no inputs, so nothing reaches it", self.id);
            let mistake = self.name_section().mistake(Code::NoInputs, message);
            report.add(mistake.help("add `inputs: [...]` with the ids of what it reads"));
            return;
        }
        let Some(inputs) = self.section.get("inputs") else {
            return;
        };
        if inputs.kind() != Kind::List {
            let message = format!("expected a list of inputs, found {}", inputs.kind().name());
            let help = inputs.text().map(|text| format!("write `inputs: [{text}]`"));
            report.add(inputs.mistake(Code::WrongType, message).maybe_help(help));
            self.unclear = true;
            return;
        }
        for item in inputs.items() {
            match InputSpec::read(item, registry, report) {
                Some(input) => self.add_input(input, report),
                None => self.unclear = true,
            }
        }
    }

    fn add_input(&mut self, input: InputSpec, report: &mut Report) {
        let same = |other: &&InputSpec| other.from == input.from && other.stream == input.stream;
        if let Some(first) = self.inputs.iter().find(same) {
            let message = format!(
                "`{}` reads the stream `{}` of `{}` twice",
                self.id, input.stream, input.from
            );
            let mistake = input.origin().mistake(Code::DuplicateInput, message);
            report.add(mistake.label(first.origin().place(), "first here"));
            return;
        }
        self.inputs.push(input);
    }
}

impl InputSpec {
    fn read(section: Section, registry: &Registry, report: &mut Report) -> Option<Self> {
        if let Some(from) = section.text() {
            return Some(Self {
                from: from.to_owned(),
                stream: DEFAULT_STREAM.to_owned(),
                grouping: Some(Grouping::Shuffle),
                section,
            });
        }
        if section.kind() != Kind::Map {
            let message =
                format!("expected an id or a map with `from`, found {}", section.kind().name());
            report.add(section.mistake(Code::WrongType, message));
            return None;
        }
        report.extend(section.unknown_keys(&INPUT_KEYS));
        let from = required_text(&section, "from", report);
        let stream = optional(&section, "stream", report);
        let grouping = grouping(&section, registry, report);
        Some(Self {
            from: from?,
            stream: stream.unwrap_or_else(|| DEFAULT_STREAM.to_owned()),
            grouping,
            section,
        })
    }
}

/// The key of the list of these components.
pub(super) fn list(role: Role) -> &'static str {
    match role {
        Role::Spout => "spouts",
        Role::Bolt => "bolts",
    }
}

/// Reads the components of one list, `spouts` or `bolts`.
pub(super) fn components(
    root: &Section,
    role: Role,
    registry: &Registry,
    report: &mut Report,
) -> Vec<ComponentSpec> {
    let key = list(role);
    let Some(list) = root.get(key).filter(|list| !list.is_null()) else {
        return Vec::new();
    };
    if list.kind() != Kind::List {
        let message = format!("expected a list of {key}, found {}", list.kind().name());
        report.add(list.mistake(Code::WrongType, message).help("each begins with `- id: ...`"));
        return Vec::new();
    }
    let read = |section| ComponentSpec::read(section, role, registry, report);
    list.items().into_iter().filter_map(read).collect()
}

/// The text of a key that must be there.
pub(super) fn required_text(section: &Section, key: &str, report: &mut Report) -> Option<String> {
    match section.get(key) {
        None => {
            // A key that is like it is reported as unknown, and is probably it.
            let near =
                section.entries().iter().any(|entry| did_you_mean(&entry.key, [key]).is_some());
            if !near {
                let mistake = section.mistake(Code::MissingKey, format!("`{key}` is missing"));
                report.add(mistake.help(format!("add `{key}: ...`")));
            }
            None
        }
        Some(value) => report.take(value.read()),
    }
}

/// The value of a key that may be missing.
pub(super) fn optional<T: DeserializeOwned>(
    section: &Section,
    key: &str,
    report: &mut Report,
) -> Option<T> {
    let value = section.get(key).filter(|value| !value.is_null())?;
    report.take(value.read())
}

/// Tells what is wrong with a name; `what` says whose it is.
pub(super) fn check_name(section: Option<Section>, name: &str, what: &str, report: &mut Report) {
    let Some(section) = section.filter(|section| section.text().is_some()) else {
        return;
    };
    if let Err(reason) = names::check(name) {
        let message = format!("{what} `{name}` {reason}");
        report.add(section.mistake(Code::BadName, message).help(names::HELP));
    }
}

fn parallelism(section: &Section, report: &mut Report) -> usize {
    let Some(number) = optional::<i64>(section, "parallelism", report) else {
        return 1;
    };
    if number < 1 {
        let mistake = section.mistake_at(
            "parallelism",
            Code::BadParallelism,
            "a component has at least one task",
        );
        report.add(mistake.help("leave `parallelism` out for one task"));
    }
    if number > MAX_PARALLELISM {
        let message = format!("{number} tasks are more than {MAX_PARALLELISM}");
        let help = "about as many as the machine has cores are enough";
        report.add(section.mistake_at("parallelism", Code::BadParallelism, message).help(help));
    }
    usize::try_from(number.clamp(1, MAX_PARALLELISM)).unwrap_or(1)
}

fn tick(section: &Section, report: &mut Report) -> Option<TimeSpan> {
    let every: TimeSpan = optional(section, "tick", report)?;
    if every.is_zero() {
        let message = "`tick` must be longer than nothing";
        report.add(section.mistake_at("tick", Code::BadValue, message));
        return None;
    }
    Some(every)
}

/// The grouping of an input; shuffle if it names none.
fn grouping(section: &Section, registry: &Registry, report: &mut Report) -> Option<Grouping> {
    let fields: Option<Vec<String>> = optional(section, "fields", report);
    let name: String = match section.get("grouping").filter(|name| !name.is_null()) {
        Some(name) => report.take(name.read())?,
        None => {
            if let Some(fields) = section.get("fields") {
                let mistake = fields
                    .key_mistake(Code::BadGrouping, "`fields` without a grouping that uses them");
                report.add(mistake.help("add `grouping: fields`"));
            }
            return Some(Grouping::Shuffle);
        }
    };
    let keyed = matches!(name.as_str(), "fields" | "partial_key");
    let known = GROUPINGS.contains(&name.as_str()) || registry.grouping(&name).is_some();
    if keyed && fields.as_ref().is_none_or(Vec::is_empty) {
        // A `fields` of the wrong type has been told.
        if section
            .get("fields")
            .is_none_or(|fields| fields.is_null() || fields.kind() == Kind::List)
        {
            let message = format!("the grouping `{name}` needs `fields` to group by");
            let mistake = section.mistake_at("grouping", Code::BadGrouping, message);
            report.add(mistake.help(format!("write `grouping: {name}, fields: [...]`")));
        }
        return None;
    }
    if let Some(fields) = section.get("fields").filter(|_| !keyed && known) {
        let message = format!("the grouping `{name}` does not use fields");
        let help = "leave `fields` out, or use the grouping `fields`";
        report.add(fields.key_mistake(Code::BadGrouping, message).help(help));
    }
    Some(match name.as_str() {
        "shuffle" => Grouping::Shuffle,
        "fields" => Grouping::Fields(fields?),
        "global" => Grouping::Global,
        "all" => Grouping::All,
        "none" => Grouping::None,
        "direct" => Grouping::Direct,
        "local_or_shuffle" => Grouping::LocalOrShuffle,
        "partial_key" => Grouping::PartialKey(fields?),
        custom => {
            if let Some(grouping) = registry.grouping(custom) {
                return Some(Grouping::Custom(grouping.clone()));
            }
            let names: Vec<_> = GROUPINGS.into_iter().chain(registry.groupings()).collect();
            let help = match did_you_mean(&name, names.iter().copied()) {
                Some(near) => format!("did you mean `{near}`?"),
                None => format!("groupings are {}", names.join(", ")),
            };
            let message = format!("there is no grouping `{name}`");
            report.add(section.mistake_at("grouping", Code::BadGrouping, message).help(help));
            return None;
        }
    })
}
