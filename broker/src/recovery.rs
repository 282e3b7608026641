//! Opening: what the ledger has, and then what the log says from there on.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use squall_durable::{FrameHead, Place, ScanEnd};

use crate::cell::Cell;
use crate::codec::{Malformed, Reader};
use crate::error::{Error, Result};
use crate::ledger::{Entries, Meta};
use crate::reader;
use crate::record::{CONTINUED, CONTROL, DELAYED, MESSAGES, Record, SNAPSHOT};
use crate::replay;
use crate::shared::{Catalogue, Shared, Tombstone};
use crate::state::{Delayed, Group, Open, QueueState, decode_page};
use crate::writer::error_of;

/// Builds the state of all queues.
pub(crate) struct Recovery<'a> {
    shared: &'a Shared,
    queues: HashMap<u32, QueueState>,
    tombstones: BTreeMap<u32, Tombstone>,
    next_id: u32,
    clock_ms: u64,
    /// Snapshots of which the end has not come yet.
    partial: HashMap<u32, Vec<u8>>,
    complaints: Vec<String>,
}

/// Reads ledger and log into `shared`, and says where the log ends and whether the ledger was
/// of use.
pub(crate) fn recover(shared: &Shared, found: Option<(Meta, Entries)>) -> Result<(ScanEnd, bool)> {
    let mut trusted = true;
    let mut recovery = Recovery {
        shared,
        queues: HashMap::new(),
        tombstones: BTreeMap::new(),
        next_id: 1,
        clock_ms: 0,
        partial: HashMap::new(),
        complaints: Vec::new(),
    };
    let mut from = Place::default();
    if let Some((meta, entries)) = found {
        (from, recovery.next_id, recovery.clock_ms) =
            (meta.place, meta.next_queue.max(1), meta.clock_ms);
        if recovery.load(entries).is_err() {
            // Its hashes were right, so another version wrote it; the log knows as well.
            recovery.complaints.push(
                "the ledger has entries that are not understood; rebuilt from the log".into(),
            );
            trusted = false;
            (recovery.queues, recovery.tombstones, from) =
                (HashMap::new(), BTreeMap::new(), Place::default());
        }
    }
    let end = shared.log.scan(from, |place, head, payload| {
        recovery.frame(place, head, payload);
        Ok::<_, squall_durable::LogError>(())
    });
    let end = end.map_err(error_of)?;
    for damage in &end.damage {
        shared.report(damage.to_string());
    }
    recovery.finish();
    Ok((end, trusted))
}

