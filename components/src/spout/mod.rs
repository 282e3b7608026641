//! Spouts: where tuples come from. Those that bring texts emit them as `body`, so that one can
//! take the place of another.

mod generator;
mod line_reader;
mod lines;
mod numbered;
mod queue;

pub(crate) use generator::{Generator, GeneratorConfig};
pub(crate) use lines::{Lines, LinesConfig};
pub(crate) use queue::{QueueSpout, QueueSpoutConfig};
