//! The options of `top`, and what they come to for given inputs.

use schemars::JsonSchema;
use serde::Deserialize;
use squall_config::TimeSpan;
use squall_framework::{Inputs, Kind, Problem, Schema};

use crate::{
    bolt::{
        event_time::{EventTime, some_time},
        keyed::{grouping, keyed_by},
    },
    columns::unique,
};

/// Options of the bolt `top`.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct TopConfig {
    /// How many of the best to emit for each group.
    #[serde(default = "ten")]
    pub(super) n: usize,
    /// The field with the number or time that decides; with `decay`, the weight of a tuple,
    /// by default 1.
    #[serde(default)]
    pub(super) by: Option<String>,
    /// The fields that make a group; by default those of the grouping, which must be among them.
    #[serde(default)]
    pub(super) group_by: Vec<String>,
    /// The fields that name a candidate within its group; a new tuple of a candidate replaces
    /// its old one.
    #[serde(rename = "of")]
    pub(super) id: Vec<String>,
    /// Whether the largest (`desc`) or the smallest (`asc`) come first.
    #[serde(default)]
    pub(super) order: Order,
    /// How many candidates of a group are remembered at most.
    #[serde(default = "thousand")]
    pub(super) keep: usize,
    /// The half-life of a tuple's weight: the weights of a candidate's tuples are added up, each
    /// worth half as much after this long. Needs `time`.
    #[serde(default)]
    pub(super) decay: Option<TimeSpan>,
    /// Candidates without a tuple for so long drop out; groups whose fields have the `time` are
    /// forgotten. Needs `time`.
    #[serde(default)]
    pub(super) expire: Option<TimeSpan>,
    /// The field with the time of a tuple, for `decay` and `expire`.
    #[serde(default)]
    pub(super) time: Option<String>,
}

/// Which end is the top.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(super) enum Order {
    /// The largest first.
    #[default]
    Desc,
    /// The smallest first.
    Asc,
}

fn ten() -> usize {
    10
}

fn thousand() -> usize {
    1_000
}

/// What is to be done, with all options checked.
#[derive(Debug)]
pub(super) struct Plan {
    pub(super) n: usize,
    pub(super) keep: usize,
    pub(super) order: Order,
    /// Microseconds.
    pub(super) decay: Option<i64>,
    /// Microseconds.
    pub(super) expire: Option<i64>,
    /// Whether the time is one of the group's fields, so that all of a group expires at once and
    /// does not come back.
    pub(super) closes: bool,
    pub(super) time: Option<EventTime>,
    /// The fields of a tuple, which are emitted behind the rank.
    pub(super) fields: Vec<String>,
    /// For each of them whether it is one of the group's.
    pub(super) of_group: Vec<bool>,
    /// The fields of the group that are not the grouping's.
    pub(super) rest: Vec<String>,
    pub(super) schema: Schema,
}

impl Plan {
    pub(super) fn new(config: &TopConfig, inputs: &Inputs) -> Result<Self, Problem> {
        let mut problems = Vec::new();
        let group_by = keyed_by(inputs, "group_by", &config.group_by).unwrap_or_else(|problem| {
            problems.push(problem);
            Vec::new()
        });
        problems.extend(check_numbers(config));
        problems.extend(check_id(config, inputs));
        problems.extend(check_by(config, inputs));
        let spans = [(config.decay, "decay"), (config.expire, "expire")].map(|(span, option)| {
            some_time(span, option).unwrap_or_else(|problem| {
                problems.push(problem);
                None
            })
        });
        let time = time(config, inputs).unwrap_or_else(|problem| {
            problems.push(problem);
            None
        });
        let common = inputs.common();
        let mut out = vec![("rank".to_owned(), Kind::Int)];
        out.extend(common.fields().iter().map(|field| (field.name.clone(), field.kind)));
        if config.decay.is_some() {
            out.push(("score".to_owned(), Kind::Float));
        }
        problems.extend(unique(out.iter().map(|(name, _)| name.as_str())).err().map(|problem| {
            problem.help("give the field of the input another name, with a `map` bolt")
        }));
        Problem::all(problems)?;
        let grouping = grouping(inputs)?;
        Ok(Self {
            n: config.n,
            keep: config.keep,
            order: config.order,
            decay: spans[0],
            expire: spans[1],
            closes: config.time.as_ref().is_some_and(|time| group_by.contains(time)),
            time,
            of_group: common.names().map(|name| group_by.iter().any(|by| by == name)).collect(),
            fields: common.names().map(str::to_owned).collect(),
            rest: group_by.into_iter().filter(|field| !grouping.contains(field)).collect(),
            schema: Schema::new(out),
        })
    }
}

fn check_numbers(config: &TopConfig) -> Option<Problem> {
    if config.n == 0 {
        return Some(Problem::new("`n` must be at least 1").at("n"));
    }
    (config.keep < config.n).then(|| {
        let (keep, n) = (config.keep, config.n);
        Problem::new(format!("of {keep} candidates that are kept there are no {n} best"))
            .at("keep")
            .help("keep several times as many as `n`")
    })
}

fn check_id(config: &TopConfig, inputs: &Inputs) -> Vec<Problem> {
    if config.id.is_empty() {
        return vec![Problem::new("`of` names no field").at("of")];
    }
    let unknown = config.id.iter().enumerate().filter_map(|(index, name)| {
        inputs.require(name).err().map(|problem| problem.at(format!("of.{index}")))
    });
    unknown.collect()
}

fn check_by(config: &TopConfig, inputs: &Inputs) -> Option<Problem> {
    let Some(by) = &config.by else {
        let missing = || Problem::new("`by` names no field to rank by").at("by");
        return config.decay.is_none().then(missing);
    };
    match inputs.require(by).map(|field| field.kind) {
        Err(problem) => Some(problem.at("by")),
        Ok(Kind::Int | Kind::Float | Kind::Any) => None,
        Ok(Kind::Timestamp) if config.decay.is_none() => None,
        Ok(kind) => {
            let what = if config.decay.is_some() { "weight" } else { "number or time" };
            Some(Problem::new(format!("field `{by}` holds {kind} and no {what}")).at("by"))
        }
    }
}

fn time(config: &TopConfig, inputs: &Inputs) -> Result<Option<EventTime>, Problem> {
    let user = [("decay", config.decay), ("expire", config.expire)];
    let user = user.into_iter().find(|(_, span)| span.is_some());
    match (&config.time, user) {
        (Some(time), Some(_)) => EventTime::common(inputs, time).map(Some),
        (None, Some((option, _))) => Err(Problem::new(format!(
            "`{option}` needs `time`, the field with the time of a tuple"
        ))
        .at(option)),
        (Some(_), None) => {
            Err(Problem::new("`time` says nothing without `decay` or `expire`").at("time"))
        }
        (None, None) => Ok(None),
    }
}
