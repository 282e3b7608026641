//! The engine's own benchmarks: what the engine costs around the least
//! possible work, beside a hand-written loop of the same shape.

mod baseline;
mod parts;
mod run;

pub use baseline::baseline;
pub use parts::BUILT_IN_TEXT;
pub use run::{Bench, Measured, Workload, latency, throughput};
