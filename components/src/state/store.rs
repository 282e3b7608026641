//! The folder as the coordinator of commits sees it.

use std::sync::Arc;

use squall_framework::{Redo, StateError, StateReader, StateStore};

use super::{apply::apply, folder::StateFolder, header::cannot, redo};

impl StateFolder {
    /// While an epoch is applied in part its redo is needed.
    fn check_finished(&self) -> Result<(), StateError> {
        let Some(unfinished) = self.shared.now().unfinished else { return Ok(()) };
        let id = unfinished.commit_id;
        Err(self.shared.fault(&format!(
            "commit {id} is applied in part, and the store that keeps the commits does not know it; \
             was that store put back to an earlier backup?"
        )))
    }
}

impl StateStore for StateFolder {
    fn reader(&self) -> Arc<dyn StateReader> {
        Arc::new(self.view())
    }

    fn applied(&self) -> (u64, String) {
        let now = self.shared.now();
        (now.applied.epoch, now.applied.commit_id)
    }

    fn redo(&self) -> Result<Option<Redo>, StateError> {
        let path = self.folder().join("redo");
        match self.redo.read().map_err(|error| cannot("read", &path, &error))? {
            None => Ok(None),
            Some(bytes) => redo::decode(&bytes).map(Some).map_err(|why| {
                StateError::fatal(format!(
                    "{} {why}; use the version of Squall that wrote it",
                    path.display()
                ))
            }),
        }
    }

    fn write_redo(&mut self, redo: &Redo) -> Result<(), StateError> {
        if self.shared.now().unfinished.is_some_and(|unfinished| !unfinished.is_of(redo)) {
            self.check_finished()?;
        }
        let written = self.redo.write(|to| redo::encode(redo, to));
        written.map_err(|error| cannot("write", &self.folder().join("redo"), &error))
    }

    fn apply(&mut self, redo: &Redo) -> Result<(), StateError> {
        apply(&self.shared, redo)
    }

    fn drop_redo(&mut self) -> Result<(), StateError> {
        self.check_finished()?;
        let forgotten = self.redo.forget();
        forgotten.map_err(|error| cannot("write", &self.folder().join("redo"), &error))
    }

    fn put_note(&mut self, name: &str, value: &str) -> Result<(), StateError> {
        let mut notes = self.notes.clone();
        notes.insert(name.to_owned(), value.to_owned());
        let text =
            serde_json::to_vec(&notes).map_err(|error| StateError::fatal(error.to_string()))?;
        let written = self.notes_file.write(|to| to.write_all(&text));
        written.map_err(|error| cannot("write", &self.folder().join("notes"), &error))?;
        self.notes = notes;
        Ok(())
    }

    fn note(&self, name: &str) -> Result<Option<String>, StateError> {
        Ok(self.notes.get(name).cloned())
    }
}
