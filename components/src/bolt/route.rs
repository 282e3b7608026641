//! `route`: tuples to the stream whose expression is true for them.

use schemars::JsonSchema;
use serde::Deserialize;
use squall_framework::{
    Bolt, Error, Inputs, Kind, Output, Problem, Result, Streams, TaskContext, Tuple, Value,
};

use super::parser::not_prepared;
use crate::{
    columns::Columns,
    expression::{Expression, check},
    options::Named,
};

/// Options of the bolt `route`.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct RouteConfig {
    /// Streams by their names, each with the expression of its tuples in the Common Expression
    /// Language; fields are variables by their names. A tuple goes to the first whose expression is true;
    /// one for which none is, to the stream `default`.
    routes: Named<String>,
}

pub(crate) struct Route {
    config: RouteConfig,
    ready: Option<Ready>,
}

struct Ready {
    /// Each with the index of its stream.
    routes: Vec<(Expression, usize)>,
    columns: Columns,
}

/// The stream that is declared first.
const DEFAULT: usize = 0;

impl Route {
    pub(crate) fn new(config: &RouteConfig) -> Result<Self> {
        Ok(Self { config: config.clone(), ready: None })
    }
}

impl Bolt for Route {
    fn declare(&self, inputs: &Inputs) -> Result<Streams, Problem> {
        let mut problems = Vec::new();
        let mut streams = Streams::one(inputs.common());
        for (name, source) in &self.config.routes.0 {
            let at = format!("routes.{name}");
            match check(source, inputs) {
                Ok(Kind::Bool | Kind::Any) => {}
                Ok(kind) => problems.push(
                    Problem::new(format!("`{source}` is {kind} and neither true nor false"))
                        .at(&at),
                ),
                Err(problem) => problems.push(problem.at(&at)),
            }
            if name != "default" {
                streams = streams.and(name, inputs.common());
            }
        }
        if self.config.routes.0.is_empty() {
            problems.push(
                Problem::new("there is no route")
                    .at("routes")
                    .help("write { errors: status >= 500 }"),
            );
        }
        Problem::all(problems)?;
        Ok(streams)
    }

    fn prepare(&mut self, context: &TaskContext) -> Result<()> {
        let inputs = context.inputs();
        let mut routes = Vec::new();
        let mut next = DEFAULT + 1;
        for (name, source) in &self.config.routes.0 {
            let stream = if name == "default" { DEFAULT } else { next };
            next += usize::from(stream != DEFAULT);
            routes.push((Expression::new(source, inputs)?, stream));
        }
        let columns = Columns::new(inputs, inputs.common().names().collect::<Vec<_>>())?;
        self.ready = Some(Ready { routes, columns });
        Ok(())
    }

    fn execute(&mut self, tuple: &Tuple<'_>, out: &mut Output) -> Result<()> {
        let Ready { routes, columns } = self.ready.as_mut().ok_or_else(not_prepared)?;
        let mut to = DEFAULT;
        for (expression, stream) in routes {
            match expression.value(tuple)? {
                Value::Bool(true) => {
                    to = *stream;
                    break;
                }
                Value::Bool(false) => {}
                other => {
                    return Err(Error::data(format!(
                        "`{}` is `{other}` and neither true nor false",
                        expression.source()
                    )));
                }
            }
        }
        let row: Vec<_> = columns.of(tuple).iter().map(|&column| tuple.at(column)).collect();
        out.emit_to(to, &row)
    }
}
