//! The options of the bolt `window`.

use std::{borrow::Cow, fmt};

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::{
    Deserialize, Deserializer,
    de::{Error, Visitor},
};
use squall_config::TimeSpan;

use crate::options::Named;

/// Options of the bolt `window`.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct WindowConfig {
    /// How long a window is. Without `every`, windows follow each other.
    #[serde(default)]
    pub(super) size: Option<TimeSpan>,
    /// How far it is from one window to the next: a part of `size`, or of `count` in tuples.
    #[serde(default)]
    pub(super) every: Option<Every>,
    /// For sessions: tuples that are less than this apart are in one window.
    #[serde(default)]
    pub(super) gap: Option<TimeSpan>,
    /// How many tuples make a window. Without `size`, `gap` and `count` there is one window for
    /// ever.
    #[serde(default)]
    pub(super) count: Option<u64>,
    /// The field with the time of a tuple, or `processing` for the time at which it is worked on;
    /// by default `at`, `time`, `timestamp` or `sent`, if one of them is a timestamp.
    #[serde(default)]
    pub(super) time: Option<String>,
    /// How much later than others a tuple may come; windows are emitted so much later. Default: 0s.
    #[serde(default)]
    pub(super) lateness: Option<TimeSpan>,
    /// A sender that is silent for so long is not waited for. Default: 30s.
    #[serde(default)]
    pub(super) idle: Option<TimeSpan>,
    /// The place by whose clock hours and days begin, such as `Europe/Paris`; by default UTC.
    #[serde(default)]
    pub(super) timezone: Option<String>,
    /// `close`: a window is emitted once, when it is over. `update`: also whenever it has changed,
    /// once or twice a second. Without an end there is only `update`.
    #[serde(default)]
    pub(super) emit: Option<Emit>,
    /// The fields whose values make a group, at least those of the inputs' grouping; by default
    /// these.
    #[serde(default)]
    pub(super) group_by: Option<Vec<String>>,
    /// The fields to work out, as `{ name: function(field) }`, with the functions count, sum, avg,
    /// min, max, first, last, distinct, approx_distinct and quantile(field, 0.99).
    pub(super) aggregates: Named<String>,
}

/// When a window is emitted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Emit {
    /// When it is over.
    Close,
    /// Whenever it has changed, too.
    Update,
}

/// A duration, or a number of tuples.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Every {
    Time(TimeSpan),
    Tuples(u64),
}

impl<'de> Deserialize<'de> for Every {
    fn deserialize<D: Deserializer<'de>>(input: D) -> Result<Self, D::Error> {
        struct Either;
        impl Visitor<'_> for Either {
            type Value = Every;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a duration such as 30s, or a number of tuples")
            }

            fn visit_u64<E: Error>(self, tuples: u64) -> Result<Every, E> {
                Ok(Every::Tuples(tuples))
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<Every, E> {
                text.parse().map(Every::Time).map_err(E::custom)
            }
        }
        input.deserialize_any(Either)
    }
}

impl JsonSchema for Every {
    fn schema_name() -> Cow<'static, str> {
        "TimeSpanOrNumber".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        schemars::json_schema!({ "type": ["string", "integer"] })
    }
}
