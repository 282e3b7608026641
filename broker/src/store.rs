//! A folder of queues.

use std::path::Path;

use crate::attributes::QueueAttributes;
use crate::error::{Error, Result};
use crate::options::StoreOptions;
use crate::queue::Queue;

/// A folder of queues, open in this process alone. Cheap to clone; closed when the last clone
/// and the last of its queues and claims is dropped.
#[derive(Debug, Clone)]
pub struct Store {}

impl Store {
    /// Opens the store in `folder`, creating it where there is none.
    ///
    /// # Errors
    /// [`Error::Locked`] when another process has it open, [`Error::NewerFormat`], or what the
    /// disk says.
    pub fn open(folder: impl AsRef<Path>, options: StoreOptions) -> Result<Self> {
        let _ = (folder, options);
        Err(Error::Closed)
    }

    /// The queue `name`, created if there is none.
    ///
    /// # Errors
    /// [`Error::QueueExists`] when there is one with other attributes.
    pub fn create_queue(&self, name: &str, attributes: &QueueAttributes) -> Result<Queue> {
        let _ = (name, attributes);
        Err(Error::Closed)
    }

    /// The queue `name`.
    ///
    /// # Errors
    /// [`Error::NoQueue`].
    pub fn queue(&self, name: &str) -> Result<Queue> {
        Err(Error::NoQueue(name.to_owned()))
    }

    /// The names of all queues, sorted.
    #[must_use]
    pub fn list(&self) -> Vec<String> {
        Vec::new()
    }

    /// Deletes a queue with everything in it.
    ///
    /// # Errors
    /// [`Error::NoQueue`], or [`Error::Claimed`] while someone holds a claim on it.
    pub fn delete_queue(&self, name: &str) -> Result<()> {
        Err(Error::NoQueue(name.to_owned()))
    }

    /// What damage to the disk has been met since the store was opened, in words.
    #[must_use]
    pub fn damage(&self) -> Vec<String> {
        Vec::new()
    }

    /// Does what is due by the clock: needed only with a [manual clock](crate::Clock::manual).
    pub fn tick(&self) {}

    /// Brings the ledger up to date and stops the writer; later calls say [`Error::Closed`].
    /// Dropping the last clone does the same.
    ///
    /// # Errors
    /// What the disk says.
    pub fn close(&self) -> Result<()> {
        Ok(())
    }
}
