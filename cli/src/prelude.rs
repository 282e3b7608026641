//! What the author of a bolt or spout needs, in one import.

pub use squall_framework::{
    AnyConfig as Config, BatchBolt, Bolt, BoltFuture, ComponentType, Error, Failed, Field, Flush,
    Inputs, IntoRow, Kind, Next, Output, Problem, Result, Schema, Spout, SpoutOutput, Streams,
    TaskContext, Tuple, TupleBatch, Value, ValueRef, Verdict,
};
