//! From places in the log to messages.

use std::ops::Range;

use squall_durable::{FrameHead, Place};

use crate::codec::{Malformed, Reader};
use crate::delivery::{Entry, Frame};
use crate::error::{Error, Result};
use crate::payload;
use crate::record::{MESSAGES, MOVES};
use crate::shared::Shared;
use crate::state::{Block, Part, Pick};

/// What reading a block gave.
pub(crate) struct Read {
    pub(crate) frame: Frame,
    /// Offsets that were asked for and are not there any more: the log is damaged.
    pub(crate) lost: Vec<Range<u64>>,
}

/// Reads the messages of a pick; `None` when they are gone meanwhile. Must not be called with the
/// queue's lock held.
pub(crate) fn read(shared: &Shared, queue: u32, pick: &Pick) -> Result<Option<Read>> {
    let mut block = pick.block;
    loop {
        if let Some(read) = read_block(shared, queue, &block, &pick.parts)? {
            return Ok(Some(read));
        }
        // The segment has gone; what was still needed of it was copied elsewhere before.
        let now =
            shared.cell(queue).and_then(|cell| cell.look().blocks.holding(block.first).copied());
        match now.filter(|now| (now.segment, now.at) != (block.segment, block.at)) {
            Some(now) => block = now,
            None => return Ok(None),
        }
    }
}

/// Reads messages of a block where it was; `None` when the segment has gone.
fn read_block(shared: &Shared, queue: u32, block: &Block, parts: &[Part]) -> Result<Option<Read>> {
    let Some((data, frames)) = frames(shared, queue, block)? else { return Ok(None) };
    let wanted = parts.iter().map(|part| (part.range.end - part.range.start) as usize).sum();
    let mut entries: Vec<Entry> = Vec::with_capacity(wanted);
    for (head, at) in frames {
        let end = head.first + u64::from(head.count);
        let mut parts = parts.iter().skip_while(|part| part.range.end <= head.first).peekable();
        if parts.peek().is_none_or(|part| part.range.start >= end) {
            continue;
        }
        let payload = &data[at..at + head.length as usize];
        let walked = walk(&head, payload, |offset, place| {
            while parts.peek().is_some_and(|part| part.range.end <= offset) {
                parts.next();
            }
            if let Some(part) = parts.peek().filter(|part| part.range.start <= offset) {
                entries.push(Entry {
                    offset,
                    enqueued_ms: head.time,
                    attempt: part.attempt,
                    body: ((at + place.body.0) as u32, place.body.1 as u32),
                    meta: ((at + place.meta.0) as u32, place.meta.1 as u32),
                });
            }
        });
        if walked.is_err() {
            shared.report(format!(
                "a frame of queue {queue} has a good checksum but is not made of messages"
            ));
        }
    }
    entries.sort_unstable_by_key(|entry| entry.offset);
    let lost = if entries.len() == wanted { Vec::new() } else { missing(parts, &entries) };
    Ok(Some(Read { frame: Frame { data, entries }, lost }))
}

/// Calls `each` for every message of a frame.
pub(crate) fn walk(
    head: &FrameHead,
    payload: &[u8],
    mut each: impl FnMut(u64, payload::Place),
) -> Result<(), Malformed> {
    let mut at = payload.len() - messages(head, payload)?.len();
    for offset in head.first..head.first + u64::from(head.count) {
        let (place, next) = payload::next(payload, at)?;
        each(offset, place);
        at = next;
    }
    Ok(())
}

/// The records that a frame of messages begins with.
pub(crate) fn records<'a>(head: &FrameHead, payload: &'a [u8]) -> Result<&'a [u8], Malformed> {
    if head.flags & MOVES == 0 {
        return Ok(&[]);
    }
    let mut from = Reader(payload);
    let len = payload::u32_le(&mut from)?;
    from.take(len as usize)
}

/// The messages of a frame, without the records that it begins with.
pub(crate) fn messages<'a>(head: &FrameHead, payload: &'a [u8]) -> Result<&'a [u8], Malformed> {
    let skip = if head.flags & MOVES == 0 { 0 } else { records(head, payload)?.len() + 4 };
    payload.get(skip..).ok_or(Malformed)
}

type Frames = (bytes::Bytes, Vec<(FrameHead, usize)>);

fn frames(shared: &Shared, queue: u32, block: &Block) -> Result<Option<Frames>> {
    let place = Place { segment: block.segment, at: u64::from(block.at) };
    match shared.log.read_frames(place, block.span as usize, queue) {
        Ok((data, mut frames, damage)) => {
            for damage in damage {
                shared.report(damage.to_string());
            }
            frames.retain(|(head, _)| {
                head.kind == MESSAGES && (block.first..block.end()).contains(&head.first)
            });
            Ok(Some((data, frames)))
        }
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(Error::io("cannot read the log", &error)),
    }
}

fn missing(parts: &[Part], entries: &[Entry]) -> Vec<Range<u64>> {
    let mut lost: Vec<Range<u64>> = Vec::new();
    let mut found = entries.iter().map(|entry| entry.offset).peekable();
    for offset in parts.iter().flat_map(|part| part.range.clone()) {
        if found.next_if_eq(&offset).is_some() {
            continue;
        }
        match lost.last_mut() {
            Some(last) if last.end == offset => last.end += 1,
            _ => lost.push(offset..offset + 1),
        }
    }
    lost
}

/// The offset of the first message that was sent at `from_ms` or later. With the queue's lock held,
/// so blocks are where the state says.
pub(crate) fn first_since(
    shared: &Shared,
    state: &crate::state::QueueState,
    from_ms: u64,
) -> Result<Option<u64>> {
    let Some(block) = state.blocks.iter().find(|block| block.time >= from_ms) else {
        return Ok(None);
    };
    let parts = [Part { range: block.first..block.end(), attempt: 0 }];
    let read = read_block(shared, state.id, block, &parts)?;
    let first = read.and_then(|read| {
        read.frame
            .entries
            .iter()
            .find(|entry| entry.enqueued_ms >= from_ms)
            .map(|entry| entry.offset)
    });
    Ok(first.or(Some(block.first)))
}
