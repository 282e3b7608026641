//! A test as it is written.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;
use serde_yaml::Value;

/// A test of the topology.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Test")]
pub(crate) struct Written {
    /// What it is about.
    pub(super) name: String,
    /// The time of day when it begins (default 1970-01-01T00:00:00Z).
    pub(super) at: Option<String>,
    /// The tuples that each spout emits, by its id, instead of what it would read. For a bolt, the
    /// tuples that arrive at it; of a bolt with several inputs, `ID.INPUT`. A text `after 30s`
    /// between tuples lets time pass.
    #[schemars(with = "BTreeMap<String, Vec<Step>>")]
    #[allow(dead_code, reason = "its places are wanted as well, so it is read from the section")]
    pub(super) input: BTreeMap<String, Value>,
    /// The tuples that a component is expected to emit, by its id or `ID.STREAM`; a bolt that emits
    /// nothing, such as a sink, is expected to receive them. Fields that are left out may be
    /// anything.
    #[schemars(with = "Option<BTreeMap<String, Vec<BTreeMap<String, serde_json::Value>>>>")]
    pub(super) expect: Option<BTreeMap<String, Value>>,
    /// Whether the order of the expected tuples matters (default `any`).
    #[serde(default)]
    pub(super) order: Order,
    /// Whether there may be other tuples than those that are expected (default false).
    #[serde(default)]
    pub(super) more: bool,
    /// Dead letters that are expected: for each a part of its reason.
    pub(super) dead: Option<Vec<String>>,
}

/// Whether the order of tuples matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum Order {
    /// It does not.
    #[default]
    Any,
    /// They come as they are written.
    Exact,
}

/// What comes next: a tuple, or after some time.
#[derive(JsonSchema)]
#[schemars(untagged)]
#[allow(dead_code, reason = "for the schema alone")]
enum Step {
    /// A tuple by its fields' names; those that are left out are null.
    Tuple(BTreeMap<String, serde_json::Value>),
    /// Time that passes before the next tuple: `after 30s`.
    Pass(#[schemars(regex(pattern = r"^after ."))] String),
}
