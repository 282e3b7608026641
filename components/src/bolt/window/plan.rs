//! What the options amount to for the inputs that there are, checked.

use squall_framework::{Inputs, Kind, Problem, Schema, Streams};
use xxhash_rust::xxh3::xxh3_64;

use super::{
    aggregate::Aggregate,
    config::{Emit, WindowConfig},
    partial::Partial,
    shape::Shape,
    time::Time,
    watermark::micros,
};
use crate::columns::{kind_of, unique};

/// The stream of tuples that came too late for all their windows.
pub(super) const LATE: &str = "late";
const MOST_AGGREGATES: usize = 100;
/// What a sender may be silent, in microseconds, until it is not waited for.
const IDLE: i64 = 30_000_000;

/// What is to be done.
#[derive(Debug, Clone)]
pub(super) struct Plan {
    pub(super) shape: Shape,
    pub(super) time: Time,
    /// By how much a tuple may be late, in microseconds.
    pub(super) lateness: i64,
    /// A sender that is silent for so many microseconds is not waited for.
    pub(super) idle: i64,
    /// Whether windows are emitted whenever they have changed.
    pub(super) updates: bool,
    pub(super) group_by: Vec<String>,
    /// Which of them are not among the fields of the inputs' grouping: a place has several groups.
    pub(super) further: Vec<usize>,
    pub(super) aggregates: Vec<Aggregate>,
    /// Fields that tuples which come too late are emitted with.
    pub(super) all: Vec<String>,
    output: Schema,
    late: Option<Schema>,
}

impl Plan {
    /// What the options mean for these inputs.
    ///
    /// # Errors
    /// All that is wrong.
    pub(super) fn new(config: &WindowConfig, inputs: &Inputs) -> Result<Self, Problem> {
        let mut problems = Vec::new();
        let mut told = |problem| problems.push(problem);
        let shape = Shape::of(config).map_err(&mut told).ok();
        let time = Time::of(config, shape.unwrap_or(Shape::Endless), inputs);
        let time = time.map_err(&mut told).ok();
        let keys = keys(inputs).map_err(&mut told).ok();
        check_group_by(config, keys.as_deref(), inputs).into_iter().for_each(&mut told);
        let keys = keys.unwrap_or_default();
        let group_by = config.group_by.clone().unwrap_or_else(|| keys.clone());
        let aggregates = aggregates(config, inputs).map_err(&mut told).unwrap_or_default();
        let mut output: Vec<_> = shape.map(borders).unwrap_or_default();
        output.extend(group_by.iter().map(|name| (name.clone(), kind_of(inputs, name))));
        output.extend(aggregates.iter().map(|a| (a.name.clone(), a.kind())));
        unique(output.iter().map(|(name, _)| name.as_str())).unwrap_or_else(told);
        Problem::all(problems)?;
        let (Some(shape), Some(time)) = (shape, time) else {
            return Err(Problem::new("the options do not go together"));
        };
        let by_time = matches!(shape, Shape::Time { .. } | Shape::Sessions { .. });
        let dated = aggregates.iter().any(|a| matches!(a.nothing(), Partial::Dated(_)));
        let time = if by_time || dated { time } else { Time::Arrival };
        let further = (0..group_by.len()).filter(|index| !keys.contains(&group_by[*index]));
        let may_be_late = by_time && matches!(time, Time::Field(_));
        let common = inputs.common();
        Ok(Self {
            shape,
            time,
            lateness: config.lateness.map_or(0, |span| micros(*span)),
            idle: config.idle.map_or(IDLE, |span| micros(*span)),
            updates: shape == Shape::Endless || config.emit == Some(Emit::Update),
            further: further.collect(),
            group_by,
            aggregates,
            all: common.names().map(str::to_owned).collect(),
            output: Schema::new(output),
            late: may_be_late.then_some(common),
        })
    }

    /// The streams that are emitted.
    pub(super) fn streams(&self) -> Streams {
        let streams = Streams::one(self.output.clone());
        match &self.late {
            Some(late) => streams.and(LATE, late.clone()),
            None => streams,
        }
    }

