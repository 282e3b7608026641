//! Competing consumers of a queue.

use std::ops::Range;
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::MutexGuard;

use crate::attributes::check_name;
use crate::confirm::{Answer, Confirm};
use crate::delivery::{Entry, Frame, Peeked, Received};
use crate::error::{Error, Result};
use crate::inbox::{Moved, Op};
use crate::message::{DeadLetter, Handle, MessageId};
use crate::queue::Queue;
use crate::reader;
use crate::record::Record;
use crate::state::{Part, Pick, QueueState, Taken, Want, millis};

/// The group of those who do not name one: CMQ's competing consumers.
pub const DEFAULT_GROUP: &str = "default";

const OFFSET_BITS: u32 = 44;
const OFFSET_MASK: u64 = (1 << OFFSET_BITS) - 1;

/// A queue as one of its groups of consumers sees it. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Group {
    queue: Queue,
    name: String,
}

impl Group {
    pub(crate) fn new(queue: Queue, name: &str) -> Self {
        Self { queue, name: name.to_owned() }
    }

    /// The number of the group, which is created if there is none.
    pub(crate) fn ensure(&self) -> Result<u32> {
        let confirm = {
            let mut state = self.queue.cell().live()?;
            if let Some(group) = state.group_named(&self.name) {
                return Ok(group.id);
            }
            check_name(&self.name)?;
            let (id, cursor) = (state.next_group, state.start);
            let record =
                Record::AddGroup { queue: state.id, group: id, name: self.name.clone(), cursor };
            let confirm = self.queue.store().shared.confirm(&record)?;
            state.add_group(id, &self.name, cursor);
            (id, confirm)
        };
        confirm.1.wait()?;
        Ok(confirm.0)
    }

    /// Leases up to `max` messages for `visibility` (else the queue's `visibilityTimeout`):
    /// those that are due again first, then new ones in order. Waits up to `pollingWaitSeconds`
    /// for the first.
    ///
    /// # Errors
    /// [`Error::Claimed`] while the group is held exclusively.
    pub fn receive(&self, max: usize, visibility: Option<Duration>) -> Result<Vec<Received>> {
        let wait = self.queue.cell().look().attributes.polling_wait;
        self.receive_wait(max, visibility, wait)
    }

    /// As [`receive`](Self::receive), waiting up to `wait` for the first message.
    ///
    /// # Errors
    /// As [`receive`](Self::receive).
    pub fn receive_wait(
        &self,
        max: usize,
        visibility: Option<Duration>,
        wait: Duration,
    ) -> Result<Vec<Received>> {
        let until = Instant::now() + wait;
        let id = self.ensure()?;
        let shared = &self.queue.store().shared;
        loop {
            let now = shared.now();
            let (taken, visible_ms, nonce) = {
                let mut state = self.queue.cell().live()?;
                self.queue.check_group_unclaimed(&state, id)?;
                let visible_ms =
                    now + millis(visibility.unwrap_or(state.attributes.visibility_timeout));
                let want = Want {
                    messages: max,
                    bytes: usize::MAX,
                    now,
                    visible_ms,
                    max_attempts: max_attempts(&state),
                };
                let taken = take(&self.queue, &mut state, id, want)?;
                if taken.picks.is_empty() && taken.dead.is_empty() {
                    let left = until.saturating_duration_since(Instant::now());
                    if max == 0 || left.is_zero() {
                        return Ok(Vec::new());
                    }
                    self.queue.cell().arrived.wait_for(&mut state, left);
                    continue;
                }
                (taken, visible_ms, nonce(&state, id))
            };
            let frames = read(&self.queue, id, taken)?;
            if !frames.is_empty() {
                return Ok(frames
                    .iter()
                    .flat_map(|frame| received(frame, visible_ms, nonce))
                    .collect());
            }
        }
    }

