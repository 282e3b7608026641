//! What a component is: the traits that bolts and spouts implement, what they
//! declare, and the registry of the types that a YAML file may name.

mod bolt;
mod context;
mod registry;
mod resources;
mod spout;
mod streams;

pub use bolt::{AnyBolt, BatchBolt, Bolt, BoltFuture, Flush};
pub use context::TaskContext;
pub use registry::{
    AnyConfig, BoltFactory, ComponentType, Factory, OptionError, Registry, Role, SpoutFactory,
};
pub use resources::Resources;
pub use spout::{Failed, Next, Spout, Verdict};
pub use streams::{Input, Inputs, Problem, Stream, Streams};
