//! The spouts, bolts, parsers and stores that a YAML file may name.
//!
//! [`registry`] lists them all, each with its options, its documentation and an example. Beneath
//! them are modules that know nothing of topologies and can be used alone: [`parse`] turns texts
//! into typed fields, [`sql`] writes rows into SQLite, MySQL or MariaDB, [`state`] keeps what bolts
//! remember, and [`generate`] makes up events.
#![forbid(unsafe_code)]

mod bolt;
mod columns;
mod expression;
pub mod generate;
mod multilang;
mod options;
mod pack;
pub mod parse;
mod queues;
mod registry;
mod replay;
mod sink;
mod sortable;
mod spout;
pub mod sql;
pub mod state;
mod values;
mod zones;

pub use queues::QueueOutbox;
pub use registry::registry;
pub use replay::Replay;
