//! sled, as far as it is used here.

use std::{
    fs::{self, File, OpenOptions},
    path::Path,
};

use squall_durable::tame::{self, OpenFault, quietly};

/// An open tree. What goes wrong is given in sled's own words.
#[derive(Debug)]
pub(super) struct Tree {
    db: sled::Db,
    /// sled's file once more, since `flush` of sled does not make the disk flush its own cache.
    file: File,
    /// How many more writes a test allows.
    #[cfg(test)]
    pub(super) fuse: std::sync::atomic::AtomicU64,
}

/// A key and its value.
pub(super) type Found = (sled::IVec, sled::IVec);

/// Entries of a tree, in order.
pub(super) struct Range(Option<sled::Iter>);

impl Range {
    pub(super) fn next(&mut self) -> Result<Option<Found>, String> {
        let Some(entries) = &mut self.0 else { return Ok(None) };
        quietly(|| match entries.next() {
            Some(found) => found.map(Some).map_err(|error| error.to_string()),
            None => Ok(None),
        })
    }
}

impl Tree {
    /// Opens the tree in `folder`, or makes one. `cache` is in bytes.
    pub(super) fn open(folder: &Path, cache: u64) -> Result<Self, OpenFault> {
        tame::open(folder, || {
            let config = sled::Config::new().path(folder).mode(sled::Mode::HighThroughput);
            // No thread that flushes: that is done where it means something.
            let config = config.cache_capacity(cache).flush_every_ms(None);
            let db = config.open().map_err(|error| error.to_string())?;
            let file = OpenOptions::new().read(true).write(true).open(folder.join("db"));
            Ok(Tree {
                db,
                file: file.map_err(|error| error.to_string())?,
                #[cfg(test)]
                fuse: u64::MAX.into(),
            })
        })
    }

    /// The last entry from `from` up to `to`, which is included.
    pub(super) fn last(&self, from: &[u8], to: &[u8]) -> Result<Option<Found>, String> {
        quietly(|| match self.db.range(from..=to).next_back() {
            Some(found) => found.map(Some).map_err(|error| error.to_string()),
            None => Ok(None),
        })
    }

    /// The last entry from `from` on and below `to`.
    pub(super) fn before(&self, from: &[u8], to: &[u8]) -> Result<Option<Found>, String> {
        quietly(|| match self.db.range(from..to).next_back() {
            Some(found) => found.map(Some).map_err(|error| error.to_string()),
            None => Ok(None),
        })
    }

    /// The entries from `from` on and below `to`, in order.
    pub(super) fn range(&self, from: &[u8], to: &[u8]) -> Range {
        Range((from < to).then(|| self.db.range(from..to)))
    }

    pub(super) fn get(&self, key: &[u8]) -> Result<Option<sled::IVec>, String> {
        quietly(|| self.db.get(key).map_err(|error| error.to_string()))
    }

    pub(super) fn put(&self, key: &[u8], value: &[u8]) -> Result<(), String> {
        self.step()?;
        quietly(|| self.db.insert(key, value).map(drop).map_err(|error| error.to_string()))
    }

    pub(super) fn remove(&self, key: &[u8]) -> Result<(), String> {
        self.step()?;
        quietly(|| self.db.remove(key).map(drop).map_err(|error| error.to_string()))
    }

    /// Shows the entries from `from` on and below `to`, in order, for as long as `see` says so.
    pub(super) fn each(
        &self,
        from: &[u8],
        to: &[u8],
        mut see: impl FnMut(&[u8], &[u8]) -> bool,
    ) -> Result<(), String> {
        let mut entries = self.range(from, to);
        while let Some((key, value)) = entries.next()? {
            if !see(&key, &value) {
                break;
            }
        }
        Ok(())
    }

    /// Returns when all that was put survives a loss of power.
    pub(super) fn sync(&self) -> Result<(), String> {
        self.step()?;
        quietly(|| self.db.flush().map(drop).map_err(|error| error.to_string()))?;
        self.file.sync_data().map_err(|error| error.to_string())
    }

    #[cfg(not(test))]
    fn step(&self) -> Result<(), String> {
        Ok(())
    }

    /// Fails once the writes that a test allows are used up.
    #[cfg(test)]
    fn step(&self) -> Result<(), String> {
        use std::sync::atomic::Ordering::SeqCst;
        let left = self.fuse.fetch_update(SeqCst, SeqCst, |left| left.checked_sub(1));
        left.map(drop).map_err(|_| "the test stops here".into())
    }
}

/// Makes all files in a folder of sled's survive a loss of power; sled itself does so for some.
pub(super) fn sync_files(folder: &Path) -> std::io::Result<()> {
    for entry in fs::read_dir(folder)? {
        File::open(entry?.path())?.sync_all()?;
    }
    File::open(folder)?.sync_all()
}
