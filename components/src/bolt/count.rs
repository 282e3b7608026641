//! `count`: how often each key occurs in a batch, so that a table is asked once per key.

use std::collections::HashMap;

use schemars::JsonSchema;
use serde::Deserialize;
use squall_framework::{
    BatchBolt, BoltFuture, Error, Inputs, Kind, Output, Problem, Result, Schema, Streams,
    TaskContext, TupleBatch, ValueRef,
};

use super::parser::not_prepared;
use crate::{
    columns::{Columns, kind_of, unique},
    options::Named,
};

/// Options of the bolt `count`.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct CountConfig {
    /// The fields by which to count; none counts all tuples together.
    #[serde(default)]
    by: Vec<String>,
    /// The name of the field with the count.
    #[serde(default = "count", rename = "as")]
    name: String,
    /// Sums to emit as well, as `{ name: field }`; nulls do not count.
    #[serde(default)]
    sum: Named<String>,
}

fn count() -> String {
    "count".to_owned()
}

/// Up to this many rows are counted together, if so many are waiting.
const ROWS: usize = 4_096;

pub(crate) struct Count {
    config: CountConfig,
    /// The keys, then the fields that are summed.
    columns: Option<Columns>,
}

/// What is known of one key.
struct Group {
    rows: Vec<usize>,
    sums: Vec<Sum>,
}

#[derive(Clone, Copy)]
enum Sum {
    Int(i64),
    Float(f64),
}

impl Count {
    pub(crate) fn new(config: &CountConfig) -> Result<Self> {
        Ok(Self { config: config.clone(), columns: None })
    }

    fn names(&self) -> impl Iterator<Item = &str> + Clone {
        self.config
            .by
            .iter()
            .chain(self.config.sum.0.iter().map(|(_, field)| field))
            .map(String::as_str)
    }

    fn work(&self, batch: &TupleBatch, out: &mut Output) -> Result<()> {
        let columns = self.columns.as_ref().ok_or_else(not_prepared)?;
        let keys = self.config.by.len();
        let mut groups: HashMap<Vec<u8>, Group> = HashMap::new();
        let mut key = Vec::new();
        for tuple in batch.rows() {
            let (by, summed) = columns.of(&tuple).split_at(keys);
            key.clear();
            by.iter().for_each(|&column| encode(tuple.at(column), &mut key));
            if !groups.contains_key(&key) {
                let sums = vec![Sum::Int(0); summed.len()];
                groups.insert(key.clone(), Group { rows: Vec::new(), sums });
            }
            let Some(group) = groups.get_mut(&key) else { continue };
            let added: Result<Vec<Sum>> = group
                .sums
                .iter()
                .zip(summed)
                .map(|(sum, &column)| sum.plus(tuple.at(column)))
                .collect();
            match added {
                Ok(sums) => {
                    group.sums = sums;
                    group.rows.push(tuple.row());
                }
                Err(error) => out.fail(tuple.row(), error),
            }
        }
        let mut groups: Vec<_> =
            groups.into_values().filter(|group| !group.rows.is_empty()).collect();
        groups.sort_unstable_by_key(|group| group.rows[0]);
        for group in groups {
            let first = batch.row(group.rows[0]);
            let mut row: Vec<_> =
                columns.of(&first)[..keys].iter().map(|&column| first.at(column)).collect();
            row.push(ValueRef::Int(group.rows.len() as i64));
            row.extend(group.sums.iter().map(|sum| match sum {
                Sum::Int(sum) => ValueRef::Int(*sum),
                Sum::Float(sum) => ValueRef::Float(*sum),
            }));
            out.emit_from(&group.rows, &row)?;
        }
        Ok(())
    }
}

impl Sum {
    fn plus(self, value: ValueRef<'_>) -> Result<Self> {
        Ok(match (self, value) {
            (sum, ValueRef::Null) => sum,
            (Self::Int(a), ValueRef::Int(b)) => {
                Self::Int(a.checked_add(b).ok_or_else(|| Error::data("the sum is out of range"))?)
            }
            (Self::Int(a), ValueRef::Float(b)) => Self::Float(a as f64 + b),
            (Self::Float(a), ValueRef::Float(b)) => Self::Float(a + b),
            (Self::Float(a), ValueRef::Int(b)) => Self::Float(a + b as f64),
            (_, value) => return Err(Error::data(format!("`{value}` is not a number"))),
        })
    }
}

/// Appends a value so that two keys are equal only if all their values are.
fn encode(value: ValueRef<'_>, key: &mut Vec<u8>) {
    let mut bytes = |tag: u8, bytes: &[u8]| {
        key.push(tag);
        key.extend_from_slice(&(bytes.len() as u32).to_le_bytes());
        key.extend_from_slice(bytes);
    };
    match value {
        ValueRef::Null => bytes(0, &[]),
        ValueRef::Bool(value) => bytes(1, &[u8::from(value)]),
        ValueRef::Int(number) => bytes(2, &number.to_le_bytes()),
        ValueRef::Float(number) => bytes(3, &number.to_bits().to_le_bytes()),
        ValueRef::Timestamp(micros) => bytes(4, &micros.to_le_bytes()),
        ValueRef::Text(text) => bytes(5, text.as_bytes()),
        ValueRef::Bytes(value) => bytes(6, value),
        ValueRef::Json(text) => bytes(7, text.as_bytes()),
    }
}

impl BatchBolt for Count {
    fn declare(&self, inputs: &Inputs) -> Result<Streams, Problem> {
        let mut problems = Vec::new();
        for (index, name) in self.config.by.iter().enumerate() {
            problems.extend(
                inputs.require(name).err().map(|problem| problem.at(format!("by.{index}"))),
            );
        }
        let mut fields: Vec<_> =
            self.config.by.iter().map(|name| (name.clone(), kind_of(inputs, name))).collect();
        fields.push((self.config.name.clone(), Kind::Int));
        for (name, field) in &self.config.sum.0 {
            let kind = match inputs.require(field).map(|field| field.kind) {
                Ok(kind @ (Kind::Int | Kind::Float | Kind::Any)) => kind,
                Ok(kind) => {
                    let problem = format!("field `{field}` holds {kind}, which cannot be summed");
                    problems.push(Problem::new(problem).at(format!("sum.{name}")));
                    kind
                }
                Err(problem) => {
                    problems.push(problem.at(format!("sum.{name}")));
                    Kind::Any
                }
            };
            fields.push((name.clone(), kind));
        }
        problems.extend(unique(fields.iter().map(|(name, _)| name.as_str())).err());
        Problem::all(problems)?;
        Ok(Streams::one(Schema::new(fields)))
    }

    fn prepare(&mut self, context: &TaskContext) -> Result<()> {
        self.columns = Some(Columns::new(context.inputs(), self.names())?);
        Ok(())
    }

    fn execute<'a>(&'a mut self, batch: &'a TupleBatch, out: &'a mut Output) -> BoltFuture<'a> {
        Box::pin(std::future::ready(self.work(batch, out)))
    }

    fn rows_per_call(&self) -> usize {
        ROWS
    }
}
