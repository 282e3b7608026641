//! The state of the place in hand, in the terms of windows.

use squall_framework::{Result, State};

use super::{codec::Reader, group::Group, keys::Key, pane::Pane};

/// The state of the place in hand.
#[derive(Debug)]
pub(super) struct Store {
    state: State,
    /// Memory for values that are being written.
    bytes: Vec<u8>,
}

impl Store {
    pub(super) fn new(state: State) -> Self {
        Self { state, bytes: Vec::new() }
    }

    pub(super) fn state(&self) -> &State {
        &self.state
    }

    /// Reads a pane; false, and an empty pane, if it is not there.
    pub(super) fn pane(&self, group: &[u8], number: i64, into: &mut Pane) -> Result<bool> {
        self.state.read(Key::Pane(group, number), |bytes| match bytes {
            Some(bytes) => into.decode(&mut Reader::new(bytes)).map(|()| true),
            None => {
                into.clear();
                Ok(false)
            }
        })?
    }

    pub(super) fn put_pane(&mut self, group: &[u8], number: i64, pane: &Pane) -> Result<()> {
        self.put(Key::Pane(group, number), |to| pane.encode(to))
    }

    /// Reads a group into one of the bolt's; false if it is not there.
    pub(super) fn group(&self, group: &[u8], into: &mut Group) -> Result<bool> {
        self.state.read(Key::Group(group), |bytes| match bytes {
            Some(bytes) => into.decode(&mut Reader::new(bytes)).map(|()| true),
            None => Ok(false),
        })?
    }

    pub(super) fn put_group(&mut self, id: &[u8], group: &Group) -> Result<()> {
        self.put(Key::Group(id), |to| group.encode(to))
    }

    pub(super) fn put(&mut self, key: Key<'_>, write: impl FnOnce(&mut Vec<u8>)) -> Result<()> {
        self.bytes.clear();
        write(&mut self.bytes);
        self.state.put_bytes(key, &self.bytes)
    }
}
