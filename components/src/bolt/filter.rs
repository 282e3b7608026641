//! `filter`: tuples for which an expression is true.

use schemars::JsonSchema;
use serde::Deserialize;
use squall_framework::{
    Bolt, Error, Inputs, Kind, Output, Problem, Result, Streams, TaskContext, Tuple, Value,
};

use super::parser::not_prepared;
use crate::{
    columns::Columns,
    expression::{Expression, check},
};

/// Options of the bolt `filter`.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct FilterConfig {
    /// The expression, in the Common Expression Language; fields are variables by their names.
    #[serde(rename = "where")]
    condition: String,
}

pub(crate) struct Filter {
    config: FilterConfig,
    ready: Option<(Expression, Columns)>,
}

impl Filter {
    pub(crate) fn new(config: &FilterConfig) -> Result<Self> {
        Ok(Self { config: config.clone(), ready: None })
    }
}

impl Bolt for Filter {
    fn declare(&self, inputs: &Inputs) -> Result<Streams, Problem> {
        match check(&self.config.condition, inputs).map_err(|problem| problem.at("where"))? {
            Kind::Bool | Kind::Any => Ok(Streams::one(inputs.common())),
            kind => {
                let problem =
                    format!("`{}` is {kind} and neither true nor false", self.config.condition);
                Err(Problem::new(problem).at("where"))
            }
        }
    }

    fn prepare(&mut self, context: &TaskContext) -> Result<()> {
        let inputs = context.inputs();
        let columns = Columns::new(inputs, inputs.common().names().collect::<Vec<_>>())?;
        self.ready = Some((Expression::new(&self.config.condition, inputs)?, columns));
        Ok(())
    }

    fn execute(&mut self, tuple: &Tuple<'_>, out: &mut Output) -> Result<()> {
        let (condition, columns) = self.ready.as_mut().ok_or_else(not_prepared)?;
        match condition.value(tuple)? {
            Value::Bool(true) => {
                let row: Vec<_> =
                    columns.of(tuple).iter().map(|&column| tuple.at(column)).collect();
                out.emit(&row)
            }
            Value::Bool(false) => Ok(()),
            other => Err(Error::data(format!(
                "`{}` is `{other}` and neither true nor false",
                condition.source()
            ))),
        }
    }
}
