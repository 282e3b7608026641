//! A redo as bytes.
//!
//! A version, then the fields in their order: numbers in base 128, texts and bytes with their length
//! before them, lists with their count before them. It is not encoded as a whole in memory, since it
//! may have some hundred thousand changes.

use std::{io, io::Write, ops::Range, sync::Arc};

use squall_durable::codec::{Malformed, Reader, put_bytes, put_str, put_u64};
use squall_framework::{
    Change, Changes, OutboxMessage, Positions, Redo, SourceDead, SourcePosition,
};

const VERSION: u64 = 2;

pub(super) fn encode(redo: &Redo, to: &mut dyn Write) -> io::Result<()> {
    let mut piece = Vec::new();
    let mut write = |put: &dyn Fn(&mut Vec<u8>)| {
        piece.clear();
        put(&mut piece);
        to.write_all(&piece)
    };
    write(&|to| {
        put_u64(to, VERSION);
        put_u64(to, redo.incarnation);
        put_u64(to, redo.epoch);
        put_str(to, &redo.commit_id);
        put_u64(to, redo.positions.len() as u64);
    })?;
    for (spout, SourcePosition { identity, ranges }) in &redo.positions {
        write(&|to| {
            put_str(to, spout);
            put_str(to, identity);
            put_u64(to, ranges.len() as u64);
            ranges.iter().for_each(|range| {
                put_u64(to, range.start);
                put_u64(to, range.end);
            });
        })?;
    }
    write(&|to| put_u64(to, redo.changes.len() as u64))?;
    for Changes { component, changes } in &redo.changes {
        write(&|to| {
            put_str(to, component);
            put_u64(to, changes.len() as u64);
        })?;
        for (key, value) in changes {
            write(&|to| {
                put_bytes(to, key);
                to.push(u8::from(value.is_some()));
                if let Some(value) = value {
                    put_bytes(to, value);
                }
            })?;
        }
    }
    write(&|to| put_u64(to, redo.outbox.len() as u64))?;
    for OutboxMessage { queue, body, headers } in &redo.outbox {
        write(&|to| {
            put_str(to, queue);
            put_bytes(to, body);
            put_u64(to, headers.len() as u64);
            headers.iter().for_each(|(name, value)| {
                put_str(to, name);
                put_str(to, value);
            });
        })?;
    }
    write(&|to| put_u64(to, redo.dead.len() as u64))?;
    for (spout, dead) in &redo.dead {
        write(&|to| {
            put_str(to, spout);
            put_u64(to, dead.len() as u64);
        })?;
        for SourceDead { offset, reason, by } in dead {
            write(&|to| {
                put_u64(to, *offset);
                put_str(to, reason);
                put_str(to, by);
            })?;
        }
    }
    Ok(())
}

/// The words say why these bytes are none.
pub(super) fn decode(bytes: &[u8]) -> Result<Redo, String> {
    let mut from = Reader(bytes);
    match from.u64() {
        Ok(VERSION) => {}
        version => return Err(format!("has version {}", version.unwrap_or_default())),
    }
    let redo = fields(&mut from).ok().filter(|_| from.is_empty());
    redo.ok_or_else(|| "is not what this version of Squall writes".into())
}

fn fields(from: &mut Reader<'_>) -> Result<Redo, Malformed> {
    Ok(Redo {
        incarnation: from.u64()?,
        epoch: from.u64()?,
        commit_id: from.string()?,
        positions: list(from, position)?.into_iter().collect::<Positions>(),
        changes: list(from, |from| {
            Ok(Changes { component: from.string()?.into(), changes: list(from, change)? })
        })?,
        outbox: list(from, |from| {
            let (queue, body) = (from.string()?, from.bytes()?.to_vec());
            let headers = list(from, |from| Ok((from.string()?, from.string()?)))?;
            Ok(OutboxMessage { queue, body, headers })
        })?,
        dead: list(from, |from| Ok((from.string()?, list(from, dead)?)))?,
    })
}

fn list<T>(
    from: &mut Reader<'_>,
    mut item: impl FnMut(&mut Reader<'_>) -> Result<T, Malformed>,
) -> Result<Vec<T>, Malformed> {
    let count = from.len()?;
    // A damaged count cannot make us allocate more than what grows with the items that are there.
    let mut items = Vec::with_capacity(count.min(1 << 16));
    for _ in 0..count {
        items.push(item(from)?);
    }
    Ok(items)
}

fn position(from: &mut Reader<'_>) -> Result<(String, SourcePosition), Malformed> {
    let (spout, identity) = (from.string()?, from.string()?);
    let ranges = list(from, |from| Ok(Range { start: from.u64()?, end: from.u64()? }))?;
    Ok((spout, SourcePosition { identity, ranges }))
}

fn change(from: &mut Reader<'_>) -> Result<Change, Malformed> {
    let key = Arc::from(from.bytes()?);
    let value = match from.u8()? {
        0 => None,
        _ => Some(Arc::from(from.bytes()?)),
    };
    Ok((key, value))
}

fn dead(from: &mut Reader<'_>) -> Result<SourceDead, Malformed> {
    Ok(SourceDead { offset: from.u64()?, reason: from.string()?, by: from.string()? })
}
