//! Competing consumers of a queue.

use std::ops::Range;
use std::time::{Duration, Instant};

use crate::attributes::check_name;
use crate::confirm::{Answer, Confirm};
use crate::deliver::{max_attempts, read, settle, take};
use crate::delivery::{Entry, Frame, Peeked, Received};
use crate::error::{Error, Result};
use crate::handle::{handle, nonce, valid};
use crate::message::{Handle, MessageId};
use crate::queue::Queue;
use crate::reader;
use crate::record::Record;
use crate::state::{Block, Part, Pick, Want, millis};

/// The group of those who do not name one: CMQ's competing consumers.
pub const DEFAULT_GROUP: &str = "default";

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
            let (id, (cursor, passed)) = (state.next_group, state.start_of_group());
            let (shared, queue) = (&self.queue.store().shared, state.id);
            let add = Record::AddGroup { queue, group: id, name: self.name.clone(), cursor };
            let (answer, confirm) = Answer::slot();
            shared.inbox.record(queue, true, Some(answer), |to| {
                add.encode(to);
                for range in &passed {
                    Record::Settle { queue, group: id, range: range.clone() }.encode(to);
                }
            })?;
            state.add_group(id, &self.name, cursor);
            for range in &passed {
                state.settle(id, range, shared.now());
            }
            (id, confirm)
        };
        confirm.1.wait()?;
        Ok(confirm.0)
    }

    /// Makes the group, which starts with what was sent at `from_ms` or later and is given what
    /// others have settled since as far as it is kept.
    pub(crate) fn create_from(&self, from_ms: u64) -> Result<()> {
        check_name(&self.name)?;
        let shared = &self.queue.store().shared;
        let confirm = {
            let mut state = self.queue.cell().live()?;
            if state.group_named(&self.name).is_some() {
                let (queue, group) = (self.queue.name().to_owned(), self.name.clone());
                return Err(Error::GroupExists { queue, group });
            }
            let now = shared.now();
            state.expire_retained(now);
            let end = state.blocks.last().map_or(state.start, Block::end);
            let cursor = reader::first_since(shared, &state, from_ms)?.unwrap_or(end);
            let cursor = cursor.max(state.start);
            let (id, name) = (state.next_group, self.name.clone());
            let record = Record::AddGroupFrom { queue: state.id, group: id, name, cursor };
            let confirm = shared.confirm(&record)?;
            state.add_group_from(id, &self.name, cursor, now);
            shared.schedule(&mut state);
            confirm
        };
        confirm.wait().map(|_| ())
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