    /// Deletes messages and waits until that is on disk.
    ///
    /// # Errors
    /// [`Error::BadHandle`] for the first handle that is not valid; the others are deleted.
    pub fn delete(&self, handles: &[Handle]) -> Result<()> {
        let (bad, confirm) = self.settle(handles, true)?;
        if let Some(confirm) = confirm {
            confirm.wait()?;
        }
        bad.map_or(Ok(()), |handle| Err(Error::BadHandle(handle.0)))
    }

    /// As [`delete`](Self::delete), without waiting for the disk: a message whose confirmation
    /// was not waited for may come again after a crash.
    ///
    /// # Errors
    /// As [`delete`](Self::delete).
    pub fn delete_later(&self, handles: &[Handle]) -> Result<()> {
        let (bad, _) = self.settle(handles, false)?;
        bad.map_or(Ok(()), |handle| Err(Error::BadHandle(handle.0)))
    }

    fn settle(
        &self,
        handles: &[Handle],
        confirm: bool,
    ) -> Result<(Option<Handle>, Option<Confirm>)> {
        let mut state = self.queue.cell().live()?;
        let Some(id) = state.group_named(&self.name).map(|group| group.id) else {
            return Ok((handles.first().copied(), None));
        };
        let (mut bad, mut offsets) = (None, Vec::with_capacity(handles.len()));
        for &handle in handles {
            match valid(&state, id, handle) {
                Some((offset, _)) => offsets.push(offset),
                None => bad = bad.or(Some(handle)),
            }
        }
        offsets.sort_unstable();
        let ranges = ranges(&offsets);
        if ranges.is_empty() {
            return Ok((bad, None));
        }
        let (answer, promise) = if confirm { Some(Answer::slot()).unzip() } else { (None, None) };
        settle(&self.queue, &mut state, id, &ranges, answer)?;
        Ok((bad, promise))
    }

    /// Makes a leased message visible again after `visibility` from now; zero releases it.
    ///
    /// # Errors
    /// [`Error::BadHandle`].
    pub fn change_visibility(&self, handle: Handle, visibility: Duration) -> Result<()> {
        let shared = &self.queue.store().shared;
        let now = shared.now();
        let wakes = {
            let mut state = self.queue.cell().live()?;
            let group = state.group_named(&self.name).map(|group| group.id);
            let found =
                group.and_then(|group| valid(&state, group, handle).map(|found| (group, found)));
            let Some((group, (offset, attempts))) = found else {
                return Err(Error::BadHandle(handle.0));
            };
            let visible_ms = now + millis(visibility);
            let range = offset..offset + 1;
            state.mark(group, &range, attempts, visible_ms, now);
            shared.note(&Record::Lease { queue: state.id, group, range, attempts, visible_ms })?;
            shared.schedule(&mut state);
            self.queue.cell().wake(&mut state)
        };
        wakes.call();
        Ok(())
    }

    /// Up to `max` messages that are not settled, without leasing them.
    ///
    /// # Errors
    /// What the disk says.
    pub fn peek(&self, max: usize) -> Result<Vec<Peeked>> {
        let mut picks = Vec::new();
        {
            let state = self.queue.cell().look();
            let group = state.group_named(&self.name);
            let mut left = max as u64;
            for block in state.blocks.iter().filter(|block| block.settled_ms == 0) {
                let mut parts: Vec<Part> = Vec::new();
                for offset in block.first.max(state.start)..block.end() {
                    let delivered = group.map_or(Some((0, 0)), |group| group.delivery(offset));
                    let Some((attempt, _)) = delivered.filter(|_| left > 0) else { continue };
                    left -= 1;
                    match parts.last_mut().filter(|p| p.range.end == offset && p.attempt == attempt)
                    {
                        Some(part) => part.range.end += 1,
                        None => parts.push(Part { range: offset..offset + 1, attempt }),
                    }
                }
                if !parts.is_empty() {
                    picks.push(Pick { block: *block, parts });
                }
                if left == 0 {
                    break;
                }
            }
        }
        let mut peeked = Vec::new();
        for pick in picks {
            if let Some(read) =
                reader::read(&self.queue.store().shared, self.queue.cell().id, &pick)?
            {
                peeked.extend(read.frame.entries.iter().map(|entry| peek(&read.frame, entry)));
            }
        }
        Ok(peeked)
    }
}

