//! How a store is opened.

use std::sync::Arc;

use squall_durable::{Disk, RealDisk};

use crate::clock::Clock;

/// Options of [`Store::open`](crate::Store::open).
#[derive(Clone)]
pub struct StoreOptions {
    /// Size of a segment file of the log, in bytes; allocated before it is used. 64 MiB.
    pub segment_bytes: u64,
    /// Whether a confirmation waits for the disk. Only a benchmark may say no.
    pub sync: bool,
    /// Below so many free bytes on the disk, sending is refused. 256 MiB.
    pub min_free: u64,
    /// Memory for the ledger's cache, in bytes. 64 MiB.
    pub ledger_cache: u64,
    /// After so many bytes of log the ledger is brought up to date; bounds what opening after
    /// a crash has to read. 64 MiB.
    pub checkpoint_bytes: u64,
    /// Where the time comes from.
    pub clock: Clock,
    /// Where the log's files are; tests put a failing disk here.
    pub disk: Arc<dyn Disk>,
    /// Whether there is a ledger at all. Without one, opening reads the whole log.
    pub ledger: bool,
}

impl Default for StoreOptions {
    fn default() -> Self {
        Self {
            segment_bytes: 64 << 20,
            sync: true,
            min_free: 256 << 20,
            ledger_cache: 64 << 20,
            checkpoint_bytes: 64 << 20,
            clock: Clock::system(),
            disk: Arc::new(RealDisk),
            ledger: true,
        }
    }
}

impl StoreOptions {
    /// For tests and examples: segments of 1 MiB, a ledger of little memory, and no reserve
    /// on the disk.
    #[must_use]
    pub fn small() -> Self {
        Self {
            segment_bytes: 1 << 20,
            min_free: 0,
            ledger_cache: 4 << 20,
            checkpoint_bytes: 4 << 20,
            ..Self::default()
        }
    }
}

impl std::fmt::Debug for StoreOptions {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("StoreOptions")
            .field("segment_bytes", &self.segment_bytes)
            .field("sync", &self.sync)
            .field("min_free", &self.min_free)
            .finish_non_exhaustive()
    }
}
