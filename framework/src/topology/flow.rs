//! What flows: each component's streams, found from its inputs in topological order.

use squall_config::{Code, Mistake, Report, Section, did_you_mean};

use super::{
    deliveries::Reach,
    plan::{Body, Component, Source, check_state},
    shape::Shape,
    spec::{ComponentSpec, InputSpec},
};
use crate::{
    component::{BoltFactory, Factory, Input, Inputs, Problem, Streams},
    tuple::Schema,
};

/// The components with their streams; nothing in the place of those that have a mistake, or whose
/// inputs have one.
pub(super) fn components(
    specs: &[ComponentSpec],
    shape: &Shape,
    factories: &[Option<Factory>],
    report: &mut Report,
) -> Vec<Option<Component>> {
    let mut found: Vec<Option<Component>> = specs.iter().map(|_| None).collect();
    for position in &shape.order {
        let (spec, sources) = (&specs[*position], &shape.inputs[*position]);
        let inputs = inputs(spec, sources, &found, report);
        let component = match &factories[*position] {
            None => None,
            Some(Factory::Spout(factory)) => {
                let made = factory().map_err(|error| Problem::new(error.to_string()));
                let declared = made.and_then(|spout| {
                    Ok((spout.declare()?, spout.blocking(), false, Reach::Inside))
                });
                let body = Body::Spout(factory.clone());
                settle(spec, declared, body, Inputs::default(), report)
            }
            Some(Factory::Bolt(factory)) => {
                inputs.and_then(|(inputs, sources)| bolt(spec, factory, inputs, sources, report))
            }
        };
        found[*position] = component;
    }
    unused_streams(specs, &found, shape, report);
    found
}

fn bolt(
    spec: &ComponentSpec,
    factory: &BoltFactory,
    inputs: Inputs,
    sources: Vec<Source>,
    report: &mut Report,
) -> Option<Component> {
    let made = factory().map_err(|error| Problem::new(error.to_string()));
    let declared = made.and_then(|bolt| {
        let streams = bolt.declare(&inputs)?;
        if bolt.stateful() {
            check_state(&spec.id, spec.parallelism, &inputs)?;
        }
        let reach = Reach::of(&bolt, !streams.all().is_empty());
        Ok((streams, bolt.blocking(), bolt.stateful(), reach))
    });
    settle(spec, declared, Body::Bolt(factory.clone(), sources), inputs, report)
}

/// The component, if it declared its streams; else its problems are told.
fn settle(
    spec: &ComponentSpec,
    declared: Result<(Streams, bool, bool, Reach), Problem>,
    body: Body,
    inputs: Inputs,
    report: &mut Report,
) -> Option<Component> {
    match declared {
        Ok((streams, wants_thread, stateful, reach)) => Some(Component {
            id: spec.id.clone(),
            kind: spec.kind.clone(),
            parallelism: spec.parallelism,
            blocking: spec.blocking.unwrap_or(wants_thread),
            tick: spec.tick.map(Into::into),
            stateful,
            reach,
            body,
            streams,
            inputs,
        }),
        Err(problem) => {
            tell(spec, &problem, report);
            None
        }
    }
}

fn tell(spec: &ComponentSpec, problem: &Problem, report: &mut Report) {
    let code = match problem.message.contains("no field `") {
        true => Code::UnknownField,
        false => Code::BadValue,
    };
    let options = spec.options();
    let section = match &problem.option {
        Some(path) if options.nearest(path).path() != options.path() => options.nearest(path),
        _ => named(&options, &problem.message)
            .or_else(|| spec.section.get("type"))
            .unwrap_or_else(|| spec.section.clone()),
    };
    let help = problem.help.as_deref().map(|help| section.hide(help));
    report.add(section.mistake(code, &problem.message).maybe_help(help));
    for further in &problem.more {
        tell(spec, further, report);
    }
}

/// The option that a message quotes, so that the place is right even if the component gave none.
fn named(options: &Section, message: &str) -> Option<Section> {
    let quoted: Vec<_> = message.split('`').skip(1).step_by(2).collect();
    // The last is the most particular: "`parse` has no field `word`".
    quoted.iter().rev().find_map(|word| find(options, word))
}

