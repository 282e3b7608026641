//! The spouts, bolts, parsers and stores that a YAML file may name.
//!
//! [`registry`] lists them all, each with its options, its documentation and an example. Beneath
//! them are three modules that know nothing of topologies and can be used alone: [`parse`] turns
//! texts into typed fields, [`sql`] writes rows into SQLite, MySQL or MariaDB, and [`generate`]
//! makes up events.
#![forbid(unsafe_code)]

mod bolt;
mod columns;
mod expression;
pub mod generate;
mod options;
pub mod parse;
mod queues;
mod registry;
mod sink;
mod spout;
pub mod sql;
mod values;

pub use queues::QueueOutbox;
pub use registry::registry;
