//! What a join has to do, worked out from its options and inputs.

use squall_framework::{Input, Inputs, Kind, Problem, Schema, ValueRef};

use super::{
    config::{JoinConfig, JoinKind, TimeFields},
    fields::{chosen, fields},
};
use crate::{
    bolt::event_time::{EventTime, micros},
    columns::unique,
};

pub(super) const LEFT: usize = 0;
pub(super) const RIGHT: usize = 1;

#[derive(Debug)]
pub(super) struct Plan {
    pub(super) schema: Schema,
    /// For each field that is emitted the side it comes from and its place among the columns that
    /// are kept of that side.
    out: Vec<(usize, usize)>,
    /// For each side the columns that are kept.
    pub(super) kept: [Vec<usize>; 2],
    /// For each side the columns of its key.
    pub(super) keys: [Vec<usize>; 2],
    /// How far apart partners may be, in microseconds, and where their times are.
    pub(super) within: Option<(i64, EventTime)>,
    /// Microseconds.
    pub(super) lateness: i64,
    /// Whether tuples of the left side without a partner are emitted.
    pub(super) outer: bool,
}

impl Plan {
    pub(super) fn new(config: &JoinConfig, inputs: &Inputs) -> Result<Self, Problem> {
        let [left, right] = inputs.all() else {
            let count = inputs.all().len();
            return Err(Problem::new(format!("joins two inputs and has {count}"))
                .help("the first input is the left side, the second the right; join a third to the result"));
        };
        let sides = [left, right];
        let keys = keys(sides)?;
        let mut problems = Vec::new();
        let within = within(config, inputs).unwrap_or_else(|problem| {
            problems.push(problem);
            None
        });
        let all = fields(sides, &keys);
        problems.extend(unique(all.iter().map(|field| field.name.as_str())).err().map(|problem| {
            problem.help("give a field another name before the join, with a `map` bolt")
        }));
        let chosen = chosen(&all, &config.fields).unwrap_or_else(|problem| {
            problems.push(problem);
            Vec::new()
        });
        Problem::all(problems)?;
        let mut kept = [Vec::new(), Vec::new()];
        let out = chosen.iter().map(|field| {
            let columns = &mut kept[field.side];
            let place = columns.iter().position(|column| *column == field.column);
            let place = place.unwrap_or_else(|| {
                columns.push(field.column);
                columns.len() - 1
            });
            (field.side, place)
        });
        let out = out.collect();
        let columns = |side: usize| {
            let schema = &sides[side].schema;
            keys[side].iter().filter_map(|key| schema.index(key)).collect()
        };
        Ok(Self {
            schema: Schema::new(chosen.iter().map(|field| (field.name.as_str(), field.kind))),
            out,
            kept,
            keys: [columns(LEFT), columns(RIGHT)],
            within,
            lateness: micros(config.lateness),
            outer: config.kind == JoinKind::Left,
        })
    }

    /// The row of a pair, appended; a side without values is null.
    pub(super) fn row<'a>(
        &self,
        left: &[ValueRef<'a>],
        right: &[ValueRef<'a>],
        row: &mut Vec<ValueRef<'a>>,
    ) {
        let value = |&(side, place): &(usize, usize)| {
            [left, right][side].get(place).copied().unwrap_or(ValueRef::Null)
        };
        row.extend(self.out.iter().map(value));
    }

    /// The first moment at which a row of this time can have no partner any more.
    pub(super) fn due(&self, time: i64) -> i64 {
        self.within
            .as_ref()
            .map_or(i64::MAX, |(within, _)| time.saturating_add(*within).saturating_add(1))
    }
}

/// The fields that both sides are grouped by.
fn keys(sides: [&Input; 2]) -> Result<[&[String]; 2], Problem> {
    let mut problems = Vec::new();
    let keys = sides.map(|input| {
        let keys = input.keys.as_deref().unwrap_or_default();
        if keys.is_empty() {
            problems.push(
                Problem::new(format!("`{}` is not grouped by fields", input.from))
                    .help("write `grouping: fields` with the fields that are equal in partners"),
            );
        }
        keys
    });
    Problem::all(problems)?;
    let [left, right] = keys;
    if left.len() != right.len() {
        return Err(Problem::new(format!(
            "`{}` is grouped by {} fields and `{}` by {}",
            sides[LEFT].from,
            left.len(),
            sides[RIGHT].from,
            right.len()
        ))
        .help("partners are equal in the fields of the groupings, the first to the first"));
    }
    let kind = |input: &Input, name| input.schema.field(name).map_or(Kind::Any, |field| field.kind);
    let unlike = left.iter().zip(right).filter_map(|(a, b)| {
        let kinds = (kind(sides[LEFT], a), kind(sides[RIGHT], b));
        let equal = match kinds {
            (Kind::Any, _) | (_, Kind::Any) => true,
            (Kind::Int | Kind::Float, Kind::Int | Kind::Float) => true,
            (Kind::Text | Kind::Json, Kind::Text | Kind::Json) => true,
            (a, b) => a == b,
        };
        (!equal).then(|| {
            Problem::new(format!(
                "`{a}` of `{}` holds {} and `{b}` of `{}` {}, which are never equal",
                sides[LEFT].from, kinds.0, sides[RIGHT].from, kinds.1
            ))
            .help("give them the same type where they are parsed")
        })
    });
    Problem::all(unlike)?;
    Ok(keys)
}

fn within(config: &JoinConfig, inputs: &Inputs) -> Result<Option<(i64, EventTime)>, Problem> {
    let Some(span) = config.within else {
        if config.time.is_some() {
            return Err(Problem::new("`time` says nothing without `within`").at("time"));
        }
        return Ok(None);
    };
    let time = match &config.time {
        None => {
            return Err(Problem::new("`within` needs `time`, the field with the time of a tuple")
                .at("within"));
        }
        Some(TimeFields::Common(name)) => EventTime::common(inputs, name)?,
        Some(TimeFields::Each(names)) => {
            let of = |input: &Input| {
                let mut names = names.0.iter().filter(|(id, _)| *id == input.from);
                names.next().map(|(_, name)| name.as_str()).ok_or_else(|| {
                    Problem::new(format!("`time` names no field of `{}`", input.from)).at("time")
                })
            };
            let named = inputs.all().iter().map(of).collect::<Result<Vec<_>, _>>()?;
            if let Some((id, _)) =
                names.0.iter().find(|(id, _)| inputs.all().iter().all(|input| input.from != *id))
            {
                return Err(Problem::new(format!("`{id}` is no input")).at(format!("time.{id}")));
            }
            EventTime::new(inputs, named, "time")?
        }
    };
    Ok(Some((micros(span), time)))
}
