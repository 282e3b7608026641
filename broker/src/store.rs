//! A folder of queues.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::{self, JoinHandle};

use parking_lot::{Mutex, RwLock};
use squall_durable::{Appender, FolderLock, Log};

use crate::attributes::{QueueAttributes, check_name};
use crate::cell::Cell;
use crate::checkpoint;
use crate::error::{Error, Result};
use crate::inbox::Inbox;
use crate::ledger::Ledger;
use crate::options::StoreOptions;
use crate::queue::Queue;
use crate::record::Record;
use crate::recovery::{fresh_uuid, recover};
use crate::shared::{Deadlines, Shared, Tombstone};
use crate::state::{QueueState, Usage};
use crate::timer;
use crate::writer::{Writer, error_of};

/// A folder of queues, open in this process alone. Cheap to clone; closed when the last clone
/// and the last of its queues and claims is dropped.
#[derive(Clone)]
pub struct Store {
    pub(crate) inner: Arc<Inner>,
}

pub(crate) struct Inner {
    pub(crate) shared: Arc<Shared>,
    threads: Mutex<Vec<JoinHandle<()>>>,
    lock: Mutex<Option<FolderLock>>,
}

impl Store {
    /// Opens the store in `folder`, creating it where there is none.
    ///
    /// # Errors
    /// [`Error::Locked`] when another process has it open, [`Error::NewerFormat`], or what the
    /// disk says.
    pub fn open(folder: impl AsRef<Path>, options: StoreOptions) -> Result<Self> {
        let folder = folder.as_ref();
        let lock = FolderLock::take(folder)?;
        let log = Log::open(Arc::clone(&options.disk), &folder.join("log"), options.segment_bytes)
            .map_err(error_of)?;
        let ledger_folder = folder.join("ledger");
        let (mut ledger, mut found, mut notes) = (None, None, log.notes().to_vec());
        if options.ledger {
            let opened = Ledger::open(&ledger_folder, options.ledger_cache, log.nonce())?;
            (ledger, found) = (Some(opened.ledger), opened.found);
            notes.extend(opened.note);
        }
        let shared = Arc::new(Shared {
            folder: folder.to_owned(),
            usage: Arc::new(Usage::default()),
            catalogue: RwLock::default(),
            inbox: Inbox::default(),
            deadlines: Deadlines::default(),
            damage: Mutex::default(),
            forgotten: Mutex::default(),
            stopped: Mutex::default(),
            free: AtomicU64::new(0),
            tokens: AtomicU64::new(1),
            changing: Mutex::default(),
            log: Arc::clone(&log),
            options,
        });
        notes.into_iter().for_each(|note| shared.report(note));
        shared.measure_room();
        let (end, trusted) = recover(&shared, found)?;
        if !trusted {
            drop(ledger.take());
            Ledger::set_aside(&ledger_folder)?;
            ledger = Some(
                Ledger::open(&ledger_folder, shared.options.ledger_cache, log.nonce())?.ledger,
            );
        }
        let appender = Appender::open(log, end.end, end.sound).map_err(error_of)?;
        let mut threads = Vec::new();
        let ledger = match ledger {
            Some(ledger) => {
                let (sender, thread) = checkpoint::start(ledger)?;
                threads.push(thread);
                Some(sender)
            }
            None => None,
        };
        let writer = Writer::new(Arc::clone(&shared), appender, ledger);
        threads.push(spawn("squall-writer", move || writer.run())?);
        if !shared.options.clock.is_manual() {
            let timer = Arc::clone(&shared);
            threads.push(spawn("squall-timer", move || timer::run(&timer))?);
        }
        Ok(Self {
            inner: Arc::new(Inner {
                shared,
                threads: Mutex::new(threads),
                lock: Mutex::new(Some(lock)),
            }),
        })
    }

    /// The queue `name`, created if there is none.
    ///
    /// # Errors
    /// [`Error::QueueExists`] when there is one with other attributes.
    pub fn create_queue(&self, name: &str, attributes: &QueueAttributes) -> Result<Queue> {
        let queue = self.inner.queue_or_create(name, attributes)?;
        if queue.attributes() != *attributes {
            return Err(Error::QueueExists(name.to_owned()));
        }
        Ok(queue)
    }

    /// The queue `name`.
    ///
    /// # Errors
    /// [`Error::NoQueue`].
    pub fn queue(&self, name: &str) -> Result<Queue> {
        self.inner.find(name).ok_or_else(|| Error::NoQueue(name.to_owned()))
    }

    /// The names of all queues, sorted.
    #[must_use]
    pub fn list(&self) -> Vec<String> {
        self.inner.shared.catalogue.read().by_name.keys().cloned().collect()
    }

    /// Deletes a queue with everything in it.
    ///
    /// # Errors
    /// [`Error::NoQueue`], or [`Error::Claimed`] while someone holds a claim on it.
    pub fn delete_queue(&self, name: &str) -> Result<()> {
        let shared = &self.inner.shared;
        let _changing = shared.changing.lock();
        let queue = self.queue(name)?;
        let cell = queue.cell();
        let confirm = {
            let mut state = cell.live()?;
            queue.check_unclaimed(&state)?;
            let confirm = shared.confirm(&Record::Delete { queue: cell.id })?;
            shared.forgotten.lock().extend(checkpoint::all_keys(&state));
            state.clear();
            cell.arrived.notify_all();
            confirm
        };
        let last_segment = shared.log.segments().last().map_or(0, |s| s.0);
        {
            let mut catalogue = shared.catalogue.write();
            catalogue.by_name.remove(name);
            catalogue.by_id.remove(&cell.id);
            // The record may come to lie one segment later than the log has now.
            let tombstone = Tombstone { last_segment: last_segment + 1, recorded: last_segment };
            catalogue.tombstones.insert(cell.id, tombstone);
        }
        confirm.wait().map(|_| ())
    }

