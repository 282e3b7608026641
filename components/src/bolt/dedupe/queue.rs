//! The keys of one state in the order in which they came, so that they can be forgotten.
//!
//! A state can be asked for a key but not for all that it has. So each key also stands in a queue
//! of chunks, with the time until which it is known. The first chunk is gone through when all its
//! keys are due or, so that one with a time far ahead does not hold up the others for ever, when
//! one is overdue by as long as keys are remembered; those that are not due queue up again.

use squall_framework::{Error, MAX_STATE_VALUE, Result, State, ValueRef};

use crate::pack::{Reader, put_bytes, put_u64};

/// The key of the numbers of the first chunk and the one behind the last. The chunks' keys are
/// whole numbers from 0 on; those of the bolt's keys are bytes.
const ENDS: i64 = -1;

pub(super) struct Queue<'a> {
    state: &'a State,
    /// Microseconds.
    within: i64,
}

/// The first chunk and the one behind the last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
struct Ends {
    first: i64,
    next: i64,
}

impl<'a> Queue<'a> {
    /// The queue of the state in hand.
    pub(super) fn new(state: &'a State, within: i64) -> Self {
        Self { state, within }
    }

    /// Adds a key that is known until then.
    pub(super) fn push(&self, until: i64, key: &[u8]) -> Result<()> {
        let mut entry = until.to_le_bytes().to_vec();
        put_bytes(key, &mut entry);
        if entry.len() > MAX_STATE_VALUE {
            let length = key.len();
            return Err(Error::data(format!(
                "a key of {length} bytes is too long to be remembered"
            )));
        }
        let mut ends = self.ends()?;
        let last = (ends.next - 1).max(ends.first);
        let mut chunk =
            self.state.read(last, |chunk| chunk.map(<[u8]>::to_vec))?.unwrap_or_default();
        if chunk.len() + entry.len() <= MAX_STATE_VALUE {
            chunk.extend_from_slice(&entry);
            self.state.put_bytes(last, &chunk)?;
            ends.next = last + 1;
        } else {
            self.state.put_bytes(ends.next, &entry)?;
            ends.next += 1;
        }
        self.set_ends(ends)?;
        match self.state.timer()? {
            None => self.state.set_timer(Some(until)),
            // The first chunk may have a time far ahead.
            Some(at) if at > until.saturating_add(self.within) => {
                self.state.set_timer(Some(until.saturating_add(self.within)))
            }
            Some(_) => Ok(()),
        }
    }

    /// Forgets keys that are due, after the state's timer was, and sets it again.
    pub(super) fn forget(&self, up_to: i64) -> Result<()> {
        loop {
            let mut ends = self.ends()?;
            let chunk = self.state.read(ends.first, |chunk| chunk.map(<[u8]>::to_vec))?;
            let Some(chunk) = chunk else { return self.set_ends(Ends::default()) };
            let entries = entries(&chunk)?;
            let due = entries.iter().map(|(until, _)| *until);
            let (earliest, latest) = (due.clone().min(), due.max());
            let at = earliest.map(|at| at.saturating_add(self.within)).min(latest);
            if at.is_some_and(|at| at > up_to) {
                return self.state.set_timer(at);
            }
            self.state.delete(ends.first)?;
            ends.first += 1;
            ends.next = ends.next.max(ends.first);
            self.set_ends(ends)?;
            for (until, key) in entries {
                if until > up_to {
                    self.push(until, key)?;
                    continue;
                }
                // A key that was passed on anew has another place in the queue.
                let key = ValueRef::Bytes(key);
                let known_until = self.state.read(key, |until| until.and_then(read_time))?;
                if known_until == Some(until) {
                    self.state.delete(key)?;
                }
            }
        }
    }

    fn ends(&self) -> Result<Ends> {
        self.state.read(ENDS, |ends| match ends {
            None => Ok(Ends::default()),
            Some(ends) => {
                let mut reader = Reader(ends);
                Ok(Ends { first: reader.u64()? as i64, next: reader.u64()? as i64 })
            }
        })?
    }

    fn set_ends(&self, ends: Ends) -> Result<()> {
        if ends == Ends::default() {
            return self.state.delete(ENDS);
        }
        let mut bytes = Vec::with_capacity(4);
        put_u64(ends.first as u64, &mut bytes);
        put_u64(ends.next as u64, &mut bytes);
        self.state.put_bytes(ENDS, &bytes)
    }
}

fn entries(chunk: &[u8]) -> Result<Vec<(i64, &[u8])>> {
    let mut reader = Reader(chunk);
    let mut entries = Vec::new();
    while !reader.is_empty() {
        entries.push((reader.array().map(i64::from_le_bytes)?, reader.bytes()?));
    }
    Ok(entries)
}

pub(super) fn read_time(bytes: &[u8]) -> Option<i64> {
    bytes.try_into().ok().map(i64::from_le_bytes)
}
