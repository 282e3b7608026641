//! A list of small entries in a state: in chunks, for a value has a limit, and so that a change
//! writes one chunk and not all.

use squall_framework::{Error, MAX_STATE_VALUE, Result, State, ValueRef};

use crate::pack::Reader;

/// The first chunk begins with the number of chunks.
const COUNT: usize = 4;

/// Reads all entries: `entry` reads one, and is told its chunk. Gives the number of chunks.
pub(super) fn load(
    state: &State,
    name: &[u8],
    mut entry: impl FnMut(usize, &mut Reader<'_>) -> Result<()>,
) -> Result<usize> {
    let mut read = |number: usize| {
        state.read(key(name, number), |chunk| {
            let Some(chunk) = chunk else { return Ok(0) };
            let mut reader = Reader(chunk);
            let count = if number == 0 { u32::from_le_bytes(reader.array::<COUNT>()?) } else { 0 };
            while !reader.is_empty() {
                entry(number, &mut reader)?;
            }
            Ok::<_, Error>(count as usize)
        })?
    };
    let count = read(0)?;
    for number in 1..count {
        read(number)?;
    }
    Ok(count)
}

/// The number of chunks.
pub(super) fn count(state: &State, name: &[u8]) -> Result<usize> {
    state.read(key(name, 0), |chunk| {
        let Some(chunk) = chunk else { return Ok(0) };
        Ok(u32::from_le_bytes(Reader(chunk).array::<COUNT>()?) as usize)
    })?
}

/// Writes all entries in place of the `stored` chunks that there are. An entry that had a chunk
/// stays in it, so that a chunk without changes is as it was, which costs nothing.
pub(super) fn store<'a>(
    state: &State,
    name: &[u8],
    stored: usize,
    entries: impl IntoIterator<Item = (Option<usize>, &'a [u8])>,
) -> Result<()> {
    let mut chunks = vec![Vec::new(); stored.max(1)];
    chunks[0].extend_from_slice(&[0; COUNT]);
    let mut homeless = Vec::new();
    for (chunk, entry) in entries {
        match chunk.and_then(|chunk| chunks.get_mut(chunk)) {
            Some(chunk) if chunk.len() + entry.len() <= MAX_STATE_VALUE => {
                chunk.extend_from_slice(entry);
            }
            _ => homeless.push(entry),
        }
    }
    let mut room = 0;
    for entry in homeless {
        while chunks.get(room).is_some_and(|chunk| chunk.len() + entry.len() > MAX_STATE_VALUE) {
            room += 1;
        }
        if room == chunks.len() {
            chunks.push(Vec::new());
        }
        chunks[room].extend_from_slice(entry);
    }
    while chunks.len() > 1 && chunks.last().is_some_and(Vec::is_empty) {
        chunks.pop();
    }
    let count = chunks.len();
    chunks[0][..COUNT].copy_from_slice(&(count as u32).to_le_bytes());
    let nothing = count == 1 && chunks[0].len() == COUNT;
    for (number, chunk) in chunks.iter().enumerate() {
        if chunk.is_empty() || nothing {
            state.delete(key(name, number))?;
        } else {
            state.put_bytes(key(name, number), chunk)?;
        }
    }
    (count..stored).try_for_each(|number| state.delete(key(name, number)))
}

fn key(name: &[u8], number: usize) -> (ValueRef<'_>, i64) {
    (ValueRef::Bytes(name), number as i64)
}
