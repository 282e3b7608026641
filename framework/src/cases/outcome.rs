//! What came of a test.

use std::fmt;

use serde::{Serialize, Serializer, ser::SerializeMap};
use serde_json::Value as Json;

use super::{compare::in_any_order, notes::Letter};

/// What came of a test.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct CaseResult {
    /// What was not as expected; nothing if the test has passed.
    pub failures: Vec<TestFailure>,
}

impl CaseResult {
    /// Whether everything was as expected.
    #[must_use]
    pub fn passed(&self) -> bool {
        self.failures.is_empty()
    }
}

/// Something that was not as expected.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "snake_case", tag = "what")]
pub enum TestFailure {
    /// A tuple did not come, but one that is like it.
    Different {
        /// The component, and its stream where the test names one.
        of: String,
        /// The fields that matter.
        expected: ShownTuple,
        /// What is nearest to it, of what nothing else has expected.
        nearest: ShownTuple,
        /// The fields in which they differ.
        fields: Vec<FieldDifference>,
    },
    /// A tuple did not come.
    Missing {
        /// The component, and its stream where the test names one.
        of: String,
        /// The fields that matter.
        expected: ShownTuple,
    },
    /// A tuple came that nothing expected.
    Unexpected {
        /// The component, and its stream where the test names one.
        of: String,
        /// The tuple.
        found: ShownTuple,
    },
    /// Where the order matters: a tuple came, but not at its place.
    Misplaced {
        /// The component, and its stream where the test names one.
        of: String,
        /// The fields that matter.
        expected: ShownTuple,
        /// Where it is expected, from 1 on.
        at: usize,
        /// Where it came, from 1 on.
        came: usize,
    },
    /// A tuple became a dead letter.
    DeadLetter {
        /// The component that could not work on it.
        by: String,
        /// Why not.
        reason: String,
        /// The tuple, as JSON.
        tuple: String,
    },
    /// An expected dead letter did not come.
    NoDeadLetter {
        /// The part of its reason.
        expected: String,
    },
    /// A component had an error outside of any tuple, such as in a tick.
    Error {
        /// The component.
        by: String,
        /// What it says.
        reason: String,
    },
    /// The test did not come to its end.
    Broken {
        /// Why not.
        reason: String,
    },
}

/// A field in which two tuples differ.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct FieldDifference {
    /// Its name.
    pub field: String,
    /// The value that was expected.
    pub expected: Json,
    /// The value that came.
    pub found: Json,
}

/// A tuple as one would write it into a test: its fields in order.
#[derive(Debug, Clone, PartialEq)]
pub struct ShownTuple(pub Vec<(String, Json)>);

impl fmt::Display for ShownTuple {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() {
            return f.write_str("{}");
        }
        for (place, (field, value)) in self.0.iter().enumerate() {
            f.write_str(if place == 0 { "{ " } else { ", " })?;
            write!(f, "{field}: {value}")?;
        }
        f.write_str(" }")
    }
}

impl Serialize for ShownTuple {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for (field, value) in &self.0 {
            map.serialize_entry(field, value)?;
        }
        map.end()
    }
}

/// The dead letters that came and those that were expected, without those that are both.
pub(super) fn dead_letters(expected: &[String], letters: &[Letter]) -> Vec<TestFailure> {
    let sizes = (expected.len(), letters.len());
    let pairs = in_any_order(sizes, |row, letter| letters[letter].reason.contains(&expected[row]));
    let missing = expected.iter().enumerate().filter(|(row, _)| pairs.iter().all(|p| p.0 != *row));
    let missing =
        missing.map(|(_, expected)| TestFailure::NoDeadLetter { expected: expected.clone() });
    let others = letters.iter().enumerate().filter(|(at, _)| pairs.iter().all(|p| p.1 != *at));
    let others = others.map(|(_, letter)| {
        let Letter { bolt: by, reason, tuple } = letter.clone();
        TestFailure::DeadLetter { by, reason, tuple }
    });
    missing.chain(others).collect()
}

/// The errors of components, by their ids, that no dead letter tells of.
pub(super) fn unexplained(
    errors: Vec<(String, String)>,
    letters: &[Letter],
) -> impl Iterator<Item = TestFailure> {
    let told = |by: &str, reason: &str| {
        let mut of_it = letters.iter().filter(|letter| letter.bolt == by);
        // A letter has room for the beginning of a long reason alone.
        of_it.any(|letter| reason.starts_with(&letter.reason))
    };
    let left = errors.into_iter().filter(move |(by, reason)| !told(by, reason));
    left.map(|(by, reason)| TestFailure::Error { by, reason })
}
