//! Components for the tests.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
    time::Duration,
};

use squall_framework::{
    Bolt, DeadLetter, DeadLetters, Inputs, Output, Problem, Result, RetryPolicy, Settings, Streams,
    Tuple, ValueRef,
};

pub(crate) const LONG: Duration = Duration::from_secs(60);

/// How often each number arrived.
#[derive(Clone, Default)]
pub(crate) struct Seen(Arc<Mutex<HashMap<i64, u64>>>);

impl Seen {
    pub(crate) fn add(&self, number: i64) -> u64 {
        let mut seen = self.0.lock().unwrap();
        let count = seen.entry(number).or_default();
        *count += 1;
        *count
    }

    pub(crate) fn count(&self, number: i64) -> u64 {
        self.0.lock().unwrap().get(&number).copied().unwrap_or(0)
    }

    pub(crate) fn distinct(&self) -> usize {
        self.0.lock().unwrap().len()
    }

    pub(crate) fn total(&self) -> u64 {
        self.0.lock().unwrap().values().sum()
    }

    pub(crate) fn each_once(&self, up_to: i64) {
        let seen = self.0.lock().unwrap();
        assert_eq!(seen.len() as i64, up_to);
        for number in 0..up_to {
            assert_eq!(seen.get(&number), Some(&1), "number {number}");
        }
    }
}

/// Notes every number.
pub(crate) struct Note(pub(crate) Seen);

impl Bolt for Note {
    fn execute(&mut self, tuple: &Tuple<'_>, _: &mut Output) -> Result<()> {
        self.0.add(tuple.int("number")?);
        Ok(())
    }
}

/// Does what a closure says, and can emit a number.
pub(crate) struct Do<F>(pub(crate) F);

impl<F: FnMut(i64, &mut Output) -> Result<()> + 'static> Bolt for Do<F> {
    fn declare(&self, inputs: &Inputs) -> Result<Streams, Problem> {
        Ok(Streams::one(inputs.common()))
    }

    fn execute(&mut self, tuple: &Tuple<'_>, out: &mut Output) -> Result<()> {
        match tuple.at(0) {
            ValueRef::Int(number) => (self.0)(number, out),
            _ => Ok(()),
        }
    }
}

/// Keeps dead letters.
#[derive(Clone, Default)]
pub(crate) struct Letters(pub(crate) Arc<Mutex<Vec<DeadLetter>>>);

impl DeadLetters for Letters {
    fn put(&self, letters: &[DeadLetter]) -> Result<()> {
        self.0.lock().unwrap().extend_from_slice(letters);
        Ok(())
    }
}

impl Letters {
    pub(crate) fn ids(&self) -> Vec<u64> {
        let mut ids: Vec<_> = self.0.lock().unwrap().iter().map(|letter| letter.id).collect();
        ids.sort_unstable();
        ids
    }
}

/// Settings under which failed messages come back at once.
pub(crate) fn quick() -> Settings {
    Settings {
        retry: RetryPolicy {
            backoff: Duration::from_millis(1),
            max_backoff: Duration::from_millis(20),
            ..RetryPolicy::default()
        },
        ..Settings::default()
    }
}
