//! How much of each segment is still needed.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};

use parking_lot::Mutex;

/// Live bytes by segment, of all queues together.
#[derive(Debug, Default)]
pub(crate) struct Usage {
    live: Mutex<BTreeMap<u32, u64>>,
    emptied: AtomicBool,
}

impl Usage {
    pub(crate) fn add(&self, segment: u32, bytes: u64) {
        *self.live.lock().entry(segment).or_default() += bytes;
    }

    pub(crate) fn sub(&self, segment: u32, bytes: u64) {
        if let Some(live) = self.live.lock().get_mut(&segment) {
            *live = live.saturating_sub(bytes);
            if *live == 0 {
                self.emptied.store(true, Ordering::Relaxed);
            }
        }
    }

    pub(crate) fn live(&self, segment: u32) -> u64 {
        self.live.lock().get(&segment).copied().unwrap_or(0)
    }

    /// Whether a segment has become empty since this was last asked.
    pub(crate) fn take_emptied(&self) -> bool {
        self.emptied.swap(false, Ordering::Relaxed)
    }

    pub(crate) fn forget(&self, segment: u32) {
        self.live.lock().remove(&segment);
    }
}
