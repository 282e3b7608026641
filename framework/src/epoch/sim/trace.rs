//! What happened, for the message of a seed that fails.

use std::{collections::VecDeque, time::Duration};

/// So many events are remembered.
const LAST: usize = 200;

/// The last events. They cost nothing while nobody wants them: a seed that fails is run again.
#[derive(Debug, Default)]
pub(super) struct Trace {
    wanted: bool,
    events: VecDeque<String>,
    /// A sum over all events, to see that a seed does the same each time.
    pub(super) sum: u64,
}

impl Trace {
    pub(super) fn new(wanted: bool) -> Self {
        Trace { wanted, ..Trace::default() }
    }

    pub(super) fn add(&mut self, now: Duration, event: impl FnOnce() -> String) {
        if self.wanted {
            let event = event();
            self.sum = xxhash_rust::xxh3::xxh3_64_with_seed(event.as_bytes(), self.sum);
            if self.events.len() == LAST {
                self.events.pop_front();
            }
            self.events.push_back(format!("{:>10.3} ms  {event}", now.as_secs_f64() * 1e3));
        }
    }

    pub(super) fn text(&self) -> String {
        self.events.iter().map(|event| format!("{event}\n")).collect()
    }
}
