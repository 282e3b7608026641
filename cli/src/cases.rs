//! Tests of topologies, in words.

use std::fmt::Write as _;

use squall_framework::{Schema, TestFailure, Topology};

use crate::{terminal::Terminal, text::table};

/// What was not as a test expects it, indented below the test's own line.
pub(crate) fn describe(failure: &TestFailure, terminal: &Terminal) -> String {
    let not_there = |of: &str| format!("  {}: expected, but not there", terminal.bold(of));
    match failure {
        TestFailure::Different { of, expected, nearest, fields } => {
            let rows: Vec<_> = fields
                .iter()
                .map(|field| {
                    vec![field.field.clone(), field.expected.to_string(), field.found.to_string()]
                })
                .collect();
            let differences = indented(&table(&["field ", "expected ", "found "], &rows), 6);
            let not_there = not_there(of);
            format!("{not_there}\n    {expected}\n  the nearest is\n    {nearest}\n{differences}")
        }
        TestFailure::Missing { of, expected } => format!("{}\n    {expected}\n", not_there(of)),
        TestFailure::Unexpected { of, found } => {
            format!("  {}: there, but not expected\n    {found}\n", terminal.bold(of))
        }
        TestFailure::Misplaced { of, expected, at, came } => {
            let of = terminal.bold(of);
            format!("  {of}: expected as number {at}, but came as number {came}\n    {expected}\n")
        }
        TestFailure::DeadLetter { by, reason, tuple } => {
            format!("  {}: a dead letter: {reason}\n    {tuple}\n", terminal.bold(by))
        }
        TestFailure::NoDeadLetter { expected } => {
            format!("  expected, but not there: a dead letter with `{expected}` in its reason\n")
        }
        TestFailure::Error { by, reason } => format!("  {}: {reason}\n", terminal.bold(by)),
        TestFailure::Broken { reason } => format!("  {reason}\n"),
    }
}

/// A test as one could write it for this topology: from its first spout to its last component.
pub(crate) fn example(topology: &Topology) -> String {
    let fields = |schema: &Schema| {
        let fields = schema.names().take(2).map(|name| format!("{name}: ...")).collect::<Vec<_>>();
        format!("{{ {} }}", fields.join(", "))
    };
    let mut text = String::from("tests:\n  - name: what it is about\n");
    let mut add = |key: &str, id: &str, schema: &Schema| {
        // Writing into a text cannot fail.
        let _ = writeln!(text, "    {key}:\n      {id}: [{}]", fields(schema));
    };
    let components = topology.components();
    if let Some(spout) = components.iter().find(|component| component.is_spout())
        && let Some(stream) = spout.streams.all().first()
    {
        add("input", &spout.id, &stream.schema);
    }
    if let Some(last) = components.last() {
        match last.streams.all().first() {
            Some(stream) => add("expect", &last.id, &stream.schema),
            None => add("expect", &last.id, &last.inputs.common()),
        }
    }
    indented(&text, 4)
}

fn indented(text: &str, by: usize) -> String {
    text.lines().map(|line| format!("{:by$}{line}\n", "")).collect()
}
