//! The time of day, which tests may set.

use std::{
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering::Relaxed},
    },
    time::{SystemTime, UNIX_EPOCH},
};

/// Tells the time of day in microseconds since 1970-01-01 UTC. Cheap to clone; all clones of a
/// clock that is set show the same time.
///
/// ```
/// let clock = squall_framework::Clock::set_to(1_000_000);
/// clock.clone().set(2_000_000);
/// assert_eq!(clock.now(), 2_000_000);
/// ```
#[derive(Debug, Clone, Default)]
pub struct Clock(Option<Arc<AtomicI64>>);

impl Clock {
    /// A clock that stands still until it is set.
    #[must_use]
    pub fn set_to(micros: i64) -> Self {
        Clock(Some(Arc::new(AtomicI64::new(micros))))
    }

    /// Microseconds since 1970-01-01 UTC.
    #[must_use]
    pub fn now(&self) -> i64 {
        match &self.0 {
            Some(set) => set.load(Relaxed),
            None => SystemTime::now()
                .duration_since(UNIX_EPOCH)
                .map_or(0, |since| i64::try_from(since.as_micros()).unwrap_or(i64::MAX)),
        }
    }

    /// Sets a clock made by [`set_to`](Self::set_to); the system's clock stays as it is.
    pub fn set(&self, micros: i64) {
        if let Some(set) = &self.0 {
            set.store(micros, Relaxed);
        }
    }
}
