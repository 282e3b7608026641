//! Giving disk space back.
//!
//! A segment goes when no queue needs a message in it. Its records go with it, so before that
//! every queue that may have records there writes a snapshot of what they say to the end of the
//! log: a rebuild from the log alone never brings a settled message back. A segment of which
//! less than an eighth is needed is emptied by copying that to the end, and a snapshot of the
//! queue follows, since records about what was copied lie before it.

use std::sync::Arc;

use squall_durable::{FrameHead, Place};

use crate::cell::Cell;
use crate::checkpoint::key;
use crate::error::Result;
use crate::payload::{Meta, put_message};
use crate::reader;
use crate::record::{CONTINUED, CONTROL, COPY, DELAYED, MESSAGES, Record, SNAPSHOT};
use crate::replay;
use crate::state::{Block, Part, Pick};
use crate::writer::{Effect, Writer, error_of};

const SNAPSHOT_FRAME: usize = 60 << 10;

impl Writer {
    /// Looks for segments to give back when one has become empty or a new one was begun.
    pub(crate) fn tidy(&mut self) {
        let current = self.appender.end().segment;
        let emptied = self.shared.usage.take_emptied();
        if (!emptied && current == self.tidied) || self.shared.stopped.lock().is_some() {
            return;
        }
        self.tidied = current;
        if let Err(error) = self.give_back(current) {
            tracing::warn!(folder = %self.shared.folder.display(), %error, "disk space could not be given back; it will be tried again");
        }
    }

    fn give_back(&mut self, current: u32) -> Result<()> {
        let sealed: Vec<(u32, u64)> = self
            .shared
            .log
            .segments()
            .into_iter()
            .filter(|(number, _)| *number < current)
            .collect();
        for &(segment, len) in &sealed {
            let live = self.shared.usage.live(segment);
            if live > 0 && live < len / 8 {
                self.copy_forward(segment)?;
            }
        }
        let empty: Vec<u32> = sealed
            .iter()
            .map(|s| s.0)
            .filter(|&segment| self.shared.usage.live(segment) == 0)
            .collect();
        let Some(&last) = empty.last() else { return Ok(()) };
        self.snapshot_queues(last)?;
        for segment in empty {
            self.shared.log.remove(segment).map_err(error_of)?;
            self.shared.usage.forget(segment);
        }
        Ok(())
    }

    /// Repeats at the end of the log what the records up to `last` say.
    fn snapshot_queues(&mut self, last: u32) -> Result<()> {
        for cell in self.shared.cells() {
            let bytes = {
                let mut state = cell.look();
                if state.deleted || state.first_control > last {
                    continue;
                }
                // What is written from here on is in this segment or a later one.
                state.first_control = self.appender.end().segment;
                state.encode_snapshot()
            };
            drop(cell.change());
            let time = self.shared.now();
            let frames = bytes.len().div_ceil(SNAPSHOT_FRAME);
            for (index, part) in bytes.chunks(SNAPSHOT_FRAME).enumerate() {
                let flags = if index + 1 < frames { CONTINUED } else { 0 };
                let head = FrameHead {
                    kind: SNAPSHOT,
                    flags,
                    owner: cell.id,
                    count: 1,
                    time,
                    first: index as u64,
                    ..FrameHead::default()
                };
                self.appender.push(&head, &[part]).map_err(|e| self.no_room(e))?;
            }
        }
        let oldest = self.shared.log.segments().first().map_or(0, |s| s.0);
        let mut catalogue = self.shared.catalogue.write();
        let forgotten: Vec<u32> = catalogue
            .tombstones
            .iter()
            .filter(|(_, t)| t.last_segment < oldest)
            .map(|(&id, _)| id)
            .collect();
        for id in forgotten {
            catalogue.tombstones.remove(&id);
            self.shared.forgotten.lock().push(key(b'X', id, &[]));
        }
        let old: Vec<u32> = catalogue
            .tombstones
            .iter()
            .filter(|(_, t)| t.recorded <= last)
            .map(|(&id, _)| id)
            .collect();
        for queue in old {
            let head = FrameHead {
                kind: CONTROL,
                count: 1,
                time: self.shared.now(),
                ..FrameHead::default()
            };
            let place = self
                .appender
                .push(&head, &[&Record::Delete { queue }.encoded()])
                .map_err(error_of)?;
            if let Some(tombstone) = catalogue.tombstones.get_mut(&queue) {
                tombstone.recorded = place.segment;
            }
        }
        drop(catalogue);
        self.appender.flush(self.shared.options.sync).map_err(error_of)
    }

