//! The shape of a topology: who reads whom, circles, and what nothing reaches.

use std::collections::{HashMap, VecDeque};

use squall_config::{Code, Report, did_you_mean};

use super::spec::{ComponentSpec, InputSpec};
use crate::component::Role;

/// How the components are connected, by their position in the file: spouts, then bolts.
pub(super) struct Shape {
    /// For each component the component of each of its inputs; nothing where it is unknown.
    pub(super) inputs: Vec<Vec<Option<usize>>>,
    /// Every component behind all that it reads; those of a circle stand anywhere.
    pub(super) order: Vec<usize>,
}

impl Shape {
    /// Connects the components and tells everything that is wrong with how they are. `complete`
    /// says whether all components of the file could be read.
    pub(super) fn find(specs: &[ComponentSpec], complete: bool, report: &mut Report) -> Self {
        let ids = index(specs, report);
        let resolve = |spec: &ComponentSpec| {
            let input = |input: &InputSpec| ids.get(input.from.as_str()).copied().flatten();
            spec.inputs.iter().map(input).collect()
        };
        let inputs: Vec<Vec<Option<usize>>> = specs.iter().map(resolve).collect();
        let complete = complete && specs.iter().all(|spec| !spec.id.is_empty());
        for spec in specs {
            unknown_inputs(spec, &ids, complete, report);
        }
        let (order, circular) = order(specs, &inputs, report);
        unreachable(specs, &inputs, &order, &circular, report);
        unread(specs, &inputs, report);
        Self { inputs, order }
    }
}

/// The position of each id, or nothing for one that is there twice, which is told.
fn index<'a>(specs: &'a [ComponentSpec], report: &mut Report) -> HashMap<&'a str, Option<usize>> {
    let mut first: HashMap<&str, usize> = HashMap::new();
    let mut ids: HashMap<&str, Option<usize>> = HashMap::new();
    for (position, spec) in specs.iter().enumerate().filter(|(_, spec)| !spec.id.is_empty()) {
        let Some(first) = first.get(spec.id.as_str()).copied() else {
            first.insert(&spec.id, position);
            ids.insert(&spec.id, Some(position));
            continue;
        };
        ids.insert(&spec.id, None);
        let message = format!("two components have the id `{}`", spec.id);
        let mistake = spec.name_section().mistake(Code::DuplicateId, message);
        report.add(mistake.label(specs[first].name_section().place(), "first here"));
    }
    ids
}

/// Tells inputs that name nothing. If not every component could be read, one that is like no id may
/// well name what could not.
fn unknown_inputs(
    spec: &ComponentSpec,
    ids: &HashMap<&str, Option<usize>>,
    complete: bool,
    report: &mut Report,
) {
    for input in spec.inputs.iter().filter(|input| !ids.contains_key(input.from.as_str())) {
        let mut others: Vec<_> = ids.keys().copied().filter(|id| *id != spec.id).collect();
        others.sort_unstable();
        let help = match did_you_mean(&input.from, others.iter().copied()) {
            Some(near) => Some(format!("did you mean `{near}`?")),
            None if !complete => continue,
            None if (1..=20).contains(&others.len()) => {
                Some(format!("there are {}", others.join(", ")))
            }
            None => None,
        };
        let message = format!("bolt `{}` reads `{}`, which does not exist", spec.id, input.from);
        report.add(input.origin().mistake(Code::UnknownInput, message).maybe_help(help));
    }
}

/// The components in topological order (Kahn's algorithm), and which are in a circle. Each circle
/// is told, then taken as resolved, so that the next one is found.
fn order(
    specs: &[ComponentSpec],
    inputs: &[Vec<Option<usize>>],
    report: &mut Report,
) -> (Vec<usize>, Vec<bool>) {
    let mut readers = vec![Vec::new(); specs.len()];
    let mut waits: Vec<usize> = vec![0; specs.len()];
    for (reader, sources) in inputs.iter().enumerate() {
        for source in sources.iter().flatten() {
            readers[*source].push(reader);
            waits[reader] += 1;
        }
    }
    let mut done = vec![false; specs.len()];
    let mut circular = vec![false; specs.len()];
    let mut order = Vec::with_capacity(specs.len());
    let mut ready: VecDeque<usize> = (0..specs.len()).filter(|c| waits[*c] == 0).collect();
    let mut next_stuck = 0;
    loop {
        while let Some(component) = ready.pop_front() {
            if std::mem::replace(&mut done[component], true) {
                continue;
            }
            order.push(component);
            for reader in &readers[component] {
                waits[*reader] -= 1;
                if waits[*reader] == 0 && !done[*reader] {
                    ready.push_back(*reader);
                }
            }
        }
        let Some(stuck) = (next_stuck..specs.len()).find(|c| !done[*c]) else {
            break;
        };
        next_stuck = stuck;
        let circle = circle(stuck, inputs, &done);
        tell_circle(specs, inputs, &circle, report);
        for component in &circle {
            circular[*component] = true;
        }
        ready.extend(circle);
    }
    (order, circular)
}

