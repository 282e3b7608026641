//! What happened to a topology's tasks.

use std::{collections::VecDeque, sync::Arc, time::SystemTime};

use parking_lot::Mutex;
use serde::Serialize;

/// How many events are kept.
const KEPT: usize = 1000;

/// What kind of event it was.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum EventKind {
    /// A component panicked.
    Panicked,
    /// A component could not be prepared, or gave up a call.
    Failed,
    /// The component was built again.
    Restarted,
    /// A task was restarted too often and is left down.
    GaveUp,
    /// A task has been inside one call for too long.
    Stuck,
    /// A stuck task has come back.
    Unstuck,
}

/// Something that happened to a task.
#[derive(Debug, Clone, Serialize)]
pub struct Event {
    /// Milliseconds since 1970-01-01 UTC.
    pub at_ms: u64,
    /// What happened.
    pub kind: EventKind,
    /// The component's id.
    pub component: Arc<str>,
    /// The task's number in the topology.
    pub task: u32,
    /// The reason or circumstances, in words.
    pub reason: String,
}

/// The newest events, oldest first.
#[derive(Default)]
pub(crate) struct History(Mutex<VecDeque<Event>>);

impl History {
    pub(crate) fn add(&self, kind: EventKind, component: &Arc<str>, task: u32, reason: String) {
        let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
        let at_ms = since.map_or(0, |d| d.as_millis() as u64);
        let mut events = self.0.lock();
        if events.len() == KEPT {
            events.pop_front();
        }
        events.push_back(Event { at_ms, kind, component: component.clone(), task, reason });
    }

    pub(crate) fn all(&self) -> Vec<Event> {
        self.0.lock().iter().cloned().collect()
    }
}
