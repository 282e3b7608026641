//! The engine: tasks as actors, edges with credits between them, and a
//! supervisor that rebuilds what falls.

mod alarm;
mod clock;
mod credits;
mod edge;
pub(crate) mod epochs;
mod gate;
mod history;
mod running;
mod settings;
mod signal;
mod slot;
mod snapshot;
mod stats;
mod supervisor;
mod system;
mod task;
mod wiring;

#[cfg(all(test, feature = "loom"))]
mod loom_tests;

pub use epochs::Epochs;
pub use history::{Event, EventKind};
pub use running::{Running, start, start_in_epochs};
pub use settings::{Delivery, Settings};
pub use snapshot::{
    ComponentSnapshot, EdgeSnapshot, EpochSnapshot, Latency, Snapshot, TaskSnapshot, TaskState,
    TopologyState,
};
pub use system::Lent;
pub use task::{DeadLetter, DeadLetters, RetryPolicy};

pub(crate) use clock::{now_ms, now_ns};
pub(crate) use edge::{Edge, Ends, Inbox};
pub(crate) use signal::TaskSignal;
pub(crate) use stats::new_histogram;
