//! Bolts that hand tuples to something outside.

mod file;
mod print;
mod queue;
mod sql;

pub(crate) use file::{FileConfig, FileSink};
pub(crate) use print::{Print, PrintConfig};
pub(crate) use queue::{QueueSink, QueueSinkConfig};
pub(crate) use sql::{SqlConfig, SqlSink};
