//! What the bolt needs of a tuple.

use squall_framework::{Error, Inputs, Result, Tuple, Value, ValueRef};

use super::{
    aggregate::Aggregate,
    keys,
    plan::Plan,
    time::{Time, time_of},
};
use crate::columns::Columns;

/// A value of `group_by` has at most so many bytes, for it is kept with each group.
const LONGEST_KEY: usize = 512;
/// All values that the aggregates of a pane keep have at most so many bytes.
const KEPT: usize = 3_000;

/// Where the fields are that the bolt needs.
#[derive(Debug)]
pub(super) struct Fields {
    /// Those of `group_by`, then those of aggregates, then the time.
    columns: Columns,
    group_by: Vec<String>,
    further: Vec<usize>,
    /// For each aggregate the place of its field among the columns.
    aggregates: Vec<Option<usize>>,
    /// For each aggregate how many bytes its value may have.
    limits: Vec<usize>,
    names: Vec<Option<String>>,
    time: Option<String>,
    /// All fields that inputs share.
    all: Columns,
}

/// A tuple.
#[derive(Clone, Copy)]
pub(super) struct Row<'a> {
    fields: &'a Fields,
    tuple: &'a Tuple<'a>,
    columns: &'a [usize],
}

impl Fields {
    pub(super) fn new(plan: &Plan, inputs: &Inputs) -> Result<Self> {
        let mut names: Vec<&str> = plan.group_by.iter().map(String::as_str).collect();
        let aggregates = plan.aggregates.iter().map(|aggregate| {
            let field = aggregate.field.as_deref()?;
            names.push(field);
            Some(names.len() - 1)
        });
        let aggregates = aggregates.collect();
        let time = match &plan.time {
            Time::Field(field) => Some(field.clone()),
            Time::Processing | Time::Arrival => None,
        };
        names.extend(time.as_deref());
        let keep = plan.aggregates.iter().filter(|a| a.keeps_values()).count().max(1);
        let limit = |a: &Aggregate| if a.keeps_values() { KEPT / keep } else { usize::MAX };
        Ok(Self {
            columns: Columns::new(inputs, names.iter().copied())?,
            group_by: plan.group_by.clone(),
            further: plan.further.clone(),
            aggregates,
            limits: plan.aggregates.iter().map(limit).collect(),
            names: plan.aggregates.iter().map(|a| a.field.clone()).collect(),
            time,
            all: Columns::new(inputs, plan.all.iter().map(String::as_str))?,
        })
    }

    /// A tuple whose values the state can keep.
    ///
    /// # Errors
    /// A value is too long.
    pub(super) fn row<'a>(&'a self, tuple: &'a Tuple<'a>) -> Result<Row<'a>> {
        let row = Row { fields: self, tuple, columns: self.columns.of(tuple) };
        for (name, value) in self.group_by.iter().zip(row.group()) {
            check(name, value, LONGEST_KEY)?;
        }
        for (index, limit) in self.limits.iter().enumerate() {
            if *limit < usize::MAX {
                check(self.names[index].as_deref().unwrap_or_default(), row.value(index), *limit)?;
            }
        }
        Ok(row)
    }
}

fn check(name: &str, value: ValueRef<'_>, limit: usize) -> Result<()> {
    let length = match value {
        ValueRef::Text(text) | ValueRef::Json(text) => text.len(),
        ValueRef::Bytes(bytes) => bytes.len(),
        _ => return Ok(()),
    };
    if length <= limit {
        return Ok(());
    }
    Err(Error::data(format!(
        "field `{name}` has {length} bytes; a window keeps values of up to {limit}"
    )))
}

impl<'a> Row<'a> {
    pub(super) fn tuple(self) -> &'a Tuple<'a> {
        self.tuple
    }

    /// The time in its field, if that counts.
    pub(super) fn time(self) -> Result<Option<i64>> {
        let (Some(name), Some(column)) = (&self.fields.time, self.columns.last()) else {
            return Ok(None);
        };
        time_of(self.tuple.at(*column), name).map(Some)
    }

    /// The values of `group_by`.
    pub(super) fn group(self) -> impl Iterator<Item = ValueRef<'a>> {
        self.columns[..self.fields.group_by.len()].iter().map(move |column| self.tuple.at(*column))
    }

    pub(super) fn owned_group(self) -> impl Iterator<Item = Value> {
        self.group().map(ValueRef::to_owned)
    }

    /// Sets `to` to what tells its group from the others of its place.
    pub(super) fn group_id(self, to: &mut Vec<u8>) {
        let further = self.fields.further.iter();
        keys::short(further.map(|index| self.tuple.at(self.columns[*index])), to);
    }

    /// The value for the aggregate of this number; `count()` counts every tuple.
    pub(super) fn value(self, aggregate: usize) -> ValueRef<'a> {
        match self.fields.aggregates[aggregate] {
            Some(column) => self.tuple.at(self.columns[column]),
            None => ValueRef::Bool(true),
        }
    }

    /// The values of all fields that inputs share.
    pub(super) fn all(self) -> Vec<ValueRef<'a>> {
        self.fields.all.of(self.tuple).iter().map(|column| self.tuple.at(*column)).collect()
    }
}