/// Takes messages for a consumer and writes down that they are leased.
pub(crate) fn take(
    queue: &Queue,
    state: &mut MutexGuard<'_, QueueState>,
    id: u32,
    want: Want,
) -> Result<Taken> {
    let shared = &queue.store().shared;
    let QueueState { groups, blocks, .. } = &mut **state;
    let Some(group) = groups.get_mut(&id) else { return Ok(Taken::default()) };
    let mut done = Vec::new();
    let taken = group.take(blocks, want, &mut done);
    state.retire(&done, want.now);
    if !taken.picks.is_empty() {
        shared.inbox.record(state.id, false, None, |to| {
            for part in taken.picks.iter().flat_map(|pick| &pick.parts) {
                let Part { range, attempt } = part.clone();
                let lease = Record::Lease {
                    queue: state.id,
                    group: id,
                    range,
                    attempts: attempt,
                    visible_ms: want.visible_ms,
                };
                lease.encode(to);
            }
        })?;
    }
    shared.schedule(state);
    Ok(taken)
}

/// Reads what was taken; what is damaged is settled and counted as lost, what was delivered too
/// often goes to the dead-letter queue.
pub(crate) fn read(queue: &Queue, group: u32, taken: Taken) -> Result<Vec<Frame>> {
    let shared = &queue.store().shared;
    let mut frames = Vec::with_capacity(taken.picks.len());
    for pick in &taken.picks {
        let Some(read) = reader::read(shared, queue.cell().id, pick)? else { continue };
        if !read.lost.is_empty() {
            let mut state = queue.cell().live()?;
            state.lost += read.lost.iter().map(|range| range.end - range.start).sum::<u64>();
            settle(queue, &mut state, group, &read.lost, None)?;
        }
        if !read.frame.is_empty() {
            frames.push(read.frame);
        }
    }
    if !taken.dead.is_empty() {
        bury(queue, group, &taken.dead)?;
    }
    Ok(frames)
}

/// Sends what was received too often to the dead-letter queue.
fn bury(queue: &Queue, group: u32, parts: &[Part]) -> Result<()> {
    let items =
        parts.iter().flat_map(|part| part.range.clone().map(|offset| (offset, part.attempt)));
    let items = items.map(|(offset, attempts)| {
        (offset, attempts, "received too often without being deleted", "broker")
    });
    dead_letters(queue, group, items.collect(), None)
}

/// Moves messages (offset, attempts, reason, by) to the dead-letter queue.
pub(crate) fn dead_letters(
    queue: &Queue,
    group: u32,
    items: Vec<(u64, u32, &str, &str)>,
    answer: Option<Answer>,
) -> Result<()> {
    let shared = &queue.store().shared;
    let (target, name) = {
        let state = queue.cell().look();
        let policy = state.attributes.dead_letter.as_ref().map(|policy| policy.queue.clone());
        (policy, state.groups.get(&group).map(|group| group.name.clone()).unwrap_or_default())
    };
    let target = target.unwrap_or_else(|| format!("{}.dead", queue.name()));
    let target = queue.store().queue_or_create(&target, &Default::default())?;
    let dead_ms = shared.now();
    let moved = items.into_iter().map(|(offset, attempts, reason, by)| Moved {
        offset,
        dead: Some(DeadLetter {
            source: queue.name().to_owned(),
            group: name.clone(),
            // The id and the time of sending are in the message; the writer reads them there.
            id: MessageId(offset),
            enqueued_ms: 0,
            reason: cut(reason, 4_096).to_owned(),
            by: cut(by, 256).to_owned(),
            attempts,
            dead_ms,
        }),
    });
    let (from, to) = (Arc::clone(queue.cell()), Arc::clone(target.cell()));
    shared.inbox.submit(Op::Move { from, group, to, items: moved.collect(), answer })
}

