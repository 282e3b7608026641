//! Messages that go to the tail of a queue: dead letters, those sent back, delayed ones.

use std::collections::BTreeMap;
use std::sync::Arc;

use squall_durable::{FrameHead, HEADER_BYTES, Place};

use crate::cell::Cell;
use crate::confirm::{Answer, Sent};
use crate::error::{Error, Result};
use crate::inbox::{Moved, Op};
use crate::message::MessageId;
use crate::payload::{FRAME_MESSAGES, FRAME_TARGET, MAX_META, Meta, put_message};
use crate::queue::Queue;
use crate::reader;
use crate::record::{DELAYED, MESSAGES, Record};
use crate::replay;
use crate::state::{Part, Pick};
use crate::writer::Writer;

impl Writer {
    /// Moves messages to the tail of `to`; the frame that brings them settles them in `from`.
    pub(crate) fn take_moves(
        &mut self,
        from: &Arc<Cell>,
        group: u32,
        to: &Arc<Cell>,
        items: Vec<Moved>,
        again: bool,
    ) -> Result<Sent> {
        let offsets: Vec<u64> = items.iter().map(|item| item.offset).collect();
        let result = self.move_all(from, group, to, items);
        if let Err(error) = &result {
            tracing::warn!(from = %from.name, to = %to.name, %error, "messages could not be moved; they stay where they are");
        }
        if result.is_err() && again {
            let again = self.shared.now() + 1_000;
            let mut state = from.change();
            for offset in offsets {
                let delivered = state.groups.get(&group).and_then(|group| group.delivery(offset));
                if let Some((attempts, _)) = delivered {
                    state.mark(group, &(offset..offset + 1), attempts, again, again);
                }
            }
            self.shared.schedule(&mut state);
        }
        result
    }

    fn move_all(
        &mut self,
        from: &Arc<Cell>,
        group: u32,
        to: &Arc<Cell>,
        items: Vec<Moved>,
    ) -> Result<Sent> {
        let mut total = Sent { first: MessageId(to.look().next), count: 0 };
        let (mut payload, mut records, mut count) = (Vec::new(), Vec::new(), 0);
        for item in items {
            let Some(body) = self.message(from, group, item, &mut records)? else { continue };
            if count > 0
                && (payload.len() + body.len() > FRAME_TARGET - MAX_META
                    || count >= FRAME_MESSAGES / 4)
            {
                let last = records.pop();
                self.write_moved(to, &mut payload, &mut records, &mut count)?;
                records.extend(last);
            }
            payload.extend_from_slice(&body);
            count += 1;
            total.count += 1;
        }
        if count > 0 {
            self.write_moved(to, &mut payload, &mut records, &mut count)?;
        }
        Ok(total)
    }

    fn write_moved(
        &mut self,
        to: &Arc<Cell>,
        payload: &mut Vec<u8>,
        records: &mut Vec<Record>,
        count: &mut u32,
    ) -> Result<()> {
        self.finish_join(to);
        let first = {
            let mut state = to.live()?;
            let first = state.next;
            state.next += u64::from(*count);
            first
        };
        let head = FrameHead {
            kind: MESSAGES,
            count: std::mem::take(count),
            first,
            ..FrameHead::default()
        };
        let records = std::mem::take(records);
        self.write_messages(to, head, &[&std::mem::take(payload)], records.clone())?;
        // At once, since they may be asked to be moved again within the same group commit.
        for settle in records.iter().filter(|record| matches!(record, Record::Settle { .. })) {
            replay::settle_source(&self.shared, settle, self.shared.now());
        }
        Ok(())
    }

    /// The message as it will lie in its new queue; `None` if it is settled already.
    fn message(
        &self,
        from: &Arc<Cell>,
        group: u32,
        item: Moved,
        records: &mut Vec<Record>,
    ) -> Result<Option<Vec<u8>>> {
        let range = item.offset..item.offset + 1;
        let block = {
            let state = from.look();
            let live =
                state.groups.get(&group).is_some_and(|group| group.delivery(item.offset).is_some());
            if live { state.blocks.holding(item.offset).copied() } else { None }
        };
        let Some(block) = block else { return Ok(None) };
        let pick = Pick { block, parts: vec![Part { range: range.clone(), attempt: 0 }] };
        let Some(read) = reader::read(&self.shared, from.id, &pick)? else { return Ok(None) };
        let Some(message) = read.frame.entries.first() else {
            return Err(Error::Damaged {
                file: self.shared.log.path(block.segment),
                offset: u64::from(block.at),
                detail: format!("message {} cannot be moved", item.offset),
            });
        };
        let mut meta = read.frame.meta(message);
        if let Some(mut dead) = item.dead {
            dead.id = MessageId(meta.id.unwrap_or(message.offset));
            dead.enqueued_ms = meta.enqueued_ms.unwrap_or(message.enqueued_ms);
            meta.dead = Some(dead);
        } else {
            meta.dead = None;
        }
        (meta.id, meta.delay_ms, meta.enqueued_ms) = (None, None, None);
        let mut bytes = Vec::new();
        put_message(&mut bytes, &meta, read.frame.raw(message.body));
        records.push(Record::Settle { queue: from.id, group, range });
        Ok(Some(bytes))
    }

