//! What the bolts of the simulated topology do with a row.
//!
//! ```text
//! spouts -> parse -> count -> total -> save
//!             |        `-----------------^
//!             |`-------------------------'
//!             `-> send
//! ```
//!
//! `count` remembers by key, and passes on what it has counted when a timer is due; `total` stands
//! behind it and remembers by group of keys; `save` writes rows into tables, `send` messages into
//! queues. Everything goes by fields, so that the order of rows holds.

use std::{any::Any, sync::Arc};

use super::{
    check::mail_queue,
    message::{Message, Nature, group_of_key, is_buried},
    store::{COLUMNS, FIRED, LATEST, SUMS, TOTALS, Table},
};
use crate::{
    component::{Input, Inputs},
    epoch::{Collector, OutboxMessage},
    error::Error,
    state::{Groups, Merge, State, group_of},
    tuple::{Kind, Schema, TupleBatch, Value, ValueRef},
};

/// The bolts in topological order.
pub(super) const PARSE: usize = 0;
pub(super) const COUNT: usize = 1;
pub(super) const TOTAL: usize = 2;
pub(super) const SAVE: usize = 3;
pub(super) const SEND: usize = 4;
pub(super) const BOLTS: [&str; 5] = ["parse", "count", "total", "save", "send"];

/// The message of a spout that a row comes of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Origin {
    pub(super) spout: usize,
    pub(super) id: u64,
}

/// A row on its way to a bolt.
#[derive(Debug, Clone)]
pub(super) struct Row {
    pub(super) to: usize,
    pub(super) origin: Option<Origin>,
    pub(super) what: What,
}

#[derive(Debug, Clone)]
pub(super) enum What {
    Message(Arc<Message>, usize),
    Fired { key: i64, count: i64, delta: i64 },
    Cell { table: Table, key: i64, value: i64, reject: bool, message: usize },
}

impl Row {
    /// What the row is grouped by.
    pub(super) fn place(&self) -> ValueRef<'static> {
        ValueRef::Int(match &self.what {
            What::Message(message, _) => message.key as i64,
            What::Fired { key, .. } => group_of_key(*key),
            What::Cell { key, .. } => *key,
        })
    }

    /// The task that it goes to, of so many.
    pub(super) fn task(&self, parallelism: usize) -> usize {
        let mut place = Vec::with_capacity(9);
        self.place().encode(&mut place);
        Groups::task_of(group_of(&place), parallelism)
    }

    /// As a letter shows it.
    pub(super) fn letter(&self) -> TupleBatch {
        let row = match self.what {
            What::Message(_, message) => [-1, -1, -1, message as i64],
            What::Fired { key, count, delta } => [key, count, delta, -1],
            What::Cell { key, value, message, .. } => [key, value, -1, message as i64],
        };
        let mut batch = TupleBatch::new(schema(), 0);
        batch.push(&row.map(ValueRef::Int));
        batch
    }
}

pub(super) fn schema() -> Schema {
    Schema::new(["key", "count", "delta", "message"].map(|name| (name, Kind::Int)))
}

/// What comes into a bolt: all that matters is that it is grouped by one column.
pub(super) fn inputs() -> Arc<Inputs> {
    Arc::new(Inputs::new(vec![Input {
        from: "before".into(),
        stream: "default".into(),
        schema: schema(),
        keys: Some(vec!["key".into()]),
    }]))
}

/// How the work on a row ends when it does not end well.
pub(super) enum Trouble {
    Error(Error),
    Panic,
    Death,
}

impl From<Error> for Trouble {
    fn from(error: Error) -> Self {
        Trouble::Error(error)
    }
}

/// What a bolt has at hand.
pub(super) struct Bench<'a> {
    pub(super) state: Option<&'a State>,
    pub(super) collector: &'a Collector,
    pub(super) tables: &'a [Arc<dyn Any + Send + Sync>],
    pub(super) names: &'a Arc<[String]>,
    pub(super) now: i64,
    pub(super) timer: i64,
    pub(super) out: &'a mut Vec<Row>,
}

/// The names of the columns of all tables.
pub(super) fn names() -> Arc<[String]> {
    COLUMNS.map(str::to_owned).into()
}