    /// Whether a window's result is put together from its panes when it is emitted.
    pub(super) fn folds(&self) -> bool {
        self.aggregates.iter().any(|aggregate| !aggregate.slides())
    }

    pub(super) fn has_distinct(&self) -> bool {
        self.aggregates.iter().any(Aggregate::is_distinct)
    }

    pub(super) fn is_of_sessions(&self) -> bool {
        matches!(self.shape, Shape::Sessions { .. })
    }

    /// A number that tells plans apart whose states mean different things.
    pub(super) fn fingerprint(&self) -> i64 {
        let mut told = format!("1 {} by {}", self.shape, self.time);
        for (index, name) in self.group_by.iter().enumerate() {
            let further = if self.further.contains(&index) { "further " } else { "" };
            told.push_str(&format!(" of {further}{name}"));
        }
        for Aggregate { function, field, of, .. } in &self.aggregates {
            let field = field.as_deref().unwrap_or_default();
            told.push_str(&format!(" {} {field} {of}", function.name()));
        }
        xxh3_64(told.as_bytes()) as i64
    }
}

/// The fields that say which window it is.
fn borders(shape: Shape) -> Vec<(String, Kind)> {
    let borders: &[_] = match shape {
        Shape::Endless => &[],
        Shape::Tuples { .. } => &[("window", Kind::Int)],
        Shape::Time { .. } | Shape::Sessions { .. } => {
            &[("window_start", Kind::Timestamp), ("window_end", Kind::Timestamp)]
        }
    };
    borders.iter().map(|(name, kind)| ((*name).to_owned(), *kind)).collect()
}

/// The fields of the inputs' grouping.
fn keys(inputs: &Inputs) -> Result<Vec<String>, Problem> {
    let mut keys: Option<&Vec<String>> = None;
    for input in inputs.all() {
        let help = "write `{ from: ID, grouping: fields, fields: [...] }`, or `grouping: global` for \
                    one group of all";
        let Some(own) = &input.keys else {
            let message = format!("the tuples of `{}` are not grouped by fields", input.from);
            return Err(Problem::new(message).help(help));
        };
        match keys {
            Some(keys) if keys != own => {
                let message = format!("`{}` is grouped by other fields than the rest", input.from);
                return Err(Problem::new(message).help(help));
            }
            _ => keys = Some(own),
        }
    }
    Ok(keys.cloned().unwrap_or_default())
}

fn check_group_by(config: &WindowConfig, keys: Option<&[String]>, inputs: &Inputs) -> Vec<Problem> {
    let Some(group_by) = &config.group_by else { return Vec::new() };
    let mut problems: Vec<_> = (group_by.iter().enumerate())
        .filter_map(|(index, name)| {
            inputs.require(name).err().map(|problem| problem.at(format!("group_by.{index}")))
        })
        .collect();
    for key in keys.unwrap_or_default() {
        if !group_by.contains(key) {
            let message = format!("`group_by` lacks `{key}`, by which the tuples are grouped");
            let help =
                "tasks see the tuples of some values only, so every group must be within one";
            problems.push(Problem::new(message).help(help).at("group_by"));
        }
    }
    problems
}

fn aggregates(config: &WindowConfig, inputs: &Inputs) -> Result<Vec<Aggregate>, Problem> {
    let written = &config.aggregates.0;
    let number = match written.len() {
        0 => Some(
            "`aggregates` names nothing to work out; write, for example, `{ tuples: count() }`"
                .to_owned(),
        ),
        1..=MOST_AGGREGATES => None,
        _ => Some(format!("more than {MOST_AGGREGATES} aggregates")),
    };
    let mut problems: Vec<_> =
        number.map(|n| Problem::new(n).at("aggregates")).into_iter().collect();
    let mut aggregates = Vec::new();
    for (name, text) in written {
        match Aggregate::parse(name, text, inputs) {
            Ok(aggregate) => aggregates.push(aggregate),
            Err(problem) => problems.push(problem.at(format!("aggregates.{name}"))),
        }
    }
    Problem::all(problems).map(|()| aggregates)
}
