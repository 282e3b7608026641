//! Tests of a topology, as its file has them under `tests:`: tuples that go in, time that passes,
//! and tuples that are expected to come out.
//!
//! `read` takes a test from the file (as it is `written`, with its `tuples` and their `values`) and
//! checks it against the components. To run it, `stage` puts
//! together a topology in which the test's own spouts (`feed`) stand for what comes in and bolts
//! that take note (`notes`) for what is looked at; `play` leads it through the time of the test, and
//! `compare` looks at what came.

mod compare;
mod feed;
mod notes;
mod outcome;
mod play;
mod read;
mod stage;
mod tuples;
mod values;
mod written;

use std::time::Duration;

use squall_config::Place;

pub use outcome::{CaseResult, FieldDifference, ShownTuple, TestFailure};
pub(crate) use read::read;
pub(crate) use written::Written;

use crate::{component::Resources, topology::Topology, tuple::Value};

/// A test of a topology, with all its components and fields found.
#[derive(Debug, Clone, PartialEq)]
pub struct TestCase {
    /// What it is about.
    pub name: String,
    /// Where it was written.
    pub place: Place,
    /// The time of day when it begins, in microseconds since 1970-01-01 UTC.
    pub at: i64,
    /// What comes in, in the order of the file.
    pub input: Vec<TestInput>,
    /// What is expected to come out, in the order of the file.
    pub expect: Vec<Expected>,
    /// Dead letters that are expected: a part of the reason of each.
    pub dead: Vec<String>,
    /// Whether tuples are expected in the order that they are written in.
    pub in_order: bool,
    /// Whether there may be others besides those that are expected.
    pub more: bool,
}

/// What a test gives to a component.
#[derive(Debug, Clone, PartialEq)]
pub struct TestInput {
    /// Where the tuples go in.
    pub to: Entrance,
    /// The tuples, each with the time of the test at which it comes.
    pub tuples: Vec<(Duration, Vec<Value>)>,
    /// The time that has passed at the end of the list.
    pub end: Duration,
}

/// Where the tuples of a test go in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Entrance {
    /// A spout emits them, in place of what it would read.
    Spout {
        /// Its id.
        id: String,
        /// Which of its streams, by index.
        stream: usize,
    },
    /// They arrive at a bolt, in place of what it would get from one of its inputs.
    Bolt {
        /// Its id.
        id: String,
        /// Which of its inputs, by index.
        input: usize,
    },
}

impl Entrance {
    fn id(&self) -> &str {
        match self {
            Entrance::Spout { id, .. } | Entrance::Bolt { id, .. } => id,
        }
    }
}

/// The tuples that are expected of a component.
#[derive(Debug, Clone, PartialEq)]
pub struct Expected {
    /// The component, and its stream where one is named: `parse.errors`.
    pub of: String,
    /// The component's id.
    pub id: String,
    /// The stream on which it emits them; for a bolt that emits nothing, such as a sink, `None`: it
    /// is expected to receive them.
    pub stream: Option<String>,
    /// For each tuple the fields that matter, with their values.
    pub tuples: Vec<Vec<(String, Value)>>,
}

impl TestCase {
    /// Runs the test on the engine. Everything between the input and what is expected runs as it
    /// does in earnest, but for sinks, which write nothing, and for the time of day, which passes
    /// only where the test says so. Nothing may stand still for longer than `patience`.
    #[must_use]
    pub fn run(
        &self,
        topology: &Topology,
        resources: &Resources,
        patience: Duration,
    ) -> CaseResult {
        let stage = stage::Stage::set(topology, self, patience);
        let played = play::play(&stage, self, resources, patience);
        let notes = stage.notes.open();
        let mut failures = outcome::dead_letters(&self.dead, &notes.letters);
        match played {
            // What came until then says little.
            Err(reason) => failures.insert(0, TestFailure::Broken { reason }),
            Ok(errors) => {
                failures.extend(outcome::unexplained(errors, &notes.letters));
                for (slot, expected) in self.expect.iter().enumerate() {
                    failures.extend(compare::compare(expected, &notes.of(slot), self));
                }
            }
        }
        CaseResult { failures }
    }
}
