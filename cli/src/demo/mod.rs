//! The demo: made-up shares of restaurants go through a durable queue and the shipped topology
//! into SQLite, from where the ranking is read, while one bolt panics now and then.

mod board;
mod flaky;
mod folder;
mod source;
mod table;
mod topology;

pub(crate) use board::Board;
pub(crate) use folder::prepare;
pub(crate) use source::{Made, Source};
pub(crate) use table::{Agreement, Table};
pub(crate) use topology::{FLAKY, topology};
