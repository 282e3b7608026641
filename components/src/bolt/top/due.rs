//! Which groups of a state have something to forget, and when: a state has one timer only.

use std::collections::HashMap;

use squall_framework::Result;

use super::{Ready, list};
use crate::pack::{put_bytes, put_i64};

/// The name of the list of groups. No group is named so, for no value is encoded like this.
const DUE: &[u8] = &[0xFF];

/// Groups by their names: when each has something to forget, and the chunk of the list that says
/// so.
pub(super) type Due = HashMap<Vec<u8>, (i64, Option<usize>)>;

impl Ready {
    /// The groups of the state in hand.
    pub(super) fn load_due(&self) -> Result<Due> {
        let mut all = HashMap::new();
        list::load(&self.state, DUE, |chunk, reader| {
            let name = reader.bytes()?.to_vec();
            all.insert(name, (reader.i64()?, Some(chunk)));
            Ok(())
        })?;
        Ok(all)
    }

    /// Writes them, and sets the state's timer.
    pub(super) fn store_due(&self, all: &Due) -> Result<()> {
        let mut entries: Vec<_> = all
            .iter()
            .map(|(name, (due, chunk))| {
                let mut entry = Vec::with_capacity(name.len() + 12);
                put_bytes(name, &mut entry);
                put_i64(*due, &mut entry);
                (*chunk, entry)
            })
            .collect();
        entries.sort_unstable();
        let stored = list::count(&self.state, DUE)?;
        list::store(
            &self.state,
            DUE,
            stored,
            entries.iter().map(|(chunk, entry)| (*chunk, entry.as_slice())),
        )?;
        self.state.set_timer(all.values().map(|(due, _)| *due).min())
    }
}
