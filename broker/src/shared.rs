//! What all handles to a store share.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::{Condvar, Mutex, RwLock};
use squall_durable::Log;

use crate::cell::Cell;
use crate::confirm::{Answer, Confirm};
use crate::error::{Error, Result};
use crate::inbox::Inbox;
use crate::options::StoreOptions;
use crate::record::Record;
use crate::state::{QueueState, Usage};

pub(crate) struct Shared {
    pub(crate) folder: PathBuf,
    pub(crate) options: StoreOptions,
    pub(crate) log: Arc<Log>,
    pub(crate) usage: Arc<Usage>,
    pub(crate) catalogue: RwLock<Catalogue>,
    pub(crate) inbox: Inbox,
    pub(crate) deadlines: Deadlines,
    pub(crate) damage: Mutex<Vec<String>>,
    /// Keys of the ledger that nothing stands behind any more.
    pub(crate) forgotten: Mutex<Vec<Vec<u8>>>,
    /// Why the writer has stopped.
    pub(crate) stopped: Mutex<Option<Error>>,
    pub(crate) free: AtomicU64,
    pub(crate) tokens: AtomicU64,
    /// Held while the catalogue is changed, so that a name is never given twice.
    pub(crate) changing: Mutex<()>,
}

/// The queues.
#[derive(Default)]
pub(crate) struct Catalogue {
    pub(crate) by_name: BTreeMap<String, Arc<Cell>>,
    pub(crate) by_id: HashMap<u32, Arc<Cell>>,
    pub(crate) next_id: u32,
    /// Queues that were deleted while the log has frames of them.
    pub(crate) tombstones: BTreeMap<u32, Tombstone>,
}

/// A deleted queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Tombstone {
    /// No later segment has frames of it.
    pub(crate) last_segment: u32,
    /// Where the log says that it was deleted.
    pub(crate) recorded: u32,
}

/// One heap for everything that happens by itself.
#[derive(Default)]
pub(crate) struct Deadlines {
    pub(crate) heap: Mutex<BTreeSet<(u64, u32)>>,
    pub(crate) changed: Condvar,
    pub(crate) closed: std::sync::atomic::AtomicBool,
}

impl Shared {
    pub(crate) fn now(&self) -> u64 {
        self.options.clock.now_ms()
    }

    pub(crate) fn cell(&self, id: u32) -> Option<Arc<Cell>> {
        self.catalogue.read().by_id.get(&id).cloned()
    }

    pub(crate) fn cells(&self) -> Vec<Arc<Cell>> {
        self.catalogue.read().by_id.values().cloned().collect()
    }

    /// Writes a record that nobody waits for. The queue's lock is held, so that records come in
    /// the order of the changes.
    pub(crate) fn note(&self, record: &Record) -> Result<()> {
        let sync = !matches!(record, Record::Lease { .. });
        self.inbox.record(record.queue(), sync, None, |to| record.encode(to))
    }

    /// Writes a record and promises that it is on disk.
    pub(crate) fn confirm(&self, record: &Record) -> Result<Confirm> {
        let (answer, confirm) = Answer::slot();
        self.inbox.record(record.queue(), true, Some(answer), |to| record.encode(to))?;
        Ok(confirm)
    }

    /// Puts the queue's next deadline where the timer sees it.
    pub(crate) fn schedule(&self, state: &mut QueueState) {
        let next = state.next_deadline(self.now());
        if next < state.scheduled_ms {
            state.scheduled_ms = next;
            let mut heap = self.deadlines.heap.lock();
            heap.insert((next, state.id));
            let first = heap.first() == Some(&(next, state.id));
            drop(heap);
            if first {
                self.deadlines.changed.notify_one();
            }
        }
    }

    /// Takes note of damage.
    pub(crate) fn report(&self, what: String) {
        tracing::error!(folder = %self.folder.display(), "{what}");
        let mut damage = self.damage.lock();
        if !damage.contains(&what) {
            damage.push(what);
        }
    }

    /// Refuses where the disk has too little room for more messages.
    pub(crate) fn check_room(&self) -> Result<()> {
        if let Some(error) = &*self.stopped.lock() {
            return Err(error.clone());
        }
        let min_free = self.options.min_free;
        if self.free.load(Ordering::Relaxed) >= min_free {
            return Ok(());
        }
        let free = self.measure_room();
        if free < min_free { Err(Error::DiskFull { free, min_free }) } else { Ok(()) }
    }

    pub(crate) fn measure_room(&self) -> u64 {
        let free = self.log.free_bytes().unwrap_or(u64::MAX);
        self.free.store(free, Ordering::Relaxed);
        free
    }
}