    /// What damage to the disk has been met since the store was opened, in words.
    #[must_use]
    pub fn damage(&self) -> Vec<String> {
        self.inner.shared.damage.lock().clone()
    }

    /// Does what is due by the clock: needed only with a [manual clock](crate::Clock::manual).
    pub fn tick(&self) {
        loop {
            let any = timer::run_due(&self.inner.shared);
            // What that asked of the writer is done when this returns; an error shows in the next call.
            if self.flush().is_err() || !any {
                return;
            }
        }
    }

    /// Waits until everything that was asked for so far is on disk.
    ///
    /// # Errors
    /// What kept it from the disk.
    pub fn flush(&self) -> Result<()> {
        let (answer, confirm) = crate::confirm::Answer::slot();
        self.inner.shared.inbox.record(0, true, Some(answer), |_| {})?;
        confirm.wait().map(|_| ())
    }

    /// Brings the ledger up to date and stops the writer; later calls say [`Error::Closed`].
    /// Dropping the last clone does the same.
    ///
    /// # Errors
    /// What the disk says.
    pub fn close(&self) -> Result<()> {
        self.inner.close();
        self.inner.shared.stopped.lock().clone().map_or(Ok(()), Err)
    }
}

impl std::fmt::Debug for Store {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Store").field("folder", &self.inner.shared.folder).finish_non_exhaustive()
    }
}

impl Inner {
    pub(crate) fn find(self: &Arc<Self>, name: &str) -> Option<Queue> {
        let cell = self.shared.catalogue.read().by_name.get(name).cloned()?;
        Some(Queue::new(Arc::clone(self), cell))
    }

    /// The queue `name`, whatever its attributes; created with `attributes`.
    pub(crate) fn queue_or_create(
        self: &Arc<Self>,
        name: &str,
        attributes: &QueueAttributes,
    ) -> Result<Queue> {
        if let Some(queue) = self.find(name) {
            return Ok(queue);
        }
        check_name(name)?;
        attributes.check()?;
        self.check_dead_letters(name, attributes)?;
        let shared = &self.shared;
        let _changing = shared.changing.lock();
        if let Some(queue) = self.find(name) {
            return Ok(queue);
        }
        let id = shared.catalogue.read().next_id;
        let uuid = fresh_uuid();
        let cell = Cell::new(QueueState::new(
            id,
            name,
            uuid,
            attributes.clone(),
            Arc::clone(&shared.usage),
        ));
        {
            let mut catalogue = shared.catalogue.write();
            catalogue.next_id = id + 1;
            catalogue.by_id.insert(id, Arc::clone(&cell));
        }
        let record = Record::Create {
            queue: id,
            name: name.to_owned(),
            uuid,
            attributes: attributes.encode(),
        };
        let written = shared.confirm(&record).and_then(|confirm| confirm.wait());
        let mut catalogue = shared.catalogue.write();
        if let Err(error) = written {
            catalogue.by_id.remove(&id);
            return Err(error);
        }
        catalogue.by_name.insert(name.to_owned(), Arc::clone(&cell));
        drop(catalogue);
        Ok(Queue::new(Arc::clone(self), cell))
    }

    /// Refuses dead-letter queues that lead back to where they start.
    pub(crate) fn check_dead_letters(
        self: &Arc<Self>,
        name: &str,
        attributes: &QueueAttributes,
    ) -> Result<()> {
        let mut path = vec![name.to_owned()];
        let mut next = attributes.dead_letter.as_ref().map(|policy| policy.queue.clone());
        while let Some(queue) = next {
            let back = path.contains(&queue);
            path.push(queue.clone());
            if back {
                return Err(Error::DeadLetterCycle(path.join(" -> ")));
            }
            let found = self.find(&queue).map(|queue| queue.attributes());
            next = found.and_then(|attributes| attributes.dead_letter).map(|policy| policy.queue);
        }
        Ok(())
    }

    fn close(&self) {
        self.shared.inbox.close();
        self.shared.deadlines.closed.store(true, Ordering::Release);
        drop(self.shared.deadlines.heap.lock());
        self.shared.deadlines.changed.notify_all();
        let threads = std::mem::take(&mut *self.threads.lock());
        // A callback of the writer may drop the last handle to the store.
        let here = thread::current().id();
        for thread in threads.into_iter().rev().filter(|thread| thread.thread().id() != here) {
            if thread.join().is_err() {
                tracing::error!(folder = %self.shared.folder.display(), "a thread of the store panicked");
            }
        }
        self.lock.lock().take();
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        self.close();
    }
}

fn spawn(name: &str, run: impl FnOnce() + Send + 'static) -> Result<JoinHandle<()>> {
    thread::Builder::new()
        .name(name.into())
        .spawn(run)
        .map_err(|e| Error::io("cannot start a thread", &e))
}
