//! The spouts, bolts, parsers and stores that a YAML file may name.
//!
//! [`parse`] turns texts into typed fields and [`sql`] writes rows into SQLite, MySQL or MariaDB;
//! neither knows anything of topologies, so the collector and tests use them alone.
#![forbid(unsafe_code)]

pub mod parse;
pub mod sql;
