//! How much one task may have on its way to another.

#[cfg(all(test, feature = "loom"))]
use loom::sync::atomic::{AtomicBool, AtomicU64, Ordering::SeqCst};
#[cfg(not(all(test, feature = "loom")))]
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::SeqCst};

/// The credits of an edge. There is one sender, so what it finds free stays
/// free until it takes it.
#[derive(Debug)]
pub(crate) struct Credits {
    max_batches: u64,
    max_bytes: u64,
    batches: AtomicU64,
    bytes: AtomicU64,
    blocked: AtomicBool,
}

impl Credits {
    pub(crate) fn new(max_batches: u64, max_bytes: u64) -> Self {
        Credits {
            max_batches,
            max_bytes,
            batches: AtomicU64::new(0),
            bytes: AtomicU64::new(0),
            blocked: AtomicBool::new(false),
        }
    }

    /// Takes credit for one batch. A batch that is larger than the whole
    /// allowance passes when nothing else is on its way. After `false` the
    /// receiver will say when to try again.
    pub(crate) fn take(&self, bytes: u64) -> bool {
        if !self.free(bytes) {
            // A swap on both sides: whichever comes second sees what the
            // other did before it. Either the receiver finds the flag, or the
            // credits that came back before it could be found are seen here.
            self.blocked.swap(true, SeqCst);
            if !self.free(bytes) {
                return false;
            }
            self.blocked.store(false, SeqCst);
        }
        self.batches.fetch_add(1, SeqCst);
        self.bytes.fetch_add(bytes, SeqCst);
        true
    }

    /// Gives the credit of one batch back. True when the sender waits and must
    /// be woken: once half of the credits are free, for waking it for each
    /// batch costs more than the batch.
    pub(crate) fn give(&self, bytes: u64) -> bool {
        let bytes = self.bytes.fetch_sub(bytes, SeqCst) - bytes;
        let batches = self.batches.fetch_sub(1, SeqCst) - 1;
        let enough =
            batches == 0 || (batches <= self.max_batches / 2 && bytes <= self.max_bytes / 2);
        enough && self.blocked.swap(false, SeqCst)
    }

    /// Nothing is on its way any more, and nobody waits.
    pub(crate) fn reset(&self) {
        self.batches.store(0, SeqCst);
        self.bytes.store(0, SeqCst);
        self.blocked.store(false, SeqCst);
    }

    /// Whether so much is on its way that the receiver should begin.
    pub(crate) fn half_used(&self) -> bool {
        let (batches, bytes) = self.in_flight();
        batches * 2 >= self.max_batches || bytes * 2 >= self.max_bytes
    }

    /// How many batches and bytes are on their way.
    pub(crate) fn in_flight(&self) -> (u64, u64) {
        (self.batches.load(SeqCst), self.bytes.load(SeqCst))
    }

    fn free(&self, bytes: u64) -> bool {
        let (batches, used) = self.in_flight();
        batches == 0 || (batches < self.max_batches && used + bytes <= self.max_bytes)
    }
}
