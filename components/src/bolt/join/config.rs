//! The options of `join`.

use schemars::JsonSchema;
use serde::Deserialize;
use squall_config::TimeSpan;

use crate::options::Named;

/// Options of the bolt `join`.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct JoinConfig {
    /// `inner` emits pairs; `left` emits tuples of the first input that found no partner as well.
    #[serde(default)]
    pub(super) kind: JoinKind,
    /// How far the times of two partners may be apart; by default any two with the same key are
    /// partners and all are remembered for ever.
    #[serde(default)]
    pub(super) within: Option<TimeSpan>,
    /// The field with the time that `within` is about: its name, or `{ input: field }` where the
    /// two inputs call it differently.
    #[serde(default)]
    pub(super) time: Option<TimeFields>,
    /// By how much a tuple may come later than tuples with later times and still find all partners.
    #[serde(default)]
    pub(super) lateness: TimeSpan,
    /// The fields to emit; by default all of the first input and then those of the second, without
    /// its key. A name that both have is prefixed with its input's id, as `orders_at`.
    #[serde(default)]
    pub(super) fields: Vec<String>,
}

/// Which tuples are emitted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(super) enum JoinKind {
    /// Pairs.
    #[default]
    Inner,
    /// Pairs, and tuples of the first input that have no partner.
    Left,
}

/// Where the time of a tuple is.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(untagged, expecting = "a field, or `{ input: field }` for both inputs")]
pub(super) enum TimeFields {
    /// In a field that both inputs have.
    Common(String),
    /// In a field of each input.
    Each(Named<String>),
}
