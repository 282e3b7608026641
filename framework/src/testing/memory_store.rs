//! A state folder in memory, with a disk that can be stopped at any step.

use std::{collections::BTreeMap, sync::Arc};

use parking_lot::Mutex;

use super::MemoryState;
use crate::{Change, Changes, Redo, StateError, StateReader, StateStore};

/// A [`StateStore`] in memory, for tests. Clones share it: one that is made after another has been
/// dropped is the same folder opened again.
#[derive(Debug, Clone, Default)]
pub struct MemoryStateStore {
    states: MemoryState,
    disk: Arc<Mutex<Disk>>,
}

#[derive(Debug, Default)]
struct Disk {
    commit_id: String,
    redo: Option<Redo>,
    notes: BTreeMap<String, String>,
    /// How many steps are left until it stops.
    steps: Option<u64>,
}

impl Disk {
    fn step(&mut self) -> Result<(), StateError> {
        match &mut self.steps {
            None => Ok(()),
            Some(0) => Err(StateError::retry("the disk of the states has been stopped")),
            Some(left) => {
                *left -= 1;
                Ok(())
            }
        }
    }
}

impl MemoryStateStore {
    /// Lets the disk do so many more steps; after that everything that writes fails, and what was
    /// in the middle of writing stays half done. A step is a redo, a key, the mark behind the keys,
    /// or a note.
    pub fn stop_after(&self, steps: u64) {
        self.disk.lock().steps = Some(steps);
    }

    /// Lets the disk work again.
    pub fn go_on(&self) {
        self.disk.lock().steps = None;
    }

    /// The states that were applied.
    #[must_use]
    pub fn states(&self) -> &MemoryState {
        &self.states
    }

    fn put(
        &self,
        disk: &mut Disk,
        component: &Arc<str>,
        change: &Change,
    ) -> Result<(), StateError> {
        disk.step()?;
        let changes = Changes { component: component.clone(), changes: vec![change.clone()] };
        self.states.take_over(&[changes]);
        Ok(())
    }
}

impl StateStore for MemoryStateStore {
    fn reader(&self) -> Arc<dyn StateReader> {
        Arc::new(self.states.clone())
    }

    fn applied(&self) -> (u64, String) {
        (self.states.applied(), self.disk.lock().commit_id.clone())
    }

    fn redo(&self) -> Result<Option<Redo>, StateError> {
        Ok(self.disk.lock().redo.clone())
    }

    fn write_redo(&mut self, redo: &Redo) -> Result<(), StateError> {
        let mut disk = self.disk.lock();
        disk.step()?;
        disk.redo = Some(redo.clone());
        Ok(())
    }

    fn apply(&mut self, redo: &Redo) -> Result<(), StateError> {
        let (epoch, commit_id) = self.applied();
        if redo.epoch == epoch && redo.commit_id == commit_id {
            return Ok(());
        }
        if redo.epoch != epoch + 1 && (epoch != 0 || redo.epoch == 0) {
            let next = redo.epoch;
            let why = format!("the states are as of epoch {epoch}, so {next} cannot follow");
            return Err(StateError::fatal(why));
        }
        let mut disk = self.disk.lock();
        for Changes { component, changes } in &redo.changes {
            for change in changes {
                self.put(&mut disk, component, change)?;
            }
        }
        disk.step()?;
        disk.commit_id.clone_from(&redo.commit_id);
        self.states.set_epoch(redo.epoch);
        Ok(())
    }

    fn drop_redo(&mut self) -> Result<(), StateError> {
        let mut disk = self.disk.lock();
        disk.step()?;
        disk.redo = None;
        Ok(())
    }

    fn put_note(&mut self, name: &str, value: &str) -> Result<(), StateError> {
        let mut disk = self.disk.lock();
        disk.step()?;
        disk.notes.insert(name.to_owned(), value.to_owned());
        Ok(())
    }

    fn note(&self, name: &str) -> Result<Option<String>, StateError> {
        Ok(self.disk.lock().notes.get(name).cloned())
    }
}
