//! The table that all tasks of a lookup share, and the thread that reads it again.

use std::{
    sync::{
        Arc, Mutex, PoisonError, RwLock, Weak,
        atomic::{AtomicU64, Ordering},
        mpsc::{self, RecvTimeoutError},
    },
    thread,
    time::Duration,
};

use squall_framework::{Error, Result};

use super::{source::Source, table::Table};

/// The table of a component, as long as one of its tasks has it.
#[derive(Debug, Default)]
pub(super) struct Shared(Mutex<Weak<Live>>);

/// A table that may be replaced while it is used.
#[derive(Debug)]
pub(super) struct Live {
    table: RwLock<Arc<Table>>,
    /// Counts the tables that there have been.
    version: AtomicU64,
    /// Dropped with the last task; the thread that reads again then ends.
    _alive: mpsc::Sender<()>,
}

impl Shared {
    /// The table; the first task that asks reads it, and others wait for that.
    ///
    /// # Errors
    /// It cannot be read; a retry can help.
    pub(super) fn get(&self, source: &Source, refresh: Option<Duration>) -> Result<Arc<Live>> {
        let mut shared = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(live) = shared.upgrade() {
            return Ok(live);
        }
        let table = load_aside(source)?;
        let (alive, gone) = mpsc::channel();
        let table = RwLock::new(Arc::new(table));
        let live = Arc::new(Live { table, version: AtomicU64::new(1), _alive: alive });
        *shared = Arc::downgrade(&live);
        if let Some(refresh) = refresh {
            let (source, live) = (source.clone(), Arc::downgrade(&live));
            let work = move || keep_fresh(&source, &live, &gone, refresh);
            thread::Builder::new().name("squall-lookup".into()).spawn(work)?;
        }
        Ok(live)
    }
}

/// On a thread of its own, because a database is asked by a runtime of its own.
fn load_aside(source: &Source) -> Result<Table> {
    let loaded = thread::scope(|scope| scope.spawn(|| source.load()).join());
    match loaded {
        Ok(table) => {
            table.map_err(|reason| Error::retry(format!("the table cannot be read: {reason}")))
        }
        Err(_) => Err(Error::retry("reading the table panicked")),
    }
}

fn keep_fresh(source: &Source, live: &Weak<Live>, gone: &mpsc::Receiver<()>, refresh: Duration) {
    while gone.recv_timeout(refresh) == Err(RecvTimeoutError::Timeout) {
        match source.load() {
            Ok(table) => {
                let Some(live) = live.upgrade() else { return };
                live.replace(table);
            }
            Err(error) => tracing::warn!(
                table = source.name(),
                error,
                "the table cannot be read again; the old one stays"
            ),
        }
    }
}

impl Live {
    fn replace(&self, table: Table) {
        *self.table.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(table);
        self.version.fetch_add(1, Ordering::Release);
    }

    /// The number of the table that is valid now: as long as it is the same, so is the table.
    #[inline]
    pub(super) fn version(&self) -> u64 {
        self.version.load(Ordering::Acquire)
    }

    pub(super) fn table(&self) -> Arc<Table> {
        self.table.read().unwrap_or_else(PoisonError::into_inner).clone()
    }
}
