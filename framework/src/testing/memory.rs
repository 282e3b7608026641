//! States in memory that stand for those on disk.

use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::SeqCst},
    },
};

use parking_lot::RwLock;

use crate::{Changes, Result, StateReader};

type Key = (String, Vec<u8>);

/// States that were committed, for tests. Clones share them.
#[derive(Debug, Clone, Default)]
pub struct MemoryState(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    values: RwLock<BTreeMap<Key, Vec<u8>>>,
    epoch: AtomicU64,
}

impl MemoryState {
    /// Takes over the changes of this epoch.
    pub fn apply(&self, epoch: u64, changes: &[Changes]) {
        self.take_over(changes);
        self.set_epoch(epoch);
    }

    pub(super) fn set_epoch(&self, epoch: u64) {
        self.0.epoch.store(epoch, SeqCst);
    }

    pub(super) fn take_over(&self, changes: &[Changes]) {
        let mut values = self.0.values.write();
        for Changes { component, changes } in changes {
            for (key, value) in changes {
                let key = (component.to_string(), key.to_vec());
                match value {
                    Some(value) => values.insert(key, value.to_vec()),
                    None => values.remove(&key),
                };
            }
        }
    }

    /// How many keys there are, of all components.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.values.read().len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl StateReader for MemoryState {
    fn get(&self, component: &str, key: &[u8]) -> Result<Option<Vec<u8>>> {
        let key = (component.to_owned(), key.to_vec());
        Ok(self.0.values.read().get(&key).cloned())
    }

    fn range(
        &self,
        component: &str,
        from: &[u8],
        to: &[u8],
        most: usize,
    ) -> Result<Vec<(Vec<u8>, Vec<u8>)>> {
        let key = |key: &[u8]| (component.to_owned(), key.to_vec());
        if from >= to {
            return Ok(Vec::new());
        }
        let values = self.0.values.read();
        let range = values.range(key(from)..key(to)).take(most);
        Ok(range.map(|((_, key), value)| (key.clone(), value.clone())).collect())
    }

    fn applied(&self) -> u64 {
        self.0.epoch.load(SeqCst)
    }
}
