//! What a task counts.

use hdrhistogram::Histogram;

/// The counters of one task. The task writes them once a turn.
#[derive(Debug)]
pub(crate) struct TaskStats {
    pub(crate) executed: u64,
    pub(crate) emitted: u64,
    pub(crate) acked: u64,
    pub(crate) failed: u64,
    pub(crate) retried: u64,
    pub(crate) dead: u64,
    pub(crate) restarts: u64,
    pub(crate) in_flight: u64,
    pub(crate) retrying: u64,
    /// Nanoseconds inside the component.
    pub(crate) busy_ns: u64,
    /// Nanoseconds a tuple takes in a bolt, or a message from emit to settled.
    pub(crate) latency: Histogram<u64>,
    pub(crate) last_error: Option<String>,
    /// For a spout: what it said last.
    pub(crate) idle: bool,
    pub(crate) done: bool,
    /// Why the spout holds back: everything fails.
    pub(crate) stalled: Option<String>,
}

impl TaskStats {
    pub(crate) fn new() -> Self {
        TaskStats {
            executed: 0,
            emitted: 0,
            acked: 0,
            failed: 0,
            retried: 0,
            dead: 0,
            restarts: 0,
            in_flight: 0,
            retrying: 0,
            busy_ns: 0,
            latency: new_histogram(),
            last_error: None,
            idle: false,
            done: false,
            stalled: None,
        }
    }
}

/// Nanoseconds up to an hour, with two significant digits.
pub(crate) fn new_histogram() -> Histogram<u64> {
    #[allow(clippy::expect_used)] // The bounds are constants that the library accepts.
    let mut histogram = Histogram::new_with_bounds(1, 3_600_000_000_000, 2).expect("valid bounds");
    histogram.auto(true);
    histogram
}