fn cut(text: &str, max: usize) -> &str {
    let end = (0..=max.min(text.len())).rev().find(|&at| text.is_char_boundary(at)).unwrap_or(0);
    &text[..end]
}

/// Settles ranges and writes that down.
pub(crate) fn settle(
    queue: &Queue,
    state: &mut MutexGuard<'_, QueueState>,
    group: u32,
    ranges: &[Range<u64>],
    answer: Option<Answer>,
) -> Result<()> {
    let shared = &queue.store().shared;
    let now = shared.now();
    for range in ranges {
        state.settle(group, range, now);
    }
    if !state.retained.is_empty() {
        shared.schedule(state);
    }
    let id = state.id;
    shared.inbox.record(id, true, answer, |to| {
        for range in ranges {
            Record::Settle { queue: id, group, range: range.clone() }.encode(to);
        }
    })
}

pub(crate) fn max_attempts(state: &QueueState) -> Option<u32> {
    state.attributes.dead_letter.as_ref().map(|policy| policy.max_receive_count)
}

/// Joins sorted offsets.
fn ranges(offsets: &[u64]) -> Vec<Range<u64>> {
    let mut ranges: Vec<Range<u64>> = Vec::new();
    for &offset in offsets {
        match ranges.last_mut() {
            Some(last) if offset < last.end => {}
            Some(last) if offset == last.end => last.end += 1,
            _ => ranges.push(offset..offset + 1),
        }
    }
    ranges
}

/// What ties a handle to this life of the queue and to the group: 12 bits.
fn nonce(state: &QueueState, group: u32) -> u64 {
    let mut bytes = state.uuid.to_le_bytes().to_vec();
    bytes.extend_from_slice(&group.to_le_bytes());
    bytes.extend_from_slice(&state.generation.to_le_bytes());
    u64::from(crc32c::crc32c(&bytes)) & 0xfff
}

/// A handle is 12 bits of nonce, 8 of the attempt and 44 of the offset.
fn handle(nonce: u64, attempt: u32, offset: u64) -> Handle {
    Handle(nonce << 52 | (u64::from(attempt) & 0xff) << OFFSET_BITS | offset & OFFSET_MASK)
}

/// The offset that a handle stands for, and the deliveries of its message; `None` when the message
/// is settled or was leased anew.
fn valid(state: &QueueState, group: u32, handle: Handle) -> Option<(u64, u32)> {
    let low = handle.0 & OFFSET_MASK;
    let high = state.next & !OFFSET_MASK;
    let offset = if high | low < state.next {
        high | low
    } else {
        (high | low).checked_sub(1 << OFFSET_BITS)?
    };
    let (attempts, _) = state.groups.get(&group)?.delivery(offset)?;
    let good = attempts > 0 && self::handle(nonce(state, group), attempts, offset) == handle;
    good.then_some((offset, attempts))
}

fn received(frame: &Frame, visible_ms: u64, nonce: u64) -> impl Iterator<Item = Received> + '_ {
    frame.entries.iter().map(move |entry| {
        let meta = frame.meta(entry);
        Received {
            handle: handle(nonce, entry.attempt, entry.offset),
            id: MessageId(meta.id.unwrap_or(entry.offset)),
            body: frame.slice(entry.body),
            enqueued_ms: meta.enqueued_ms.unwrap_or(entry.enqueued_ms),
            visible_ms,
            dequeue_count: entry.attempt,
            headers: meta.headers,
            dead_letter: meta.dead,
        }
    })
}

fn peek(frame: &Frame, entry: &Entry) -> Peeked {
    let meta = frame.meta(entry);
    Peeked {
        offset: entry.offset,
        id: MessageId(meta.id.unwrap_or(entry.offset)),
        body: frame.slice(entry.body),
        enqueued_ms: meta.enqueued_ms.unwrap_or(entry.enqueued_ms),
        dequeue_count: entry.attempt,
        headers: meta.headers,
        dead_letter: meta.dead,
    }
}
