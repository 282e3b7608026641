//! By which time tuples belong to windows.

use std::fmt;

use squall_framework::{Error, Inputs, Kind, Problem, Result, ValueRef};

use super::{config::WindowConfig, shape::Shape};
use crate::columns::kind_of;

/// What `time` says for the time at which a tuple is worked on.
pub(super) const PROCESSING: &str = "processing";
/// Fields that are the time of a tuple without being named.
const USUAL: [&str; 4] = ["at", "time", "timestamp", "sent"];
/// A time further from 1970, in microseconds, is refused: 36,000 years.
const FAR: i64 = 1 << 60;

/// By which time tuples belong to windows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Time {
    /// That in a field.
    Field(String),
    /// The time at which they are worked on.
    Processing,
    /// They have none, only their order.
    Arrival,
}

/// As a state has it: it must never change.
impl fmt::Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Field(name) => write!(f, "field {name}"),
            Self::Processing => f.write_str("processing"),
            Self::Arrival => f.write_str("arrival"),
        }
    }
}

impl Time {
    /// What the options and inputs mean. Where windows do not go by time it still says which value
    /// is the first and which the last.
    ///
    /// # Errors
    /// The field is none, or it is not clear which one is meant.
    pub(super) fn of(
        config: &WindowConfig,
        shape: Shape,
        inputs: &Inputs,
    ) -> Result<Self, Problem> {
        let needed = matches!(shape, Shape::Time { .. } | Shape::Sessions { .. });
        match config.time.as_deref() {
            Some(PROCESSING) if needed => Ok(Self::Processing),
            Some(PROCESSING) => Ok(Self::Arrival),
            Some(name) => match inputs.require(name).map_err(|problem| problem.at("time"))?.kind {
                Kind::Timestamp | Kind::Any => Ok(Self::Field(name.to_owned())),
                kind => {
                    let message = format!("field `{name}` holds {kind} and no timestamp");
                    Err(Problem::new(message).at("time"))
                }
            },
            None => Self::usual(inputs, needed),
        }
    }

    fn usual(inputs: &Inputs, needed: bool) -> Result<Self, Problem> {
        let is_time = |name: &&&str| kind_of(inputs, name) == Kind::Timestamp;
        let usual: Vec<_> = USUAL.iter().filter(is_time).copied().collect();
        match usual.as_slice() {
            [only] => Ok(Self::Field((*only).to_owned())),
            _ if !needed => Ok(Self::Arrival),
            [] => {
                let common = inputs.common();
                let others: Vec<_> = common
                    .fields()
                    .iter()
                    .filter(|field| field.kind == Kind::Timestamp)
                    .map(|field| field.name.as_str())
                    .collect();
                let problem = Problem::new("it is not clear which field is the time of a tuple");
                Err(problem.at("time").help(if others.is_empty() {
                    format!("no field of the input is a timestamp; write `time: {PROCESSING}` for the time at which it is worked on")
                } else {
                    format!("say so: `time:` {} or {PROCESSING}", others.join(", "))
                }))
            }
            several => {
                let problem = Problem::new("several fields may be the time of a tuple");
                let help = format!("say which one: `time:` {}", several.join(", "));
                Err(problem.at("time").help(help))
            }
        }
    }
}

/// The time in a field of a tuple.
///
/// # Errors
/// There is none.
pub(super) fn time_of(value: ValueRef<'_>, field: &str) -> Result<i64> {
    match value {
        ValueRef::Timestamp(at) if (-FAR..FAR).contains(&at) => Ok(at),
        ValueRef::Timestamp(at) => {
            Err(Error::data(format!("field `{field}` is too far away for a window: @{at}us")))
        }
        ValueRef::Null => Err(Error::data(format!("field `{field}` with the time is null"))),
        value => Err(Error::data(format!("field `{field}` is not a timestamp but `{value}`"))),
    }
}
