//! Expressions in the [Common Expression Language](https://github.com/google/cel-spec), compiled
//! once and worked out for tuple after tuple. A field is a variable by its name.
//!
//! Beyond the standard functions there are those for
//! [strings](https://pkg.go.dev/github.com/google/cel-go/ext#Strings) (`lowerAscii`, `split`, ...),
//! `truncate(time, duration("1h"))` for the start of the hour, day or any other span, and
//! `date(time)` for a text like `2015-05-17`.

mod check;
mod values;

use std::sync::Arc;

use cel::{
    Context, Env, ExecutionError, Program, common::value::CowVal, context::VariableResolver,
    extensions,
};
use chrono::{DateTime, FixedOffset};
use squall_framework::{Error, Inputs, Problem, Result, Tuple, Value, ValueRef};

use crate::{columns::Columns, values::recycle};

pub(crate) use check::check;

/// An expression that is ready to be worked out.
pub(crate) struct Expression {
    source: String,
    program: Program,
    functions: Context<'static, 'static>,
    /// The fields that occur in it.
    names: Vec<String>,
    columns: Columns,
    values: Vec<ValueRef<'static>>,
}

impl Expression {
    /// Compiles `source`, which [`check`] has found to be good, for tuples of these inputs.
    pub(crate) fn new(source: &str, inputs: &Inputs) -> Result<Self> {
        let (program, functions) = compile(source)?;
        let common = inputs.common();
        let references = program.references();
        let names: Vec<String> = common
            .names()
            .filter(|name| references.has_variable(name))
            .map(str::to_owned)
            .collect();
        drop(references);
        let columns = Columns::new(inputs, names.iter().map(String::as_str))?;
        Ok(Self {
            source: source.to_owned(),
            program,
            functions,
            names,
            columns,
            values: Vec::new(),
        })
    }

    /// The value for this tuple.
    ///
    /// # Errors
    /// The values of the tuple do not fit the expression: a data error.
    pub(crate) fn value(&mut self, tuple: &Tuple<'_>) -> Result<Value> {
        let mut values = recycle(std::mem::take(&mut self.values), || ValueRef::Null);
        values.extend(self.columns.of(tuple).iter().map(|&column| tuple.at(column)));
        let row = Row { names: &self.names, values: &values };
        let result = execute(&self.program, &self.functions, &row)
            .map_err(|error| Error::data(format!("`{}`: {error}", self.source)))
            .and_then(|value| {
                values::of_cel(value)
                    .map_err(|problem| Error::data(format!("`{}` {problem}", self.source)))
            });
        self.values = recycle(values, || ValueRef::Null);
        result
    }

    pub(crate) fn source(&self) -> &str {
        &self.source
    }
}

/// The fields of one tuple, as variables.
struct Row<'a> {
    names: &'a [String],
    values: &'a [ValueRef<'a>],
}

impl VariableResolver for Row<'_> {
    fn resolve<'b>(&'b self, variable: &str) -> Option<CowVal<'b, 'b>> {
        let index = self.names.iter().position(|name| name == variable)?;
        self.values.get(index).map(|value| values::for_cel(*value))
    }
}

fn execute(
    program: &Program,
    functions: &Context<'_, '_>,
    row: &Row<'_>,
) -> Result<cel::Value, ExecutionError> {
    let mut scope = functions.new_inner_scope();
    scope.set_variable_resolver(row);
    program.execute(&scope)
}

fn compile(source: &str) -> Result<(Program, Context<'static, 'static>), Problem> {
    let broken = |error: cel::DeclarationError| {
        Problem::new(format!("expressions are not available: {error}"))
    };
    let mut env = Env::stdlib();
    env.add_extension(extensions::strings).map_err(broken)?;
    let env = Arc::new(env);
    let program = env.compile(source).map_err(|errors| {
        let errors: Vec<_> = errors
            .errors
            .iter()
            .map(|error| match error.pos {
                (1, column) => format!("column {column}: {}", error.msg),
                (line, column) => format!("line {line}, column {column}: {}", error.msg),
            })
            .collect();
        Problem::new(format!("`{source}` is not an expression: {}", errors.join("; ")))
    })?;
    let mut functions = Context::with_env(env);
    functions.add_function("truncate", truncate).map_err(broken)?;
    functions.add_function("date", date).map_err(broken)?;
    Ok((program, functions))
}

/// The start of the span of this length in which the time lies, counted from 1970-01-01 UTC.
fn truncate(
    time: DateTime<FixedOffset>,
    span: chrono::Duration,
) -> Result<cel::Value, ExecutionError> {
    let failed = |message: &str| ExecutionError::function_error("truncate", message);
    let span = span
        .num_microseconds()
        .filter(|span| *span > 0)
        .ok_or_else(|| failed("the duration is not positive"))?;
    let micros = time.timestamp_micros();
    values::timestamp(micros - micros.rem_euclid(span))
        .map(cel::Value::Timestamp)
        .ok_or_else(|| failed("the time is out of range"))
}

/// The day in UTC, as a text that sorts by time.
fn date(time: DateTime<FixedOffset>) -> String {
    time.to_utc().format("%Y-%m-%d").to_string()
}
