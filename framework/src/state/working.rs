//! The states of one task: what is in memory of them, and what the epoch in hand has changed.
//!
//! A key on disk is a class, the key group, the place (the grouping's values) and the bolt's own
//! key. Everything that was changed since the last commit that is on disk stays in memory; what is
//! on disk may be dropped from memory and read again.

use std::{ops::Range, sync::Arc};

use hashbrown::{HashMap, hash_map::EntryRef};
use xxhash_rust::xxh3::xxh3_128;

use super::{
    bytes::Bytes,
    changes::{Change, Changes},
    group_of,
    hash::KeyHash,
    key::KEY_GROUPS,
    reader::StateReader,
    timers::Timers,
};
use crate::{
    error::{Error, Result},
    tuple::ValueRef,
};

/// The classes of keys on disk.
const VALUE: u8 = 0;
const TIMER: u8 = 1;
const MARK: u8 = 2;
/// The timer of a place is also kept as a value of this key, which no bolt can name: its encoding
/// begins with no tag of a value.
const TIMER_OF_PLACE: u8 = 0xFE;
/// A longer part of a key is kept as its hash.
const LONGEST: usize = 256;
const HASHED: u8 = 0xFF;
/// What an entry takes in memory besides its key and value, in bytes.
const OVERHEAD: usize = 96;

/// Which key groups are a task's own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Groups {
    pub(crate) index: usize,
    pub(crate) parallelism: usize,
}

impl Groups {
    /// The task that a group belongs to.
    pub(crate) fn task_of(group: u8, parallelism: usize) -> usize {
        (u64::from(group) * parallelism as u64 / KEY_GROUPS) as usize
    }

    /// The task's groups, which are neighbours.
    pub(crate) fn range(self) -> Range<u16> {
        let first = |task: usize| (task as u64 * KEY_GROUPS).div_ceil(self.parallelism as u64);
        first(self.index) as u16..first(self.index + 1) as u16
    }
}

struct Entry {
    /// Its key, to be shared with the list of changes.
    key: Arc<[u8]>,
    value: Option<Bytes>,
    /// Changed in the epoch in hand.
    dirty: bool,
    /// The last epoch in which it was changed; 0 for one that was only read.
    epoch: u64,
    used: bool,
}

/// How to take back one write of the call in hand.
enum Undo {
    Value(Arc<[u8]>, Option<Bytes>),
    Timer { place: Arc<[u8]>, old: Option<i64>, new: Option<i64> },
}

/// What is written down of a change.
struct Touched<'a> {
    dirty: &'a mut Vec<Arc<[u8]>>,
    undo: &'a mut Vec<Undo>,
    bytes: &'a mut usize,
}

impl Touched<'_> {
    fn set(self, entry: &mut Entry, value: Option<Bytes>, epoch: u64) {
        *self.bytes += value.as_ref().map_or(0, Bytes::heap);
        let old = std::mem::replace(&mut entry.value, value);
        *self.bytes -= old.as_ref().map_or(0, Bytes::heap).min(*self.bytes);
        if !std::mem::replace(&mut entry.dirty, true) {
            self.dirty.push(entry.key.clone());
        }
        entry.epoch = epoch;
        self.undo.push(Undo::Value(entry.key.clone(), old));
    }
}

pub(crate) struct Working {
    component: Arc<str>,
    groups: Groups,
    reader: Arc<dyn StateReader>,
    entries: HashMap<Arc<[u8]>, Entry, KeyHash>,
    /// Keys of dirty entries.
    dirty: Vec<Arc<[u8]>>,
    /// Whether memory has everything that is on disk, so that it need not be asked.
    complete: bool,
    /// Whether marks of tasks that are no more have been looked for.
    complete_marks: bool,
    bytes: usize,
    limit: usize,
    epoch: u64,
    timers: Timers,
    undo: Vec<Undo>,
    /// The class, group and place in hand, and after them the key.
    key: Vec<u8>,
    place: usize,
    scratch: Vec<u8>,
    /// For each input the columns of its grouping.
    columns: Vec<Vec<usize>>,
}

