//! Visits to a web site.

use std::fmt::Write;

use chrono::DateTime;

use super::{Events, popular};

const AGENTS: [&str; 4] = [
    "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0",
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15",
    "curl/8.14.1",
    "-",
];

/// Lines of an access log in the combined format: addresses and paths of very different
/// popularity, one line in twenty not found, one in two hundred a failure of the server.
#[derive(Debug)]
pub struct AccessLines {
    rng: fastrand::Rng,
    /// Microseconds since 1970-01-01 UTC.
    at: i64,
}

impl AccessLines {
    /// Lines from `start` on, in microseconds since 1970-01-01 UTC.
    pub fn new(seed: u64, start: i64) -> Self {
        Self { rng: fastrand::Rng::with_seed(seed), at: start }
    }
}

impl Events for AccessLines {
    fn write(&mut self, to: &mut String) {
        let rng = &mut self.rng;
        self.at += rng.i64(0..20_000);
        let time = DateTime::from_timestamp_micros(self.at)
            .unwrap_or_default()
            .format("%d/%b/%Y:%H:%M:%S +0000");
        let client = popular(rng, 60_000);
        let method = if rng.u8(..20) == 0 { "POST" } else { "GET" };
        let status = match rng.u16(..1000) {
            0..5 => 500,
            5..55 => 404,
            55..120 => 304,
            _ => 200,
        };
        let bytes = if status == 304 { 0 } else { rng.u32(200..60_000) };
        let path = popular(rng, 2_000);
        let agent = AGENTS[usize::from(rng.u8(..4))];
        // Writing to a String cannot fail.
        let _ = write!(
            to,
            "10.{}.{}.{} - - [{time}] \"{method} /page/{path} HTTP/1.1\" {status} {bytes} \"-\" \"{agent}\"",
            client >> 16,
            client >> 8 & 255,
            client & 255,
        );
    }
}
