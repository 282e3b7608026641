//! The fields that a join can emit, and their names.

use squall_framework::{Field, Input, Kind, Problem};

use super::plan::{LEFT, RIGHT};
use crate::columns::unique;

/// A field that can be emitted.
#[derive(Debug, Clone)]
pub(super) struct OutField {
    pub(super) name: String,
    pub(super) kind: Kind,
    pub(super) side: usize,
    pub(super) column: usize,
}

/// All fields of a join: those of the left side, then those of the right without its key.
pub(super) fn fields(sides: [&Input; 2], keys: &[&[String]; 2]) -> Vec<OutField> {
    let [left, right] = sides;
    // A stream that is joined with itself has one id for both sides.
    let prefixes = if left.from == right.from {
        ["left", "right"]
    } else {
        [left.from.as_str(), right.from.as_str()]
    };
    let is_key = |side: usize, field: &Field| keys[side].contains(&field.name);
    let of = |side: usize| {
        let columns = sides[side].schema.fields().iter().enumerate();
        // The key is emitted once.
        let columns = columns.filter(move |(_, field)| side == LEFT || !is_key(RIGHT, field));
        columns.map(move |(column, field)| {
            let other = sides[1 - side].schema.field(&field.name);
            let both = other.is_some_and(|other| side == RIGHT || !is_key(RIGHT, other));
            let name = if both && !(side == LEFT && is_key(LEFT, field)) {
                format!("{}_{}", prefixes[side], field.name)
            } else {
                field.name.clone()
            };
            OutField { name, kind: field.kind, side, column }
        })
    };
    of(LEFT).chain(of(RIGHT)).collect()
}

/// Those of them that are named, or all.
pub(super) fn chosen(all: &[OutField], names: &[String]) -> Result<Vec<OutField>, Problem> {
    if names.is_empty() {
        return Ok(all.to_vec());
    }
    let mut problems = Vec::new();
    let mut chosen = Vec::new();
    for (index, name) in names.iter().enumerate() {
        match all.iter().find(|field| field.name == *name) {
            Some(field) => chosen.push(field.clone()),
            None => {
                let known = all.iter().map(|field| field.name.as_str());
                let help = match squall_config::did_you_mean(name, known.clone()) {
                    Some(near) => format!("did you mean `{near}`?"),
                    None => format!("there are {}", known.collect::<Vec<_>>().join(", ")),
                };
                let problem = Problem::new(format!("the join has no field `{name}`"));
                problems.push(problem.help(help).at(format!("fields.{index}")));
            }
        }
    }
    problems.extend(unique(names.iter().map(String::as_str)).err());
    Problem::all(problems)?;
    Ok(chosen)
}
