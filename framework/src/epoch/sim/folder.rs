//! A state folder: states, the redo, notes.

use std::{collections::BTreeMap, sync::Arc};

use parking_lot::Mutex;

use super::{check, faults::Extent, world::Handle};
use crate::{
    epoch::{Redo, StateError, StateStore},
    error::Result,
    state::{Changes, StateReader},
};

/// The values of all states on disk.
#[derive(Debug, Clone, Default)]
pub(super) struct Values {
    pub(super) of: BTreeMap<String, BTreeMap<Vec<u8>, Vec<u8>>>,
    epoch: u64,
}

impl Values {
    pub(super) fn get(&self, component: &str, key: &[u8]) -> Option<&Vec<u8>> {
        self.of.get(component)?.get(key)
    }

    fn write<'a>(&mut self, changes: impl Iterator<Item = &'a Changes>, most: usize) {
        let all = changes.flat_map(|c| c.changes.iter().map(move |change| (&c.component, change)));
        for (component, (key, value)) in all.take(most) {
            let values = self.of.entry(component.to_string()).or_default();
            match value {
                Some(value) => values.insert(key.to_vec(), value.to_vec()),
                None => values.remove(&key[..]),
            };
        }
    }
}

/// The redo's file.
#[derive(Debug, Clone, Default)]
pub(super) enum RedoFile {
    #[default]
    None,
    /// Cut short by a crash.
    Torn,
    Whole(Box<Redo>),
}

impl RedoFile {
    /// The commit id of a redo that is whole.
    pub(super) fn flatten_id(&self) -> Option<String> {
        match self {
            RedoFile::Whole(redo) => Some(redo.commit_id.clone()),
            RedoFile::None | RedoFile::Torn => None,
        }
    }
}

/// What a state folder has on disk.
#[derive(Debug, Default)]
pub(super) struct Folder {
    pub(super) values: Arc<Mutex<Values>>,
    pub(super) applied: (u64, String),
    pub(super) redo: RedoFile,
    notes: BTreeMap<String, String>,
}

impl Folder {
    /// A copy that is another's own.
    pub(super) fn copy(&self) -> Folder {
        Folder {
            values: Arc::new(Mutex::new(self.values.lock().clone())),
            applied: self.applied.clone(),
            redo: self.redo.clone(),
            notes: self.notes.clone(),
        }
    }

    /// Whether this folder goes with a store that is at this commit.
    pub(super) fn goes_with(&self, epoch: u64, commit_id: &str) -> bool {
        self.applied == (epoch, commit_id.to_owned())
            || (epoch > 0 && self.redo.flatten_id().is_some_and(|id| id == commit_id))
    }
}

/// Reads the values of a folder.
struct Reader(Arc<Mutex<Values>>);

impl StateReader for Reader {
    fn get(&self, component: &str, key: &[u8]) -> Result<Option<Vec<u8>>> {
        Ok(self.0.lock().get(component, key).cloned())
    }

    fn range(
        &self,
        component: &str,
        from: &[u8],
        to: &[u8],
        most: usize,
    ) -> Result<Vec<(Vec<u8>, Vec<u8>)>> {
        let values = self.0.lock();
        let Some(values) = values.of.get(component).filter(|_| from < to) else {
            return Ok(Vec::new());
        };
        let range = values
            .range::<[u8], _>((std::ops::Bound::Included(from), std::ops::Bound::Excluded(to)));
        Ok(range.take(most).map(|(key, value)| (key.clone(), value.clone())).collect())
    }

    fn applied(&self) -> u64 {
        self.0.lock().epoch
    }
}

/// A process's hold on its folder.
pub(super) struct SimStates {
    handle: Handle,
}

impl SimStates {
    pub(super) fn new(handle: Handle) -> Self {
        SimStates { handle }
    }
}

impl StateStore for SimStates {
    fn reader(&self) -> Arc<dyn StateReader> {
        Arc::new(Reader(self.handle.world().folders[self.handle.folder].values.clone()))
    }

    fn applied(&self) -> (u64, String) {
        self.handle.world().folders[self.handle.folder].applied.clone()
    }

    fn redo(&self) -> Result<Option<Redo>, StateError> {
        self.handle.call("folder.redo", StateError::retry, |world, _| {
            Ok(match &world.folders[self.handle.folder].redo {
                RedoFile::None => None,
                RedoFile::Torn => {
                    world.saw("a torn redo is read");
                    None
                }
                RedoFile::Whole(redo) => Some((**redo).clone()),
            })
        })
    }

    fn write_redo(&mut self, redo: &Redo) -> Result<(), StateError> {
        self.handle.call("folder.write_redo", StateError::retry, |world, extent| {
            world.folders[self.handle.folder].redo = match extent {
                Extent::Part => RedoFile::Torn,
                _ => RedoFile::Whole(Box::new(redo.clone())),
            };
            Ok(())
        })
    }

    fn apply(&mut self, redo: &Redo) -> Result<(), StateError> {
        self.handle.call("folder.apply", StateError::retry, |world, extent| {
            world.tell(|| format!("apply {}", redo.commit_id));
            let all: usize = redo.changes.iter().map(|changes| changes.changes.len()).sum();
            let most = if extent == Extent::Part { world.rng.usize(0..=all) } else { all };
            let folder = &mut world.folders[self.handle.folder];
            folder.values.lock().write(redo.changes.iter(), most);
            if extent != Extent::Part {
                folder.values.lock().epoch = redo.epoch;
                folder.applied = (redo.epoch, redo.commit_id.clone());
                check::applied(world, self.handle.folder);
            }
            Ok(())
        })
    }

    fn drop_redo(&mut self) -> Result<(), StateError> {
        self.handle.call("folder.drop_redo", StateError::retry, |world, _| {
            world.folders[self.handle.folder].redo = RedoFile::None;
            Ok(())
        })
    }

    fn put_note(&mut self, name: &str, value: &str) -> Result<(), StateError> {
        // A note that fails to be written but is there counts a start that was none.
        let mut world = self.handle.world();
        let fate = match world.plan.poison {
            0 => {
                let super::world::World { faults, rng, store, .. } = &mut *world;
                faults.draw(rng, store.record.epoch)
            }
            _ => (Extent::All, super::faults::End::Answer),
        };
        if self.handle.is_dead() {
            return Err(StateError::retry("the process is dead"));
        }
        self.handle.end_call(world, "folder.put_note", fate, StateError::retry, |world, _| {
            world.tell(|| format!("note {name}: {value}"));
            let notes = &mut world.folders[self.handle.folder].notes;
            notes.insert(name.to_owned(), value.to_owned());
            Ok(())
        })
    }

    fn note(&self, name: &str) -> Result<Option<String>, StateError> {
        self.handle.call("folder.note", StateError::retry, |world, _| {
            Ok(world.folders[self.handle.folder].notes.get(name).cloned())
        })
    }
}