/// The first text like this in a section.
fn find(section: &Section, word: &str) -> Option<Section> {
    if section.text() == Some(word) {
        return Some(section.clone());
    }
    let mut children = section.items();
    children.extend(section.entries().into_iter().map(|entry| entry.value));
    children.iter().find_map(|child| find(child, word))
}

/// What comes into a bolt; nothing if some of it is wrong or unknown.
fn inputs(
    spec: &ComponentSpec,
    sources: &[Option<usize>],
    found: &[Option<Component>],
    report: &mut Report,
) -> Option<(Inputs, Vec<Source>)> {
    let mut complete = !spec.unclear && !spec.inputs.is_empty();
    let mut resolved = (Vec::new(), Vec::new());
    for (input, source) in spec.inputs.iter().zip(sources) {
        let from = source.and_then(|source| found[source].as_ref());
        let schema = from.and_then(|from| schema(input, from, report));
        match (&input.grouping, schema) {
            (Some(grouping), Some(schema)) if check_fields(input, &schema, report) => {
                let (from, stream) = (input.from.clone(), input.stream.clone());
                let keys = grouping.keys();
                resolved.0.push(Input { from: from.clone(), stream: stream.clone(), schema, keys });
                resolved.1.push(Source { from, stream, grouping: grouping.clone() });
            }
            _ => complete = false,
        }
    }
    complete.then(|| (Inputs::new(resolved.0), resolved.1))
}

/// The fields of the stream that an input names.
fn schema(input: &InputSpec, from: &Component, report: &mut Report) -> Option<Schema> {
    if let Some(stream) = from.streams.get(&input.stream) {
        return Some(stream.schema.clone());
    }
    report.add(unknown_stream(input, from));
    None
}

fn unknown_stream(input: &InputSpec, from: &Component) -> Mistake {
    let section = input.section.get("stream").unwrap_or_else(|| input.origin());
    let names: Vec<_> = from.streams.all().iter().map(|stream| stream.name.as_str()).collect();
    if names.is_empty() {
        let message = format!("`{}` emits nothing that could be read", from.id);
        let help = format!("`{}` is where tuples end; read what comes before it", from.kind);
        return section.mistake(Code::UnknownStream, message).help(help);
    }
    let help = match did_you_mean(&input.stream, names.iter().copied()) {
        Some(near) => format!("did you mean `{near}`?"),
        None => format!("its streams are {}", names.join(", ")),
    };
    let message = format!("`{}` has no stream `{}`", from.id, input.stream);
    section.mistake(Code::UnknownStream, message).help(help)
}

/// Whether the stream has the fields to group by.
fn check_fields(input: &InputSpec, schema: &Schema, report: &mut Report) -> bool {
    let fields = input.grouping.iter().flat_map(|grouping| grouping.fields());
    let mut all = true;
    for (position, field) in fields.enumerate() {
        if schema.index(field).is_some() {
            continue;
        }
        all = false;
        let section = input.section.nearest(&format!("fields[{position}]"));
        let message = format!("`{}` has no field `{field}` to group by", input.from);
        report.add(section.mistake(Code::UnknownField, message).help(field_help(field, schema)));
    }
    all
}

/// The field that was meant, or those that there are.
pub(super) fn field_help(field: &str, schema: &Schema) -> String {
    let names: Vec<_> = schema.names().collect();
    match did_you_mean(field, names.iter().copied()) {
        Some(near) => format!("did you mean `{near}`?"),
        None => format!("its fields are {}", names.join(", ")),
    }
}

/// Warns of bolts that emit tuples which nothing reads.
fn unused_streams(
    specs: &[ComponentSpec],
    found: &[Option<Component>],
    shape: &Shape,
    report: &mut Report,
) {
    let mut read = vec![false; specs.len()];
    for source in shape.inputs.iter().flatten().flatten() {
        read[*source] = true;
    }
    // With a mistake elsewhere it may be read once that is corrected.
    if found.iter().any(Option::is_none) {
        return;
    }
    for (position, component) in found.iter().enumerate() {
        let Some(component) = component.as_ref().filter(|component| !component.is_spout()) else {
            continue;
        };
        if !read[position] && !component.streams.all().is_empty() {
            let message = format!("nothing reads what bolt `{}` emits", component.id);
            let help =
                "its tuples end here unseen; add a bolt that keeps them, or leave this one out";
            let mistake = specs[position].name_section().mistake(Code::UnusedStream, message);
            report.add(mistake.help(help).warning());
        }
    }
}
