//! The topology: which components there are and how streams connect them.

mod plan;

pub use plan::{Body, Component, Source, Topology, TopologyBuilder};
