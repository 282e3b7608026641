//! Time that never runs backwards.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Milliseconds since 1970, never less than the largest seen before: a wall clock that is set
/// back must not make leases endless or retention forget.
#[derive(Debug, Clone)]
pub struct Clock {
    wall: bool,
    last: Arc<AtomicU64>,
}

impl Clock {
    /// The clock of the system.
    #[must_use]
    pub fn system() -> Self {
        Self { wall: true, last: Arc::new(AtomicU64::new(0)) }
    }

    /// A clock for tests that stands still until it is [advanced](Self::advance).
    #[must_use]
    pub fn manual(start_ms: u64) -> Self {
        Self { wall: false, last: Arc::new(AtomicU64::new(start_ms)) }
    }

    /// The time now.
    #[must_use]
    pub fn now_ms(&self) -> u64 {
        if !self.wall {
            return self.last.load(Ordering::Relaxed);
        }
        let wall = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO);
        self.seen(u64::try_from(wall.as_millis()).unwrap_or(u64::MAX))
    }

    /// Moves a manual clock on; follow it with [`Store::tick`](crate::Store::tick).
    pub fn advance(&self, by: Duration) {
        self.last.fetch_add(u64::try_from(by.as_millis()).unwrap_or(0), Ordering::Relaxed);
    }

    pub(crate) fn is_manual(&self) -> bool {
        !self.wall
    }

    /// Takes note of a time that was seen, in the log say, and returns the largest so far.
    pub(crate) fn seen(&self, ms: u64) -> u64 {
        self.last.fetch_max(ms, Ordering::Relaxed).max(ms)
    }
}
