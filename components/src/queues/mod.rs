//! The process's queues, as components find them.

mod frames;
mod outbox;
mod source;
mod start;

pub(crate) use frames::Frames;
pub use outbox::QueueOutbox;
pub(crate) use source::QueueSource;
use squall_broker::{Queue, QueueAttributes, Store};
use squall_framework::{Error, Result};
pub(crate) use start::Start;

/// The queue of this name, made if it is not there.
pub(crate) fn find_queue(store: Option<&Store>, name: &str) -> Result<Queue> {
    let store = store.ok_or_else(|| {
        Error::retry("this process has no queues: it was started without a data folder")
    })?;
    match store.queue(name) {
        Ok(queue) => Ok(queue),
        Err(squall_broker::Error::NoQueue(_)) => {
            tracing::info!(queue = name, "queue made");
            store.create_queue(name, &QueueAttributes::default()).map_err(of_broker)
        }
        Err(error) => Err(of_broker(error)),
    }
}

/// An error of the broker, as one of a component: nothing about it is the tuple's fault but its size.
pub(crate) fn of_broker(error: squall_broker::Error) -> Error {
    match error {
        squall_broker::Error::TooLarge { .. } => Error::data(error.to_string()),
        error => Error::retry(error.to_string()),
    }
}
