//! Bringing the ledger up to date with what has changed.

use std::sync::mpsc;
use std::thread;

use crate::error::Result;
use crate::ledger::{Changes, Ledger, Meta};
use crate::shared::Tombstone;
use crate::state::{Group, QueueState, encode_page};
use crate::writer::Writer;

impl Writer {
    /// Hands everything that changed to the ledger's thread. Between two group commits, so the
    /// ledger has all messages up to this place in the log and none beyond.
    pub(crate) fn checkpoint(&mut self, wait: bool) {
        self.behind = 0;
        let Some(ledger) = &self.ledger else { return };
        // The place must be on disk: a ledger that is ahead of the log would leave a hole in it.
        if self.appender.flush(self.shared.options.sync).is_err() {
            return;
        }
        let mut changes: Changes = std::mem::take(&mut *self.shared.forgotten.lock())
            .into_iter()
            .map(|key| (key, None))
            .collect();
        for cell in self.shared.cells() {
            if let Some(mut state) = cell.take_dirty() {
                changed(&mut state, &mut changes);
            }
        }
        let (next_queue, gone) = {
            let catalogue = self.shared.catalogue.read();
            (catalogue.next_id, catalogue.tombstones.clone())
        };
        for (id, tombstone) in gone {
            changes.push((key(b'X', id, &[]), Some(encode_tombstone(tombstone))));
        }
        let meta = Meta {
            place: self.appender.end(),
            clock_ms: self.shared.now(),
            next_queue,
            nonce: self.shared.log.nonce(),
        };
        let sent = ledger.send((changes, meta));
        if sent.is_err() {
            self.shared.report("the ledger can no longer be written; the log is intact, and opening the store again reads it".into());
            self.ledger = None;
        } else if wait {
            // The thread takes the next one only when it is done with this one, and ends then.
            self.ledger = None;
        }
    }
}

/// What has changed in a queue since this was last asked.
fn changed(state: &mut QueueState, to: &mut Changes) {
    let id = state.id;
    if state.deleted {
        return;
    }
    to.extend(std::mem::take(&mut state.forgotten).into_iter().map(|key| (key, None)));
    to.push((key(b'Q', id, &[]), Some(state.encode_header())));
    for page in std::mem::take(&mut state.blocks.dirty) {
        to.push((key(b'B', id, &[page]), state.blocks.page(page).map(encode_page)));
    }
    for first in std::mem::take(&mut state.delayed_dirty) {
        to.push((
            key(b'D', id, &[first]),
            state.delayed.get(&first).map(crate::state::Delayed::encode),
        ));
    }
    for group in state.groups.values_mut() {
        to.push((key(b'G', id, &[u64::from(group.id)]), Some(group.encode_header())));
        for first in std::mem::take(&mut group.dirty) {
            let open = group.open.get(&first).map(crate::state::Open::encode);
            to.push((key(b'O', id, &[u64::from(group.id), first]), open));
        }
    }
}

pub(crate) fn key(letter: u8, queue: u32, numbers: &[u64]) -> Vec<u8> {
    let mut key = vec![letter];
    key.extend_from_slice(&queue.to_be_bytes());
    numbers.iter().for_each(|number| key.extend_from_slice(&number.to_be_bytes()));
    key
}

pub(crate) fn encode_tombstone(tombstone: Tombstone) -> Vec<u8> {
    let mut to = tombstone.last_segment.to_le_bytes().to_vec();
    to.extend_from_slice(&tombstone.recorded.to_le_bytes());
    to
}

/// Where a writer hands changes to, and the thread that takes them.
pub(crate) type LedgerThread = (mpsc::SyncSender<(Changes, Meta)>, thread::JoinHandle<()>);

/// The ledger's own thread: sled is never waited for by those who send.
pub(crate) fn start(mut ledger: Ledger) -> Result<LedgerThread> {
    let (sender, receiver) = mpsc::sync_channel::<(Changes, Meta)>(1);
    let run = move || {
        for (changes, meta) in receiver {
            if let Err(error) = ledger.apply(changes, &meta) {
                tracing::error!(%error, "the ledger could not be written");
                return;
            }
        }
    };
    let thread = thread::Builder::new().name("squall-ledger".into()).spawn(run);
    let thread = thread.map_err(|e| crate::Error::io("cannot start a thread", &e))?;
    Ok((sender, thread))
}

/// All keys that the ledger may have of a queue.
pub(crate) fn all_keys(state: &QueueState) -> Vec<Vec<u8>> {
    let id = state.id;
    let mut keys = vec![key(b'Q', id, &[])];
    keys.extend(state.forgotten.iter().cloned());
    keys.extend(
        state
            .blocks
            .pages()
            .chain(state.blocks.dirty.iter().copied())
            .map(|page| key(b'B', id, &[page])),
    );
    keys.extend(
        state.delayed.keys().chain(&state.delayed_dirty).map(|first| key(b'D', id, &[*first])),
    );
    state.groups.values().for_each(|group| keys.extend(group_keys(id, group)));
    keys
}

/// All keys that the ledger may have of a group.
pub(crate) fn group_keys(queue: u32, group: &Group) -> Vec<Vec<u8>> {
    let number = u64::from(group.id);
    let open =
        group.open.keys().chain(&group.dirty).map(|first| key(b'O', queue, &[number, *first]));
    open.chain([key(b'G', queue, &[number])]).collect()
}
