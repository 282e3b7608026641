//! Taxis that are called.

use std::fmt::Write;

use super::{Events, popular};
use crate::parse::rfc3339;

/// Rides as CSV with the columns id, call_type (A by telephone, B at a stand, C in the street),
/// stand (empty unless B), taxi and at.
#[derive(Debug)]
pub struct Rides {
    rng: fastrand::Rng,
    /// Microseconds since 1970-01-01 UTC.
    at: i64,
    id: u64,
}

impl Rides {
    /// Rides from `start` on, in microseconds since 1970-01-01 UTC.
    pub fn new(seed: u64, start: i64) -> Self {
        Self { rng: fastrand::Rng::with_seed(seed), at: start, id: 0 }
    }
}

impl Events for Rides {
    fn write(&mut self, to: &mut String) {
        let rng = &mut self.rng;
        self.at += rng.i64(0..20_000_000);
        self.id += 1;
        let (call, stand) = match rng.u8(..10) {
            0..2 => ('A', String::new()),
            2..7 => ('B', (1 + popular(rng, 63)).to_string()),
            _ => ('C', String::new()),
        };
        let taxi = rng.u32(..430);
        // Writing to a String cannot fail.
        let _ = write!(to, "{},{call},{stand},taxi_{taxi},{}", self.id, rfc3339(self.at));
    }
}
