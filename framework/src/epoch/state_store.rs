//! Where states are kept: the state folder of a topology.

use super::Redo;
use crate::state::StateReader;

/// A state folder that did not do what it was asked for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct StateError {
    /// What happened and what to do about it.
    pub message: String,
    /// Whether doing the same again can help.
    pub retry: bool,
}

impl StateError {
    /// Doing the same again can help.
    #[must_use]
    pub fn retry(message: impl Into<String>) -> Self {
        StateError { message: message.into(), retry: true }
    }

    /// Somebody has to do something first.
    #[must_use]
    pub fn fatal(message: impl Into<String>) -> Self {
        StateError { message: message.into(), retry: false }
    }
}

/// The state folder of a topology: the states as of the last applied epoch, and the redo of the
/// one after it. All methods are called from one thread, except those of the reader.
pub trait StateStore: Send {
    /// The states on disk.
    fn reader(&self) -> std::sync::Arc<dyn StateReader>;

    /// The epoch and commit id that the states on disk are as of; 0 and an empty id for a new
    /// folder.
    fn applied(&self) -> (u64, String);

    /// A redo that was written and not dropped, if its file is whole. One that was cut short by a
    /// crash was never part of a commit.
    ///
    /// # Errors
    /// The file cannot be read.
    fn redo(&self) -> Result<Option<Redo>, StateError>;

    /// Writes a redo, in place of the one before; returns when it is on disk.
    ///
    /// # Errors
    /// It is not on disk.
    fn write_redo(&mut self, redo: &Redo) -> Result<(), StateError>;

    /// Takes a redo's changes over into the states and notes its epoch, commit id and positions;
    /// returns when that is on disk. Doing it twice is the same as doing it once.
    ///
    /// # Errors
    /// Some of it may not be on disk; the redo must stay.
    fn apply(&mut self, redo: &Redo) -> Result<(), StateError>;

    /// Forgets the redo.
    ///
    /// # Errors
    /// It is still there; it does no harm.
    fn drop_redo(&mut self) -> Result<(), StateError>;

    /// A small record of the coordinator's own; returns when it is on disk. Used for counting
    /// starts.
    ///
    /// # Errors
    /// It is not on disk.
    fn put_note(&mut self, name: &str, value: &str) -> Result<(), StateError>;

    /// A small record of the coordinator's own.
    ///
    /// # Errors
    /// It cannot be read.
    fn note(&self, name: &str) -> Result<Option<String>, StateError>;
}