impl Working {
    /// The states as of the last commit. `columns` are those of each input's grouping; `limit` is
    /// how many bytes of what is on disk may be kept in memory.
    pub(crate) fn open(
        component: Arc<str>,
        groups: Groups,
        columns: Vec<Vec<usize>>,
        reader: Arc<dyn StateReader>,
        limit: usize,
    ) -> Result<Self> {
        let own = groups.range();
        let timers = Timers::load(&*reader, &component, own.clone())?;
        let first = [VALUE, own.start as u8];
        let complete =
            reader.range(&component, &first, &after_group(VALUE, own.end - 1), 1)?.is_empty();
        let mut working = Working {
            component,
            groups,
            reader,
            entries: HashMap::with_hasher(KeyHash::new()),
            dirty: Vec::new(),
            complete,
            complete_marks: false,
            bytes: 0,
            limit,
            epoch: 0,
            timers,
            undo: Vec::new(),
            key: Vec::new(),
            place: 0,
            scratch: Vec::new(),
            columns,
        };
        working.turn_to_place_of(&[]);
        Ok(working)
    }

    /// The epoch whose changes are made from now on.
    pub(crate) fn begin_epoch(&mut self, epoch: u64) {
        self.epoch = epoch;
    }

    /// A call begins: it works on the state of this row, which came by this input.
    #[inline]
    pub(crate) fn begin_row<'a>(&mut self, input: usize, at: impl Fn(usize) -> ValueRef<'a>) {
        self.undo.clear();
        self.scratch.clear();
        if let Some(columns) = self.columns.get(input) {
            columns.iter().for_each(|column| at(*column).encode(&mut self.scratch));
        }
        let scratch = std::mem::take(&mut self.scratch);
        self.turn_to_place_of(&scratch);
        self.scratch = scratch;
    }

    /// A call outside of any row begins.
    pub(crate) fn begin_call(&mut self) {
        self.undo.clear();
    }

    fn turn_to_place_of(&mut self, values: &[u8]) {
        self.key.clear();
        self.key.extend_from_slice(&[VALUE, group_of(values)]);
        if values.len() > LONGEST {
            self.key.push(HASHED);
            self.key.extend_from_slice(&xxh3_128(values).to_be_bytes());
        } else {
            self.key.extend_from_slice(values);
        }
        self.place = self.key.len();
    }

    pub(crate) fn place(&self) -> &[u8] {
        &self.key[1..self.place]
    }

    pub(crate) fn turn_to(&mut self, place: &[u8]) {
        self.key.clear();
        self.key.push(VALUE);
        self.key.extend_from_slice(place);
        self.place = self.key.len();
    }

    /// Completes the key in hand.
    fn set_key(&mut self, write: impl FnOnce(&mut Vec<u8>)) {
        self.key.truncate(self.place);
        write(&mut self.key);
        if self.key.len() - self.place > LONGEST {
            let hash = xxh3_128(&self.key[self.place..]);
            self.key.truncate(self.place);
            self.key.push(HASHED);
            self.key.extend_from_slice(&hash.to_be_bytes());
        }
    }

    pub(crate) fn read<R>(
        &mut self,
        key: impl FnOnce(&mut Vec<u8>),
        with: impl FnOnce(Option<&[u8]>) -> R,
    ) -> Result<R> {
        self.set_key(key);
        self.read_in_hand(with)
    }

    /// Reads the key in hand.
    fn read_in_hand<R>(&mut self, with: impl FnOnce(Option<&[u8]>) -> R) -> Result<R> {
        if self.complete {
            let entry = self.entries.get_mut(&self.key[..]);
            return Ok(with(entry.and_then(|entry| entry.value.as_ref()).map(Bytes::get)));
        }
        let (entry, _) = self.entry()?;
        Ok(with(entry.value.as_ref().map(Bytes::get)))
    }

    /// The entry of the key in hand, as memory or else the disk has it, and what is to be known of
    /// a change to it: the key if it is not in the list of changed ones.
    fn entry(&mut self) -> Result<(&mut Entry, Touched<'_>)> {
        let touched =
            Touched { dirty: &mut self.dirty, undo: &mut self.undo, bytes: &mut self.bytes };
        let entry = match self.entries.entry_ref(&self.key[..]) {
            EntryRef::Occupied(entry) => entry.into_mut(),
            EntryRef::Vacant(vacant) => {
                let value = match self.complete {
                    true => None,
                    false => self.reader.get(&self.component, &self.key).map_err(unreadable)?,
                };
                let value = value.as_deref().map(Bytes::new);
                let heap = value.as_ref().map_or(0, Bytes::heap);
                *touched.bytes += self.key.len() + heap + OVERHEAD;
                let key: Arc<[u8]> = self.key.as_slice().into();
                let entry = Entry { key: key.clone(), value, dirty: false, epoch: 0, used: true };
                vacant.insert_with_key(key, entry)
            }
        };
        entry.used = true;
        Ok((entry, touched))
    }

    pub(crate) fn write(
        &mut self,
        key: impl FnOnce(&mut Vec<u8>),
        value: Option<&[u8]>,
    ) -> Result<()> {
        self.set_key(key);
        self.write_in_hand(value)
    }

    /// Writes the key in hand.
    fn write_in_hand(&mut self, value: Option<&[u8]>) -> Result<()> {
        let epoch = self.epoch;
        let (entry, touched) = self.entry()?;
        if entry.value.as_ref().map(Bytes::get) != value {
            touched.set(entry, value.map(Bytes::new), epoch);
        }
        Ok(())
    }

    /// Changes the value of a key: `change` gets the one that is there, and writes the new one.
    pub(crate) fn update<R>(
        &mut self,
        key: impl FnOnce(&mut Vec<u8>),
        change: impl FnOnce(Option<&[u8]>, &mut Vec<u8>) -> Result<R>,
    ) -> Result<R> {
        self.set_key(key);
        let epoch = self.epoch;
        let mut new = std::mem::take(&mut self.scratch);
        new.clear();
        let (entry, touched) = self.entry()?;
        let changed = change(entry.value.as_ref().map(Bytes::get), &mut new);
        if changed.is_ok() {
            touched.set(entry, Some(Bytes::new(&new)), epoch);
        }
        self.scratch = new;
        changed
    }

    /// Takes back what the call in hand has written.
    pub(crate) fn roll_back(&mut self) {
        while let Some(undo) = self.undo.pop() {
            match undo {
                Undo::Value(key, old) => {
                    if let Some(entry) = self.entries.get_mut(&key) {
                        entry.value = old;
                    }
                }
                Undo::Timer { place, old, new } => {
                    self.timers.replace(&place, new, old);
                }
            }
        }
    }

    pub(crate) fn timer(&mut self) -> Result<Option<i64>> {
        self.read(
            |key| key.push(TIMER_OF_PLACE),
            |value| value.and_then(|value| value.try_into().ok()).map(i64::from_le_bytes),
        )
    }

    pub(crate) fn set_timer(&mut self, at: Option<i64>) -> Result<()> {
        let old = self.timer()?;
        if old == at {
            return Ok(());
        }
        let place: Arc<[u8]> = self.place().into();
        // The key in hand is still that of the timer.
        let bytes = at.map(i64::to_le_bytes);
        self.write_in_hand(bytes.as_ref().map(<[u8; 8]>::as_slice))?;
        for (at, value) in [(old, None), (at, Some(&[][..]))] {
            if let Some(at) = at {
                self.note_timer(at, &place, value)?;
            }
        }
        self.timers.replace(&place, old, at);
        self.undo.push(Undo::Timer { place, old, new: at });
        Ok(())
    }

    /// Writes the key by which a timer is found after a restart.
    fn note_timer(&mut self, at: i64, place: &[u8], value: Option<&[u8]>) -> Result<()> {
        let in_hand = std::mem::take(&mut self.key);
        Timers::key(TIMER, at, place, &mut self.key);
        if value.is_none() {
            self.know_in_hand();
        }
        let done = self.write_in_hand(value);
        self.key = in_hand;
        done
    }

    /// The key in hand is on disk, with whatever value: so it can be taken away.
    fn know_in_hand(&mut self) {
        if !self.entries.contains_key(&self.key[..]) {
            let key: Arc<[u8]> = self.key.as_slice().into();
            self.bytes += key.len() + OVERHEAD;
            let value = Some(Bytes::new(&[]));
            let known = Entry { key: key.clone(), value, dirty: false, epoch: 0, used: true };
            self.entries.insert(key, known);
        }
    }

    pub(crate) fn next_due(&mut self, up_to: i64) -> Result<Option<i64>> {
        self.undo.clear();
        let Some((at, place)) = self.timers.first(up_to) else { return Ok(None) };
        self.turn_to(&place);
        self.set_timer(None)?;
        Ok(Some(at))
    }

    pub(crate) fn mark(&mut self, name: &str) -> Result<Option<i64>> {
        let in_hand = std::mem::take(&mut self.key);
        self.key.extend_from_slice(&mark_key(name, self.groups.index as u32));
        let ours = self.entries.get(&self.key[..]).and_then(|entry| entry.value.clone());
        self.key = in_hand;
        if let Some(ours) = ours {
            return Ok(read_mark(ours.get()));
        }
        // After a restart; with another number of tasks the smallest is true for all.
        let all = self.marks_from(name, 0)?;
        let ours = mark_key(name, self.groups.index as u32);
        let own = all.iter().find(|(key, value)| *key == ours && self.is_of_now(value));
        Ok(match own {
            Some((_, value)) => read_mark(value),
            None if all.iter().all(|(_, value)| self.is_of_now(value)) => None,
            None => all.iter().filter_map(|(_, value)| read_mark(value)).min(),
        })
    }

    fn marks_from(&self, name: &str, task: u32) -> Result<Vec<(Vec<u8>, Vec<u8>)>> {
        let (from, to) = (mark_key(name, task), mark_key(name, u32::MAX));
        self.reader.range(&self.component, &from, &to, usize::MAX).map_err(unreadable)
    }

    /// Whether a mark was set with as many tasks as there are now.
    fn is_of_now(&self, mark: &[u8]) -> bool {
        mark.get(8..) == Some(&(self.groups.parallelism as u64).to_le_bytes()[..])
    }

    pub(crate) fn set_mark(&mut self, name: &str, value: i64) -> Result<()> {
        // The first task forgets those of tasks that are no more.
        let gone = match self.groups.index {
            0 if !self.complete_marks => self.marks_from(name, self.groups.parallelism as u32)?,
            _ => Vec::new(),
        };
        self.complete_marks = true;
        let in_hand = std::mem::take(&mut self.key);
        for (key, _) in gone {
            self.key = key;
            self.know_in_hand();
            self.write_in_hand(None)?;
        }
        self.key = mark_key(name, self.groups.index as u32);
        let value = [value.to_le_bytes(), (self.groups.parallelism as u64).to_le_bytes()];
        let done = self.write_in_hand(Some(value.as_flattened()));
        self.key = in_hand;
        done
    }

    /// Bytes of changes that the epoch in hand has made so far, roughly.
    pub(crate) fn changed(&self) -> usize {
        self.dirty.len() * OVERHEAD
    }

    /// Ends the epoch: gives what it has changed, and makes room in memory.
    pub(crate) fn freeze(&mut self) -> Changes {
        self.undo.clear();
        let mut changes: Vec<Change> = Vec::with_capacity(self.dirty.len());
        for key in self.dirty.drain(..) {
            if let Some(entry) = self.entries.get_mut(&key) {
                entry.dirty = false;
                changes.push((key, entry.value.as_ref().map(Bytes::share)));
            }
        }
        if self.bytes > self.limit {
            self.evict();
        }
        Changes { component: self.component.clone(), changes }
    }

    /// Drops from memory what can be read again, first what was not used since the last time.
    fn evict(&mut self) {
        let applied = self.reader.applied();
        for spare_used in [true, false] {
            let mut freed = 0;
            self.entries.retain(|key, entry| {
                let keep = entry.dirty || entry.epoch > applied || (spare_used && entry.used);
                entry.used = false;
                if !keep {
                    freed += key.len() + entry.value.as_ref().map_or(0, Bytes::heap) + OVERHEAD;
                }
                keep
            });
            self.bytes -= freed.min(self.bytes);
            if freed > 0 {
                self.complete = false;
            }
            // Down to three quarters, so that this is not done every time.
            if self.bytes <= self.limit / 4 * 3 {
                break;
            }
        }
    }
}

fn mark_key(name: &str, task: u32) -> Vec<u8> {
    let mut key = vec![MARK];
    key.extend_from_slice(name.as_bytes());
    key.push(0);
    key.extend_from_slice(&task.to_be_bytes());
    key
}

fn read_mark(value: &[u8]) -> Option<i64> {
    value.first_chunk::<8>().map(|bytes| i64::from_le_bytes(*bytes))
}

/// The first key behind those of this class and group.
pub(super) fn after_group(class: u8, group: u16) -> Vec<u8> {
    match u8::try_from(group + 1) {
        Ok(next) => vec![class, next],
        Err(_) => vec![class + 1],
    }
}

fn unreadable(error: Error) -> Error {
    error.context("the state cannot be read")
}
