//! The engine's clock: milliseconds and nanoseconds since the process began to ask.

use std::{sync::OnceLock, time::Instant};

static START: OnceLock<Instant> = OnceLock::new();

/// Nanoseconds since the first call in this process.
pub(crate) fn now_ns() -> u64 {
    START.get_or_init(Instant::now).elapsed().as_nanos() as u64
}

/// Milliseconds since the first call in this process.
pub(crate) fn now_ms() -> u64 {
    now_ns() / 1_000_000
}