impl Bench<'_> {
    fn emit(&mut self, to: usize, origin: Option<Origin>, what: What) {
        self.out.push(Row { to, origin, what });
    }

    fn cell(&mut self, origin: Option<Origin>, table: Table, key: i64, value: i64) {
        self.emit(SAVE, origin, What::Cell { table, key, value, reject: false, message: 0 });
    }

    fn state(&self) -> Result<&State, Error> {
        self.state.ok_or_else(|| Error::data("this bolt has no state"))
    }

    /// Works on a row, as the bolt of this place.
    pub(super) fn execute(&mut self, bolt: usize, row: &Row) -> Result<(), Trouble> {
        let origin = row.origin;
        match (&row.what, bolt) {
            (What::Message(message, number), PARSE) => self.parse(message, *number, origin),
            (What::Message(message, _), COUNT) => self.count(message, origin),
            (What::Message(message, number), SEND) => {
                self.collector.message(OutboxMessage {
                    queue: mail_queue(message.mail.unwrap_or_default()),
                    body: message.body().into_bytes(),
                    headers: vec![("message".to_owned(), number.to_string())],
                });
                Ok(())
            }
            (What::Fired { key, delta, .. }, TOTAL) => self.total(*key, *delta),
            (What::Cell { table, key, value, reject, message }, SAVE) => {
                let row = [*key, *value, i64::from(*reject), *message as i64];
                let table = &self.tables[table.0];
                self.collector.rows(table, self.names, row.map(Value::Int));
                Ok(())
            }
            _ => Err(Error::data("a row came to the wrong bolt").into()),
        }
    }

    fn parse(
        &mut self,
        message: &Arc<Message>,
        number: usize,
        origin: Option<Origin>,
    ) -> Result<(), Trouble> {
        let (key, value, nature) = (message.key as i64, message.value, message.nature);
        if message.mail.is_some() {
            self.emit(SEND, origin, What::Message(message.clone(), number));
        }
        let reject = nature == Nature::Rejected;
        let cell = What::Cell { table: SUMS, key, value, reject, message: number };
        self.emit(SAVE, origin, cell);
        match nature {
            Nature::Bad => return Err(Error::data("bad").into()),
            Nature::Kills if message.offset.is_multiple_of(2) => return Err(Trouble::Death),
            _ => {}
        }
        self.emit(COUNT, origin, What::Message(message.clone(), number));
        Ok(())
    }

    fn count(&mut self, message: &Message, origin: Option<Origin>) -> Result<(), Trouble> {
        let key = message.key as i64;
        let state = self.state()?;
        let count = int(state.merge("count", Merge::Add, 1_i64)?);
        state.merge("delta", Merge::Add, 1_i64)?;
        state.put("key", key)?;
        let member = ("member", i64::from(message.member));
        if state.get(member)?.is_none() {
            state.put(member, true)?;
            state.merge("distinct", Merge::Add, 1_i64)?;
        }
        if state.timer()?.is_none() {
            state.set_timer(Some(self.now + 1 + message.value * self.timer / 100))?;
        }
        self.cell(origin, LATEST, key, count);
        // Whatever was written and emitted so far must be gone with the row.
        match message.nature {
            Nature::BadInCount => Err(Error::data("bad for the count").into()),
            Nature::Panics => Err(Trouble::Panic),
            Nature::Kills => Err(Trouble::Death),
            _ => Ok(()),
        }
    }

    fn total(&mut self, key: i64, delta: i64) -> Result<(), Trouble> {
        let group = group_of_key(key);
        let total = self.state()?.merge("total", Merge::Add, delta)?;
        self.cell(None, TOTALS, group, int(total));
        if is_buried(key as usize) {
            return Err(Error::data("this key has no total").into());
        }
        Ok(())
    }

    /// Emits what is due, up to so many keys. True when there is more.
    pub(super) fn flush(&mut self, bolt: usize, last: bool, most: usize) -> Result<bool, Error> {
        if bolt != COUNT {
            return Ok(false);
        }
        let up_to = if last { i64::MAX } else { self.now };
        for _ in 0..most {
            let state = self.state()?;
            if state.next_due(up_to)?.is_none() {
                return Ok(false);
            }
            let number = |name: &str| state.get(name).map(|value| value.map_or(0, int));
            let (key, count, delta) = (number("key")?, number("count")?, number("delta")?);
            state.delete("delta")?;
            self.cell(None, FIRED, key, count);
            self.emit(TOTAL, None, What::Fired { key, count, delta });
        }
        Ok(true)
    }
}

fn int(value: Value) -> i64 {
    match value {
        Value::Int(value) => value,
        _ => 0,
    }
}
