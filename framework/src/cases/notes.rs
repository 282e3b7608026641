//! What a test takes note of: the tuples that came where something is expected, and dead letters.
//!
//! A tuple counts only when its epoch is committed, for an epoch that is given up comes again. So
//! the number of its note leaves with the commit, as a message of a queue would.

use std::sync::Arc;

use parking_lot::{Mutex, MutexGuard};

use crate::{
    component::{Bolt, TaskContext},
    epoch::{Collector, CommitNumber, Outbox, OutboxMessage},
    error::{Error, Result},
    output::Output,
    tuple::{Schema, Tuple, Value, ValueRef},
};

/// The queue of dead letters; no real one has such a name.
pub(super) const DEAD: &str = "/test/dead";
const NOTES: &str = "/test/notes/";

/// A tuple that came.
#[derive(Debug, Clone)]
pub(super) struct Noted {
    pub(super) schema: Schema,
    pub(super) values: Vec<Value>,
}

/// A tuple that became a dead letter.
#[derive(Debug, Clone, Default)]
pub(super) struct Letter {
    pub(super) bolt: String,
    pub(super) reason: String,
    /// As JSON.
    pub(super) tuple: String,
}

/// All that was noted.
#[derive(Default)]
pub(super) struct Book {
    noted: Vec<Noted>,
    /// For each note that counts its slot and its number.
    counted: Vec<(usize, usize)>,
    pub(super) letters: Vec<Letter>,
}

impl Book {
    /// What came at the place of this number, in order.
    pub(super) fn of(&self, slot: usize) -> Vec<&Noted> {
        let counted = self.counted.iter().filter(|(at, _)| *at == slot);
        counted.filter_map(|(_, number)| self.noted.get(*number)).collect()
    }

    fn count(&mut self, message: &OutboxMessage) {
        if message.queue == DEAD {
            let header = |wanted: &str| {
                let found = message.headers.iter().find(|(name, _)| name == wanted);
                found.map(|(_, value)| value.clone()).unwrap_or_default()
            };
            self.letters.push(Letter {
                bolt: header("bolt"),
                reason: header("reason"),
                tuple: String::from_utf8_lossy(&message.body).into_owned(),
            });
        }
        // What else leaves is meant for the world outside, where a test sends nothing.
        let slot = message.queue.strip_prefix(NOTES).and_then(|slot| slot.parse().ok());
        let number = std::str::from_utf8(&message.body).ok().and_then(|text| text.parse().ok());
        self.counted.extend(slot.zip(number));
    }
}

/// What a test takes note of, shared by all who do.
#[derive(Clone, Default)]
pub(super) struct Notes(Arc<Mutex<Book>>);

impl Notes {
    pub(super) fn open(&self) -> MutexGuard<'_, Book> {
        self.0.lock()
    }

    /// A bolt that takes note of what comes to it, for the place of this number.
    pub(super) fn bolt(&self, slot: usize) -> NoteBolt {
        NoteBolt { notes: self.clone(), slot, collector: None }
    }
}

impl Outbox for Notes {
    fn publish(&mut self, _: &str, _: CommitNumber, messages: &[OutboxMessage]) -> Result<()> {
        let mut book = self.0.lock();
        messages.iter().for_each(|message| book.count(message));
        Ok(())
    }
}

/// Takes note of what comes to it.
pub(super) struct NoteBolt {
    notes: Notes,
    slot: usize,
    collector: Option<Collector>,
}

impl Bolt for NoteBolt {
    fn prepare(&mut self, context: &TaskContext) -> Result<()> {
        self.collector = context.collector();
        Ok(())
    }

    fn execute(&mut self, tuple: &Tuple<'_>, _: &mut Output) -> Result<()> {
        let collector = self.collector.as_ref();
        let collector = collector.ok_or_else(|| Error::data("a test runs in epochs"))?;
        let mut book = self.notes.0.lock();
        let number = book.noted.len();
        let values = tuple.values().map(ValueRef::to_owned).collect();
        book.noted.push(Noted { schema: tuple.schema().clone(), values });
        collector.message(OutboxMessage {
            queue: format!("{NOTES}{}", self.slot),
            body: number.to_string().into_bytes(),
            headers: Vec::new(),
        });
        Ok(())
    }
}