    fn copy_forward(&mut self, segment: u32) -> Result<()> {
        let mut effects = Vec::new();
        for cell in self.shared.cells() {
            let (blocks, delayed) = {
                let state = cell.look();
                let blocks: Vec<Block> =
                    state.blocks.iter().filter(|b| b.segment == segment).copied().collect();
                let delayed: Vec<_> =
                    state.delayed.values().filter(|d| d.segment == segment).copied().collect();
                (blocks, delayed)
            };
            if !blocks.is_empty() || !delayed.is_empty() {
                // What the log says of them so far comes before the copies, where who reads the log
                // alone does not know them yet; so a snapshot has to say it behind.
                let mut state = cell.change();
                state.first_control = state.first_control.min(segment);
            }
            for block in blocks {
                if let Some(payload) = self.repack(&cell, &block)? {
                    let head = FrameHead {
                        kind: MESSAGES,
                        count: block.count,
                        first: block.first,
                        time: block.time,
                        ..FrameHead::default()
                    };
                    effects.push(self.push_copy(&cell, head, &payload, 0)?);
                }
            }
            for frame in delayed {
                let place = Place { segment, at: u64::from(frame.at) };
                let read = self.shared.log.read_frames(place, frame.len as usize, cell.id);
                let (data, frames, _) =
                    read.map_err(|e| crate::Error::io("cannot read the log", &e))?;
                if let Some((head, at)) = frames.into_iter().find(|(head, _)| head.kind == DELAYED)
                {
                    // The records stay behind; the queue's snapshot says what they said.
                    let payload = reader::messages(&head, &data[at..at + head.length as usize])?;
                    effects.push(self.push_copy(&cell, head, payload, frame.due_ms)?);
                }
            }
        }
        self.appender.flush(self.shared.options.sync).map_err(error_of)?;
        self.apply(effects).call();
        Ok(())
    }

    fn push_copy(
        &mut self,
        cell: &Arc<Cell>,
        mut head: FrameHead,
        payload: &[u8],
        due_ms: u64,
    ) -> Result<Effect> {
        (head.owner, head.flags) = (cell.id, COPY);
        let place = self.appender.push(&head, &[payload]).map_err(|e| self.no_room(e))?;
        head.length = payload.len() as u32;
        debug_assert!(due_ms > 0 || head.kind == MESSAGES || replay::earliest(&head, payload) == 0);
        Ok(Effect { cell: Arc::clone(cell), place, head, due_ms, records: Vec::new() })
    }

    /// The messages of a block as one payload; `None` when some of them are damaged, and the
    /// block stays where it is.
    fn repack(&self, cell: &Cell, block: &Block) -> Result<Option<Vec<u8>>> {
        let parts = vec![Part { range: block.first..block.end(), attempt: 0 }];
        let Some(read) = reader::read(&self.shared, cell.id, &Pick { block: *block, parts })?
        else {
            return Ok(None);
        };
        if !read.lost.is_empty() {
            return Ok(None);
        }
        let mut payload = Vec::with_capacity(block.bytes as usize);
        for entry in &read.frame.entries {
            let mut meta: Meta = read.frame.meta(entry);
            if entry.enqueued_ms != block.time && meta.enqueued_ms.is_none() {
                meta.enqueued_ms = Some(entry.enqueued_ms);
            }
            put_message(&mut payload, &meta, read.frame.raw(entry.body));
        }
        Ok((payload.len() <= squall_durable::MAX_PAYLOAD).then_some(payload))
    }
}