/// A circle upstream of a component that waits for ever: whoever waits has an input that waits too.
/// In the direction of the tuples, from the one that comes first in the file.
fn circle(start: usize, inputs: &[Vec<Option<usize>>], done: &[bool]) -> Vec<usize> {
    let mut seen_at: HashMap<usize, usize> = HashMap::new();
    let mut walked = Vec::new();
    let mut here = start;
    while !seen_at.contains_key(&here) {
        seen_at.insert(here, walked.len());
        walked.push(here);
        match inputs[here].iter().flatten().find(|source| !done[**source]) {
            Some(source) => here = *source,
            None => break,
        }
    }
    let mut circle = walked.split_off(seen_at.get(&here).copied().unwrap_or(0));
    circle.reverse();
    let first = circle.iter().enumerate().min_by_key(|(_, c)| **c).map_or(0, |(at, _)| at);
    circle.rotate_left(first);
    circle
}

fn tell_circle(
    specs: &[ComponentSpec],
    inputs: &[Vec<Option<usize>>],
    circle: &[usize],
    report: &mut Report,
) {
    // The input of `reader` by which the circle goes on.
    let place = |source: usize, reader: usize| {
        let at = inputs[reader].iter().position(|input| *input == Some(source));
        at.and_then(|at| specs[reader].inputs.get(at)).map(InputSpec::origin)
    };
    let Some((first, last)) = circle.first().zip(circle.last()) else {
        return;
    };
    let Some(closing) = place(*last, *first) else {
        return;
    };
    let ids: Vec<_> = circle.iter().chain([first]).map(|c| specs[*c].id.as_str()).collect();
    let message = match circle {
        [alone] => format!("bolt `{}` reads itself", specs[*alone].id),
        _ => format!("bolts read each other in a circle: {}", ids.join(" -> ")),
    };
    let mut mistake = closing
        .mistake(Code::Cycle, message)
        .help("tuples must flow away from the spouts; send what is to come round again to a queue");
    for pair in circle.windows(2) {
        if let Some(section) = place(pair[0], pair[1]) {
            let message = format!("`{}` reads `{}`", specs[pair[1]].id, specs[pair[0]].id);
            mistake = mistake.label(section.place(), message);
        }
    }
    report.add(mistake);
}

/// Tells the bolts that no spout reaches, unless their own mistakes explain it.
fn unreachable(
    specs: &[ComponentSpec],
    inputs: &[Vec<Option<usize>>],
    order: &[usize],
    circular: &[bool],
    report: &mut Report,
) {
    let mut reached = vec![false; specs.len()];
    for component in order {
        let spec = &specs[*component];
        // What is unknown may well be reached once it is corrected.
        let by_input = inputs[*component].iter().any(|input| input.is_none_or(|i| reached[i]));
        reached[*component] = spec.role == Role::Spout || spec.unclear || by_input;
    }
    for (position, spec) in specs.iter().enumerate() {
        if reached[position] || circular[position] || spec.inputs.is_empty() {
            continue;
        }
        let message = format!("no spout reaches bolt `{}`", spec.id);
        let from: Vec<_> = spec.inputs.iter().map(|input| format!("`{}`", input.from)).collect();
        let help = format!("nothing arrives at what it reads, {}", from.join(", "));
        report.add(spec.name_section().mistake(Code::UnreachableBolt, message).help(help));
    }
}

/// Warns of spouts that nothing reads.
fn unread(specs: &[ComponentSpec], inputs: &[Vec<Option<usize>>], report: &mut Report) {
    let mut read = vec![false; specs.len()];
    for source in inputs.iter().flatten().flatten() {
        read[*source] = true;
    }
    // A misspelt input may be meant for any of them.
    let unclear =
        specs.iter().any(|spec| spec.unclear) || inputs.iter().flatten().any(Option::is_none);
    for (position, spec) in specs.iter().enumerate() {
        if spec.role == Role::Spout && !read[position] && !spec.id.is_empty() && !unclear {
            let message = format!("nothing reads spout `{}`", spec.id);
            let help = format!("add it to the `inputs` of a bolt: `inputs: [{}]`", spec.id);
            let mistake = spec.name_section().mistake(Code::UnreadSpout, message);
            report.add(mistake.help(help).warning());
        }
    }
}
