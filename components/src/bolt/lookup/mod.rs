//! `lookup`: fields from a table that is kept in memory.

mod config;
mod live;
mod source;
mod table;

use std::sync::Arc;

use squall_framework::{
    Bolt, Error, Inputs, Output, Problem, Result, Streams, TaskContext, Tuple, Value, ValueRef,
};

pub(crate) use self::config::LookupConfig;
use self::{
    config::Missing,
    live::Live,
    table::{Table, put_key},
};
use super::parser::not_prepared;
use crate::{columns::Columns, values::recycle};

/// The stream of tuples that have no row.
const MISSING: &str = "missing";

pub(crate) struct Lookup {
    config: LookupConfig,
    ready: Option<Ready>,
}

struct Ready {
    live: Arc<Live>,
    table: Arc<Table>,
    version: u64,
    /// The fields that are handed on.
    fields: Columns,
    /// The fields by which a row is found.
    on: Columns,
    /// How many fields are added.
    taken: usize,
    missing: Missing,
    /// The table's name, for messages.
    name: String,
    key: Vec<u8>,
    row: Vec<ValueRef<'static>>,
}

impl Lookup {
    pub(crate) fn new(config: &LookupConfig) -> Result<Self> {
        Ok(Self { config: config.clone(), ready: None })
    }
}

impl Bolt for Lookup {
    fn declare(&self, inputs: &Inputs) -> Result<Streams, Problem> {
        let streams = Streams::one(self.config.plan(inputs)?.schema);
        Ok(match self.config.missing {
            Missing::Stream => streams.and(MISSING, inputs.common()),
            _ => streams,
        })
    }

    fn prepare(&mut self, context: &TaskContext) -> Result<()> {
        let inputs = context.inputs();
        let plan = self.config.plan(inputs)?;
        let columns = |names: &[String]| Columns::new(inputs, names.iter().map(String::as_str));
        let refresh = self.config.refresh.map(Into::into);
        let live = self.config.shared.get(&plan.source, refresh)?;
        // The number first: a table that comes in between is then taken at the first tuple.
        let version = live.version();
        self.ready = Some(Ready {
            table: live.table(),
            version,
            live,
            fields: columns(&plan.fields)?,
            on: columns(&plan.on)?,
            taken: plan.schema.len() - plan.fields.len(),
            missing: self.config.missing,
            name: plan.source.name(),
            key: Vec::new(),
            row: Vec::new(),
        });
        Ok(())
    }

    fn execute(&mut self, tuple: &Tuple<'_>, out: &mut Output) -> Result<()> {
        self.ready.as_mut().ok_or_else(not_prepared)?.execute(tuple, out)
    }

    /// Connecting to a store may take long, though a tuple never does.
    fn blocking(&self) -> bool {
        self.config.has_store()
    }
}

impl Ready {
    fn execute(&mut self, tuple: &Tuple<'_>, out: &mut Output) -> Result<()> {
        let version = self.live.version();
        if version != self.version {
            self.version = version;
            self.table = self.live.table();
        }
        self.key.clear();
        let on = self.on.of(tuple);
        let whole = on.iter().all(|&column| put_key(tuple.at(column), &mut self.key));
        let found = whole.then(|| self.table.get(&self.key)).flatten();
        let stream = match (found, self.missing) {
            (Some(_), _) | (None, Missing::Null) => 0,
            (None, Missing::Drop) => return Ok(()),
            (None, Missing::Fail) => return Err(missing(&self.name, on, tuple)),
            (None, Missing::Stream) => 1,
        };
        let mut row = recycle(std::mem::take(&mut self.row), || ValueRef::Null);
        row.extend(self.fields.of(tuple).iter().map(|&column| tuple.at(column)));
        match found {
            Some(found) => row.extend(found.iter().map(Value::as_ref)),
            None if stream == 0 => row.extend(std::iter::repeat_n(ValueRef::Null, self.taken)),
            None => {}
        }
        let emitted = out.emit_to(stream, &row);
        self.row = recycle(row, || ValueRef::Null);
        emitted
    }
}

fn missing(table: &str, on: &[usize], tuple: &Tuple<'_>) -> Error {
    let names: Vec<_> = tuple.schema().names().collect();
    let key: Vec<_> =
        on.iter().map(|&column| format!("{} = {}", names[column], tuple.at(column))).collect();
    Error::data(format!("{table} has no row for {}", key.join(", ")))
}
