//! The topology: which components there are and how streams connect them.
//!
//! `file` reads a topology from YAML in phases, each of which tells all the mistakes it finds: `spec`
//! takes the file apart, `shape` connects the components, `options` configures them, and `flow`
//! follows the fields from the spouts on. `plan` is what comes out, and what the engine runs.

mod config;
mod dead_letters;
mod deliveries;
mod file;
mod flow;
mod graph;
mod names;
mod options;
mod plan;
mod schema;
mod shape;
mod spec;

pub use dead_letters::DeadLetterTarget;
pub use deliveries::{Delivered, Reach};
pub use file::TopologyFile;
pub use plan::{Body, Component, Source, Topology, TopologyBuilder};
