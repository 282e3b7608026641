//! Where sinks of a topology that runs in epochs put what they have for the commit.

use std::{
    any::Any,
    cell::RefCell,
    rc::Rc,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
};

use super::{OutboxMessage, TableRows};
use crate::tuple::Value;

/// What a task has for the commit of the epoch in hand.
#[derive(Debug, Default)]
pub(crate) struct Collected {
    pub(crate) rows: Vec<TableRows>,
    pub(crate) messages: Vec<OutboxMessage>,
}

#[derive(Debug)]
struct Inner {
    component: Arc<str>,
    collected: Collected,
    /// How much there was when the call in hand began.
    mark: (Vec<usize>, usize),
    /// Bytes of all tasks, roughly, so that the epoch ends before they are too many.
    bytes: Arc<AtomicU64>,
}

/// Takes rows and messages of a sink for the commit. A sink finds it in `prepare`, by
/// [`TaskContext::collector`](crate::TaskContext::collector); where there is none, the topology
/// does not run in epochs and the sink writes by itself.
#[derive(Debug, Clone)]
pub struct Collector(Rc<RefCell<Inner>>);

impl Collector {
    pub(crate) fn new(component: Arc<str>, bytes: Arc<AtomicU64>) -> Self {
        let (collected, mark) = Default::default();
        Collector(Rc::new(RefCell::new(Inner { component, collected, mark, bytes })))
    }

    /// Rows for a table, value after value, `names.len()` to a row. The commit store knows what
    /// `table` is.
    pub fn rows(
        &self,
        table: &Arc<dyn Any + Send + Sync>,
        names: &Arc<[String]>,
        values: impl IntoIterator<Item = Value>,
    ) {
        let mut inner = self.0.borrow_mut();
        let component = inner.component.clone();
        let all = &mut inner.collected.rows;
        let index = match all.iter().position(|rows| Arc::ptr_eq(&rows.table, table)) {
            Some(index) => index,
            None => {
                all.push(TableRows {
                    component,
                    table: table.clone(),
                    names: Some(names.clone()),
                    columns: names.len(),
                    values: Vec::new(),
                });
                all.len() - 1
            }
        };
        let to = &mut all[index].values;
        let before = to.len();
        to.extend(values);
        let bytes: usize = to[before..].iter().map(size).sum();
        inner.bytes.fetch_add(bytes as u64, Relaxed);
    }

    /// A message that leaves after the commit.
    pub fn message(&self, message: OutboxMessage) {
        let mut inner = self.0.borrow_mut();
        inner.bytes.fetch_add((message.body.len() + 64) as u64, Relaxed);
        inner.collected.messages.push(message);
    }

    /// A call begins that may have to be taken back.
    pub(crate) fn begin_call(&self) {
        let inner = &mut *self.0.borrow_mut();
        inner.mark.0.clear();
        inner.mark.0.extend(inner.collected.rows.iter().map(|rows| rows.values.len()));
        inner.mark.1 = inner.collected.messages.len();
    }

    /// Takes back what the call in hand has put in.
    pub(crate) fn roll_back(&self) {
        let inner = &mut *self.0.borrow_mut();
        inner.collected.messages.truncate(inner.mark.1);
        for (index, rows) in inner.collected.rows.iter_mut().enumerate() {
            rows.values.truncate(inner.mark.0.get(index).copied().unwrap_or_default());
        }
    }

    /// Everything since the last time.
    pub(crate) fn take(&self) -> Collected {
        let inner = &mut *self.0.borrow_mut();
        inner.mark = Default::default();
        std::mem::take(&mut inner.collected)
    }
}

fn size(value: &Value) -> usize {
    size_of::<Value>()
        + match value {
            Value::Text(text) | Value::Json(text) => text.len(),
            Value::Bytes(bytes) => bytes.len(),
            _ => 0,
        }
}