impl Recovery<'_> {
    fn load(&mut self, entries: Entries) -> Result<(), Malformed> {
        // Headers of queues and groups come after what belongs to them in the order of keys.
        let (first, rest): (Vec<_>, Vec<_>) =
            entries.into_iter().partition(|(key, _)| matches!(key.first(), Some(b'Q' | b'X')));
        let (second, rest): (Vec<_>, Vec<_>) =
            rest.into_iter().partition(|(key, _)| key.first() == Some(&b'G'));
        for (key, value) in first.into_iter().chain(second).chain(rest) {
            let (letter, id, numbers) = split_key(&key)?;
            let mut from = Reader(&value);
            if letter == b'Q' {
                let header = QueueState::decode_header(&value)?;
                self.create(id, &header.name.clone()).load_header(header);
                continue;
            }
            if letter == b'X' {
                let mut number =
                    || from.take(4).map(|b| u32::from_le_bytes([b[0], b[1], b[2], b[3]]));
                self.tombstones
                    .insert(id, Tombstone { last_segment: number()?, recorded: number()? });
                continue;
            }
            let state = self.queues.get_mut(&id).ok_or(Malformed)?;
            match (letter, numbers.as_slice()) {
                (b'G', _) => {
                    let group = Group::decode_header(&value)?;
                    state.groups.insert(group.id, group);
                }
                (b'O', [group, _]) => {
                    let group = u32::try_from(*group).map_err(|_| Malformed)?;
                    let group = state.groups.get_mut(&group).ok_or(Malformed)?;
                    group.restore_open(Open::decode(&value)?);
                }
                (b'B', [page]) => state.load_page(*page, decode_page(&value)?),
                (b'D', [first]) => state.load_delayed(*first, Delayed::decode(&value)?),
                _ => return Err(Malformed),
            }
        }
        for state in self.queues.values_mut() {
            state.blocks.dirty.clear();
            state.groups.values_mut().for_each(|group| group.dirty.clear());
        }
        Ok(())
    }

    fn create(&mut self, id: u32, name: &str) -> &mut QueueState {
        self.next_id = self.next_id.max(id + 1);
        let usage = Arc::clone(&self.shared.usage);
        self.queues.entry(id).or_insert_with(|| {
            QueueState::new(id, name, 0, crate::QueueAttributes::default(), usage)
        })
    }

    /// A queue that the log has frames of: if its creation is lost to damage, it is given a name.
    fn queue(&mut self, id: u32) -> Option<&mut QueueState> {
        if self.tombstones.contains_key(&id) {
            return None;
        }
        if !self.queues.contains_key(&id) {
            let name = format!("recovered-{id}");
            self.create(id, &name).uuid = fresh_uuid();
        }
        self.queues.get_mut(&id)
    }

    fn frame(&mut self, place: Place, head: &FrameHead, payload: &[u8]) {
        self.clock_ms = self.clock_ms.max(head.time);
        match head.kind {
            MESSAGES | DELAYED => {
                match reader::records(head, payload)
                    .map(|records| self.records(place, head.time, records))
                {
                    Ok(true) => {}
                    Ok(false) | Err(Malformed) => self.complain(place),
                }
                if let Some(state) = self.queue(head.owner) {
                    if head.kind == MESSAGES {
                        state.add(place, head, head.time);
                    } else {
                        state.add_delayed(place, head, replay::earliest(head, payload));
                    }
                }
            }
            CONTROL => {
                if !self.records(place, head.time, payload) {
                    self.complain(place);
                }
            }
            SNAPSHOT => self.snapshot(place, head, payload),
            _ => self.complain(place),
        }
    }

    fn records(&mut self, place: Place, time: u64, bytes: &[u8]) -> bool {
        let mut from = Reader(bytes);
        while !from.is_empty() {
            match Record::decode(&mut from) {
                Ok(record) => self.record(place, time, &record),
                Err(Malformed) => return false,
            }
        }
        true
    }

    fn record(&mut self, place: Place, time: u64, record: &Record) {
        let id = record.queue();
        match record {
            Record::Create { name, uuid, attributes, .. } => {
                if self.tombstones.contains_key(&id) {
                    return;
                }
                let known = self.queues.contains_key(&id);
                let state = self.create(id, name);
                // A frame may have come first, where the creation was damaged and a snapshot is later.
                if !known || state.name.starts_with("recovered-") {
                    (state.name, state.uuid) = (name.clone(), *uuid);
                    if let Ok(attributes) = crate::QueueAttributes::decode(attributes) {
                        state.attributes = attributes;
                    }
                }
                state.first_control = state.first_control.min(place.segment);
            }
            Record::Delete { .. } => {
                if let Some(mut state) = self.queues.remove(&id) {
                    self.shared.forgotten.lock().extend(crate::checkpoint::all_keys(&state));
                    state.clear();
                }
                self.next_id = self.next_id.max(id + 1);
                let tombstone = Tombstone { last_segment: place.segment, recorded: place.segment };
                let known = self.tombstones.entry(id).or_insert(tombstone);
                known.recorded = place.segment;
            }
            _ => {
                if let Some(state) = self.queue(id) {
                    state.first_control = state.first_control.min(place.segment);
                    replay::apply(state, record, time);
                }
            }
        }
    }

    fn snapshot(&mut self, place: Place, head: &FrameHead, payload: &[u8]) {
        let parts = self.partial.entry(head.owner).or_default();
        if head.first == 0 {
            parts.clear();
        }
        parts.extend_from_slice(payload);
        if head.flags & CONTINUED != 0 {
            return;
        }
        let bytes = self.partial.remove(&head.owner).unwrap_or_default();
        let Some(state) = self.queue(head.owner) else { return };
        if state.load_snapshot(&bytes, head.time).is_err() {
            self.complain(place);
        } else {
            state.first_control = place.segment;
        }
    }

    fn complain(&mut self, place: Place) {
        let path = self.shared.log.path(place.segment);
        self.complaints.push(format!(
            "{} has a frame at byte {} that is not understood; passed over",
            path.display(),
            place.at
        ));
    }

    /// Nobody holds anything any more, and what is settled goes.
    fn finish(mut self) {
        let now = self.shared.options.clock.seen(self.clock_ms);
        let mut catalogue = Catalogue {
            next_id: self.next_id,
            tombstones: self.tombstones,
            ..Catalogue::default()
        };
        for (id, mut state) in self.queues.drain() {
            let missing: Vec<u64> = state
                .blocks
                .iter()
                .filter(|b| !self.shared.log.has(b.segment))
                .map(|b| b.first)
                .collect();
            for first in missing {
                state.free(first);
            }
            for first in state
                .delayed
                .iter()
                .filter(|(_, d)| !self.shared.log.has(d.segment))
                .map(|(&f, _)| f)
                .collect::<Vec<_>>()
            {
                state.fired(first, u64::MAX, u32::MAX, u64::MAX);
            }
            let blocks = &state.blocks;
            for group in state.groups.values_mut() {
                group.reconcile(blocks);
                group.release(false);
            }
            let firsts: Vec<u64> = state.blocks.iter().map(|b| b.first).collect();
            state.retire(&firsts, now);
            if catalogue.by_name.contains_key(&state.name) {
                state.name = format!("{}-{id}", state.name);
            }
            self.shared.schedule(&mut state);
            let cell = Cell::new(state);
            catalogue.by_name.insert(cell.name.clone(), Arc::clone(&cell));
            catalogue.by_id.insert(id, cell);
        }
        *self.shared.catalogue.write() = catalogue;
        for complaint in self.complaints {
            self.shared.report(complaint);
        }
    }
}

