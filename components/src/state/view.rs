//! Reading states and looking at them.

use std::sync::Arc;

use squall_framework::{Error, Result, StateError, StateReader};

use super::{
    blocks,
    shared::Shared,
    stats::{ComponentStats, StateStats, disk_bytes},
};

/// The states of a folder, for any number of threads. Reads do not wait for an epoch that is being
/// applied; until that is done they may find a key's value from before it or after it.
///
/// The folder stays locked for as long as there is a view.
#[derive(Debug, Clone)]
pub struct StateView(pub(super) Arc<Shared>);

impl StateView {
    /// Numbers about the folder.
    ///
    /// # Errors
    /// The folder cannot be read.
    pub fn stats(&self) -> Result<StateStats, StateError> {
        let now = self.0.now();
        let components = now.counters.into_iter().filter(|(_, counters)| counters.keys > 0);
        let components = components.map(|(id, counters)| ComponentStats {
            id,
            keys: counters.keys,
            key_bytes: counters.key_bytes,
            value_bytes: counters.value_bytes,
        });
        let folder = &self.0.folder;
        let disk_bytes = disk_bytes(folder).map_err(|error| {
            StateError::retry(format!("cannot read {}: {error}", folder.display()))
        })?;
        Ok(StateStats {
            topology: self.0.topology.clone(),
            epoch: now.applied.epoch,
            commit_id: now.applied.commit_id,
            positions: now.applied.positions,
            components: components.collect(),
            disk_bytes,
        })
    }

    /// The first `limit` keys of a component, with their values.
    ///
    /// # Errors
    /// The states cannot be read.
    pub fn sample(&self, component: &str, limit: usize) -> Result<Vec<(Vec<u8>, Vec<u8>)>> {
        self.read(component, &[], None, limit)
    }

    fn read(
        &self,
        component: &str,
        from: &[u8],
        to: Option<&[u8]>,
        most: usize,
    ) -> Result<Vec<(Vec<u8>, Vec<u8>)>> {
        let mut entries = Vec::new();
        if most == 0 || to.is_some_and(|to| from >= to) {
            return Ok(entries);
        }
        let read = blocks::each(&self.0.tree, component, from, to, |key, value| {
            entries.push((key.to_vec(), value.to_vec()));
            entries.len() < most
        });
        read.map_err(|why| self.error(&why))?;
        Ok(entries)
    }

    fn error(&self, why: &str) -> Error {
        Error::retry(self.0.fault(why).message)
    }
}

impl StateReader for StateView {
    fn get(&self, component: &str, key: &[u8]) -> Result<Option<Vec<u8>>> {
        blocks::get(&self.0.tree, component, key).map_err(|why| self.error(&why))
    }

    fn range(
        &self,
        component: &str,
        from: &[u8],
        to: &[u8],
        most: usize,
    ) -> Result<Vec<(Vec<u8>, Vec<u8>)>> {
        self.read(component, from, Some(to), most)
    }

    fn applied(&self) -> u64 {
        self.0.epoch()
    }
}
