//! `map`: fields worked out by expressions.

use schemars::JsonSchema;
use serde::Deserialize;
use squall_framework::{
    Bolt, Error, Inputs, Kind, Output, Problem, Result, Schema, Streams, TaskContext, Tuple, Value,
};

use super::parser::not_prepared;
use crate::{
    columns::{Columns, kind_of},
    expression::{Expression, check},
    options::Named,
};

/// Options of the bolt `map`.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct MapConfig {
    /// The new fields, each with its expression in the Common Expression Language; the tuple's
    /// fields are variables by their names. A new field may have the name of an old one.
    fields: Named<String>,
    /// Fields of the tuple to hand on; by default all that are not replaced.
    #[serde(default)]
    keep: Option<Vec<String>>,
}

pub(crate) struct Map {
    config: MapConfig,
    ready: Option<Ready>,
}

struct Ready {
    columns: Columns,
    expressions: Vec<(Expression, Kind)>,
    values: Vec<Value>,
}

impl Map {
    pub(crate) fn new(config: &MapConfig) -> Result<Self> {
        Ok(Self { config: config.clone(), ready: None })
    }

    fn kept(&self, inputs: &Inputs) -> Vec<String> {
        let replaced = |name: &str| self.config.fields.0.iter().any(|(new, _)| new == name);
        match &self.config.keep {
            Some(keep) => keep.iter().filter(|name| !replaced(name)).cloned().collect(),
            None => {
                inputs.common().names().filter(|name| !replaced(name)).map(str::to_owned).collect()
            }
        }
    }
}

impl Bolt for Map {
    fn declare(&self, inputs: &Inputs) -> Result<Streams, Problem> {
        let mut problems = Vec::new();
        for (index, name) in self.config.keep.iter().flatten().enumerate() {
            problems.extend(
                inputs.require(name).err().map(|problem| problem.at(format!("keep.{index}"))),
            );
        }
        let mut fields: Vec<_> = self
            .kept(inputs)
            .into_iter()
            .map(|name| (name.clone(), kind_of(inputs, &name)))
            .collect();
        for (name, source) in &self.config.fields.0 {
            match check(source, inputs) {
                Ok(kind) => fields.push((name.clone(), kind)),
                Err(problem) => problems.push(problem.at(format!("fields.{name}"))),
            }
        }
        Problem::all(problems)?;
        Ok(Streams::one(Schema::new(fields)))
    }

    fn prepare(&mut self, context: &TaskContext) -> Result<()> {
        let inputs = context.inputs();
        let kept = self.kept(inputs);
        let expressions = self
            .config
            .fields
            .0
            .iter()
            .map(|(_, source)| Ok((Expression::new(source, inputs)?, check(source, inputs)?)));
        self.ready = Some(Ready {
            columns: Columns::new(inputs, kept.iter().map(String::as_str))?,
            expressions: expressions.collect::<Result<_>>()?,
            values: Vec::new(),
        });
        Ok(())
    }

    fn execute(&mut self, tuple: &Tuple<'_>, out: &mut Output) -> Result<()> {
        let ready = self.ready.as_mut().ok_or_else(not_prepared)?;
        ready.values.clear();
        for (expression, kind) in &mut ready.expressions {
            let value = expression.value(tuple)?;
            ready.values.push(fit(value, *kind, expression.source())?);
        }
        let mut row: Vec<_> =
            ready.columns.of(tuple).iter().map(|&column| tuple.at(column)).collect();
        row.extend(ready.values.iter().map(Value::as_ref));
        out.emit(&row)
    }
}

/// A value has the kind that the stream declares, also where an expression gives now this and
/// now that.
fn fit(value: Value, kind: Kind, source: &str) -> Result<Value> {
    match (kind, value.as_ref().kind()) {
        (Kind::Any, _) | (_, None) => Ok(value),
        (expected, Some(found)) if expected == found => Ok(value),
        (Kind::Float, Some(Kind::Int)) => match value {
            Value::Int(number) => Ok(Value::Float(number as f64)),
            value => Ok(value),
        },
        (expected, Some(found)) => Err(Error::data(format!(
            "`{source}` is {found} here and {expected} elsewhere: `{value}`"
        ))),
    }
}
