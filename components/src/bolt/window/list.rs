//! A list in the state that only grows until it is taken: an open part to which entries are
//! appended, and full parts under keys of their own.

use squall_framework::Result;

use super::{
    codec::{self, Reader},
    keys::Key,
    store::Store,
};

/// The open part is full at so many bytes: it is written again with every entry.
const FULL: usize = 512;

/// The open part of a list, as it is kept with its owner.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(super) struct List {
    /// How many full parts there are.
    parts: u64,
    /// The entries of the open one.
    open: Vec<u8>,
}

impl List {
    pub(super) fn encode(&self, to: &mut Vec<u8>) {
        codec::unsigned(self.parts, to);
        to.extend_from_slice(&self.open);
    }

    pub(super) fn decode(&mut self, from: &mut Reader<'_>) -> Result<()> {
        self.parts = from.unsigned()?;
        self.open.clear();
        self.open.extend_from_slice(from.rest());
        Ok(())
    }

    pub(super) fn clear(&mut self) {
        self.parts = 0;
        self.open.clear();
    }

    pub(super) fn is_empty(&self) -> bool {
        self.parts == 0 && self.open.is_empty()
    }

    /// Appends an entry; `part` gives the key of a part by its number.
    pub(super) fn append<'k>(
        &mut self,
        entry: &[u8],
        store: &Store,
        part: impl Fn(u64) -> Key<'k>,
    ) -> Result<()> {
        codec::bytes(entry, &mut self.open);
        if self.open.len() >= FULL {
            store.state().put_bytes(part(self.parts), &self.open)?;
            self.parts += 1;
            self.open.clear();
        }
        Ok(())
    }

    /// All entries, each with its length before it; to be read by [`entries`].
    pub(super) fn all<'k>(&self, store: &Store, part: impl Fn(u64) -> Key<'k>) -> Result<Vec<u8>> {
        let mut all = Vec::new();
        for number in 0..self.parts {
            let add = |bytes: Option<&[u8]>| all.extend_from_slice(bytes.unwrap_or_default());
            store.state().read(part(number), add)?;
        }
        all.extend_from_slice(&self.open);
        Ok(all)
    }

    /// Forgets the full parts.
    pub(super) fn forget<'k>(&self, store: &Store, part: impl Fn(u64) -> Key<'k>) -> Result<()> {
        (0..self.parts).try_for_each(|number| store.state().delete(part(number)))
    }
}

/// The entries of a list.
pub(super) fn entries(all: &[u8]) -> impl Iterator<Item = Result<&[u8]>> {
    let mut reader = Reader::new(all);
    std::iter::from_fn(move || (!reader.is_empty()).then(|| reader.bytes()))
}