impl Group {
    /// Fits what is open to the blocks that there are: a rebuild may have cut them otherwise.
    fn reconcile(&mut self, blocks: &crate::state::Blocks) {
        let odd: Vec<u64> = self
            .open
            .values()
            .filter(|open| {
                let same = |b: &crate::state::Block| (b.first, b.count) == (open.first, open.count);
                !blocks.holding(open.first).is_some_and(same)
                    || (open.left == 0 && self.cursor >= open.end())
            })
            .map(|open| open.first)
            .collect();
        let mut old = BTreeMap::new();
        for first in odd {
            old.extend(self.open.get(&first).cloned().map(|open| (first, open)));
            self.close(first);
        }
        let overlapping = |open: &Open| {
            blocks
                .iter_from(open.first)
                .take_while(|b| b.first < open.end())
                .copied()
                .collect::<Vec<_>>()
        };
        for block in old.values().flat_map(overlapping).collect::<Vec<_>>() {
            if self.open.contains_key(&block.first) {
                continue;
            }
            let mut open = Open::new(block.first, block.count);
            for offset in block.first..block.end() {
                let at = open.index(offset);
                match old.range(..=offset).next_back().filter(|(_, old)| offset < old.end()) {
                    Some((_, old)) if old.is_settled(old.index(offset)) => {
                        open.settle(at, at + 1);
                    }
                    Some((_, old)) => {
                        if let Some(run) = old.run(old.index(offset)) {
                            open.mark(at, at + 1, run.attempts, run.visible_ms);
                        }
                    }
                    None if offset < self.cursor => {
                        open.settle(at, at + 1);
                    }
                    None => {}
                }
            }
            if open.left > 0 || open.end() > self.cursor {
                self.restore_open(open);
            }
        }
    }
}

fn split_key(key: &[u8]) -> Result<(u8, u32, Vec<u64>), Malformed> {
    let mut from = Reader(key);
    let letter = from.u8()?;
    let id = from.take(4)?;
    let id = u32::from_be_bytes([id[0], id[1], id[2], id[3]]);
    let mut numbers = Vec::new();
    while !from.is_empty() {
        numbers.push(u64::from_be_bytes(from.take(8)?.try_into().map_err(|_| Malformed)?));
    }
    Ok((letter, id, numbers))
}

pub(crate) fn fresh_uuid() -> u128 {
    fastrand::u128(1..)
}

impl From<squall_durable::LockError> for Error {
    fn from(error: squall_durable::LockError) -> Self {
        match error {
            squall_durable::LockError::Held { folder, holder } => {
                Self::Locked { path: folder, holder }
            }
            squall_durable::LockError::Io { folder, source } => {
                Self::io(format!("cannot lock {}", folder.display()), &source)
            }
        }
    }
}
