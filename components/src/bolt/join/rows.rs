//! The rows of one key that a join remembers: for each side a list of chunks, each a value in the
//! state.
//!
//! A chunk begins with the earliest time of its rows. A row is its time, its flags, its length and
//! its values. Chunks are numbered on; one whose rows are all forgotten is gone.

use squall_framework::{Error, MAX_STATE_VALUE, Result, State};

use crate::pack::{Reader, broken, put_u64};

/// The row has found a partner.
pub(super) const MATCHED: u8 = 1;
/// The row was emitted as one that has none.
pub(super) const TOLD: u8 = 2;

/// The key of both sides' heads; the keys of chunks are the side and a number.
const HEADS: &str = "heads";
/// The time, the flags and the length before a row's values.
const ROW_HEAD: usize = 8 + 1 + 2;
const CHUNK_HEAD: usize = 8;
/// The most bytes of values in a row.
const LONGEST: usize = MAX_STATE_VALUE - CHUNK_HEAD - ROW_HEAD;

/// Which chunks a side has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Head {
    /// The first that may be there.
    pub(super) first: u64,
    /// The one behind the last.
    pub(super) next: u64,
    /// How many of those between are there.
    pub(super) live: u64,
}

/// A row in a chunk.
#[derive(Debug, Clone, Copy)]
pub(super) struct Row<'a> {
    /// Where in the chunk its flags are.
    pub(super) flags_at: usize,
    pub(super) time: i64,
    pub(super) flags: u8,
    pub(super) values: &'a [u8],
}

/// The key in the state of a chunk.
pub(super) fn chunk_key(side: usize, number: u64) -> (i64, i64) {
    (side as i64, number as i64)
}

pub(super) fn heads(state: &State) -> Result<[Head; 2]> {
    state.read(HEADS, |bytes| {
        let mut heads = [Head::default(); 2];
        let Some(bytes) = bytes else { return Ok(heads) };
        let mut reader = Reader(bytes);
        for head in &mut heads {
            *head = Head { first: reader.u64()?, next: reader.u64()?, live: reader.u64()? };
        }
        Ok(heads)
    })?
}

pub(super) fn put_heads(state: &State, heads: &[Head; 2]) -> Result<()> {
    if heads.iter().all(|head| head.live == 0) {
        return state.delete(HEADS);
    }
    let mut bytes = Vec::with_capacity(8);
    for head in heads {
        [head.first, head.next, head.live].iter().for_each(|n| put_u64(*n, &mut bytes));
    }
    state.put_bytes(HEADS, &bytes)
}

/// The rows of a chunk.
pub(super) fn rows(chunk: &[u8]) -> impl Iterator<Item = Result<Row<'_>>> {
    let mut reader = Reader(chunk.get(CHUNK_HEAD..).unwrap_or_default());
    let total = chunk.len();
    std::iter::from_fn(move || {
        if reader.is_empty() {
            return None;
        }
        let at = total - reader.0.len();
        Some((|| {
            let time = i64::from_le_bytes(reader.array()?);
            let flags = reader.byte()?;
            let length = usize::from(u16::from_le_bytes(reader.array()?));
            let (values, rest) = reader.0.split_at_checked(length).ok_or_else(broken)?;
            reader.0 = rest;
            Ok(Row { flags_at: at + 8, time, flags, values })
        })())
    })
}

/// The earliest time in a chunk.
pub(super) fn earliest(chunk: &[u8]) -> Result<i64> {
    Reader(chunk).array().map(i64::from_le_bytes)
}

/// Refuses a row that no chunk can hold.
pub(super) fn check_length(values: &[u8]) -> Result<()> {
    if values.len() > LONGEST {
        return Err(Error::data(format!(
            "the tuple takes {} bytes, and {LONGEST} are the most that a join remembers of one; \
             leave out what is long, with `fields` or before the join",
            values.len()
        )));
    }
    Ok(())
}

/// A chunk in the making.
#[derive(Debug, Default)]
pub(super) struct Chunk(pub(super) Vec<u8>);

impl Chunk {
    pub(super) fn clear(&mut self) {
        self.0.clear();
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.len() <= CHUNK_HEAD
    }

    /// False, and nothing is done, when there is no room.
    pub(super) fn push(&mut self, time: i64, flags: u8, values: &[u8]) -> bool {
        let chunk = &mut self.0;
        if chunk.len() < CHUNK_HEAD {
            chunk.clear();
            chunk.extend_from_slice(&i64::MAX.to_le_bytes());
        }
        if chunk.len() + ROW_HEAD + values.len() > MAX_STATE_VALUE {
            return false;
        }
        if earliest(chunk).is_ok_and(|earliest| time < earliest) {
            chunk[..CHUNK_HEAD].copy_from_slice(&time.to_le_bytes());
        }
        chunk.extend_from_slice(&time.to_le_bytes());
        chunk.push(flags);
        // A row that fits into a chunk has a length that fits.
        chunk.extend_from_slice(&(values.len() as u16).to_le_bytes());
        chunk.extend_from_slice(values);
        true
    }

    /// Sets a flag of a row that was read from a chunk like this one.
    pub(super) fn flag(&mut self, flags_at: usize, flag: u8) {
        if let Some(flags) = self.0.get_mut(flags_at) {
            *flags |= flag;
        }
    }
}

impl Head {
    /// Adds a row behind all others of the side in hand; `chunk` is for scratch.
    pub(super) fn push(
        &mut self,
        state: &State,
        side: usize,
        (time, flags, values): (i64, u8, &[u8]),
        chunk: &mut Chunk,
    ) -> Result<()> {
        chunk.clear();
        if self.next > self.first {
            let last = self.next - 1;
            state.read(chunk_key(side, last), |bytes| {
                chunk.0.extend_from_slice(bytes.unwrap_or_default());
            })?;
            if !chunk.is_empty() && chunk.push(time, flags, values) {
                return state.put_bytes(chunk_key(side, last), &chunk.0);
            }
            chunk.clear();
        }
        chunk.push(time, flags, values);
        state.put_bytes(chunk_key(side, self.next), &chunk.0)?;
        self.next += 1;
        self.live += 1;
        Ok(())
    }

    /// After chunks were taken away: starts behind the holes at the front, and at 0 again when
    /// nothing is left.
    pub(super) fn trim(&mut self, first_live: Option<u64>) {
        match first_live {
            Some(first) => self.first = first,
            None => *self = Head::default(),
        }
    }

    /// Whether there are so many holes that the chunks should be numbered anew.
    pub(super) fn is_sparse(&self) -> bool {
        self.next - self.first > 2 * self.live + 8
    }

    /// Numbers the chunks anew, without holes.
    pub(super) fn renumber(&mut self, state: &State, side: usize) -> Result<()> {
        let mut to = self.first;
        for from in self.first..self.next {
            let chunk = state.read(chunk_key(side, from), |chunk| chunk.map(<[u8]>::to_vec))?;
            let Some(chunk) = chunk else { continue };
            if from != to {
                state.put_bytes(chunk_key(side, to), &chunk)?;
                state.delete(chunk_key(side, from))?;
            }
            to += 1;
        }
        self.next = to;
        Ok(())
    }
}
