//! Squall's stream engine: tuple, bolt, spout, topology, and what runs them.
//!
//! A [`Topology`] connects spouts, where tuples come from, with bolts, which
//! work on them. [`start`] runs it: each task of a component is an actix actor
//! that takes batches of tuples from its inbox and passes batches on; credits
//! on each edge carry back pressure to the spouts; acks ride on the batches,
//! so that every message of a spout is settled exactly once, as done or as
//! failed with a reason; and a supervisor builds again what panics.
//!
//! The crate knows no queue, no database and no network. What a component
//! needs of the process it finds in its [`TaskContext`].

#![forbid(unsafe_code)]

mod ack;
pub mod bench;
mod cases;
mod clock;
mod component;
mod engine;
mod epoch;
mod error;
mod output;
mod state;
pub mod testing;
mod topology;
mod tuple;

pub use ack::{Failure, FailureKind};
pub use cases::{
    CaseResult, Entrance, Expected, FieldDifference, ShownTuple, TestCase, TestFailure, TestInput,
};
pub use clock::Clock;
pub use component::{
    AnyBolt, AnyConfig, BatchBolt, Bolt, BoltFactory, BoltFuture, ComponentType, Factory, Failed,
    Flush, Input, Inputs, Next, OptionError, Problem, Registry, Resources, Role, Spout,
    SpoutFactory, Stream, Streams, TaskContext, Verdict,
};
pub use engine::{
    ComponentSnapshot, DeadLetter, DeadLetters, Delivery, EdgeSnapshot, EpochSnapshot, Epochs,
    Event, EventKind, Latency, Lent, RetryPolicy, Running, Settings, Snapshot, TaskSnapshot,
    TaskState, TopologyState, start, start_in_epochs,
};
pub use epoch::{
    Collector, Commit, CommitMode, CommitNumber, CommitStore, CommitStores, CommitTarget,
    Committed, Outbox, OutboxMessage, Positions, Redo, Rejected, ReplayableSource, STEPS,
    SourceClaim, SourceDead, SourcePosition, StateError, StateStore, StoreFault, TableRows,
    run_number,
};
pub use error::{AnyError, Error, ErrorKind, Result};
pub use output::{CustomGrouping, Grouping, Output, SpoutOutput};
pub use state::{
    Change, Changes, KEY_GROUPS, MAX_STATE_VALUE, Merge, NoState, State, StateKey, StateReader,
};
pub use topology::{
    Body, Component, DeadLetterTarget, Delivered, Reach, Source, Topology, TopologyBuilder,
    TopologyFile,
};
pub use tuple::{Field, IntoRow, Kind, Schema, Show, Tuple, TupleBatch, Value, ValueRef};