    /// Brings the messages of a delayed frame that are due to the tail of their queue.
    pub(crate) fn take_due(&mut self, cell: &Arc<Cell>, first: u64) {
        if let Err(error) = self.fire(cell, first) {
            tracing::warn!(queue = %cell.name, %error, "delayed messages could not be brought to the tail; they will be tried again");
            let mut state = cell.change();
            if state.delayed.contains_key(&first) {
                let again = self.shared.now() + 1_000;
                state.delayed_due.insert((again, first));
                self.shared.schedule(&mut state);
            }
        }
    }

    fn fire(&mut self, cell: &Arc<Cell>, first: u64) -> Result<()> {
        let Some(delayed) = cell.look().delayed.get(&first).copied() else { return Ok(()) };
        let place = Place { segment: delayed.segment, at: u64::from(delayed.at) };
        let (data, frames, damage) =
            (self.shared.log.read_frames(place, delayed.len as usize, cell.id))
                .map_err(|e| Error::io("cannot read the log", &e))?;
        for damage in damage {
            self.shared.report(damage.to_string());
        }
        let until_ms = self.shared.now();
        let (mut payload, mut count, mut next_ms) = (Vec::new(), 0, u64::MAX);
        let Some((head, at)) =
            frames.into_iter().find(|(head, _)| head.kind == DELAYED && head.first == first)
        else {
            let mut state = cell.change();
            state.lost += u64::from(delayed.left);
            state.fired(first, u64::MAX, u32::MAX, u64::MAX);
            let lost = Record::Fired {
                queue: cell.id,
                first,
                until_ms: u64::MAX,
                count: u32::MAX,
                next_ms,
            };
            return self.shared.note(&lost);
        };
        let bytes = &data[at..at + head.length as usize];
        let walked = reader::walk(&head, bytes, |offset, place| {
            let meta = &bytes[place.meta.0..place.meta.0 + place.meta.1];
            let mut meta = Meta::decode(meta).unwrap_or_default();
            let due = head.time + meta.delay_ms.unwrap_or(0);
            if due > until_ms {
                next_ms = next_ms.min(due);
            } else if due > delayed.fired_ms {
                meta.id = Some(meta.id.unwrap_or(offset));
                meta.enqueued_ms = Some(meta.enqueued_ms.unwrap_or(head.time));
                meta.delay_ms = None;
                put_message(&mut payload, &meta, &bytes[place.body.0..place.body.0 + place.body.1]);
                count += 1;
            }
        });
        if walked.is_err() {
            self.shared
                .report(format!("a delayed frame of queue {} is not made of messages", cell.name));
        }
        let fired = Record::Fired { queue: cell.id, first, until_ms, count, next_ms };
        if count == 0 {
            cell.change().fired(first, until_ms, 0, next_ms);
            return self.shared.note(&fired);
        }
        debug_assert!(HEADER_BYTES + payload.len() <= squall_durable::MAX_PAYLOAD);
        self.write_moved(cell, &mut payload, &mut vec![fired], &mut count)
    }
}

/// Sends dead letters back.
pub(crate) fn redrive(queue: &Queue, to: Option<&str>) -> Result<u64> {
    const BATCH: usize = 256;
    let group = queue.group(crate::DEFAULT_GROUP)?;
    let id = group.ensure()?;
    let shared = &queue.store().shared;
    let mut moved = 0;
    let mut from = 0;
    loop {
        // Only what nobody has leased, in order; `from` passes what stays.
        let offsets: Vec<u64> = {
            let state = queue.cell().live()?;
            queue.check_group_unclaimed(&state, id)?;
            let now = shared.now();
            let free = |offset: &u64| {
                state
                    .groups
                    .get(&id)
                    .and_then(|g| g.delivery(*offset))
                    .is_some_and(|(_, visible)| visible <= now)
            };
            state
                .blocks
                .iter_from(from)
                .flat_map(|b| b.first.max(from)..b.end())
                .filter(free)
                .take(BATCH)
                .collect()
        };
        let Some(last) = offsets.last() else { return Ok(moved) };
        from = last + 1;
        let mut targets: BTreeMap<String, Vec<Moved>> = BTreeMap::new();
        for offset in offsets {
            let target = match to {
                Some(to) => Some(to.to_owned()),
                None => source_of(queue, offset)?,
            };
            if let Some(target) = target {
                targets.entry(target).or_default().push(Moved { offset, dead: None });
            }
        }
        for (target, items) in targets {
            let to = queue.store().find(&target).ok_or(Error::NoQueue(target))?;
            let (answer, confirm) = Answer::slot();
            let op = Op::Move {
                from: Arc::clone(queue.cell()),
                group: id,
                to: Arc::clone(to.cell()),
                items,
                again: false,
                answer: Some(answer),
            };
            shared.inbox.submit(op)?;
            moved += confirm.wait()?.count;
        }
    }
}

fn source_of(queue: &Queue, offset: u64) -> Result<Option<String>> {
    let Some(block) = queue.cell().look().blocks.holding(offset).copied() else { return Ok(None) };
    let pick = Pick { block, parts: vec![Part { range: offset..offset + 1, attempt: 0 }] };
    let read = reader::read(&queue.store().shared, queue.cell().id, &pick)?;
    let frame = read.map(|read| read.frame);
    Ok(frame
        .and_then(|frame| frame.entries.first().and_then(|entry| frame.meta(entry).dead))
        .map(|dead| dead.source))
}
