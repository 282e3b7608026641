//! Giving messages to consumers and taking their word on what became of them; for competing
//! consumers and claims alike.

use std::ops::Range;
use std::sync::Arc;

use parking_lot::MutexGuard;

use crate::confirm::Answer;
use crate::delivery::Frame;
use crate::error::Result;
use crate::inbox::{Moved, Op};
use crate::message::{DeadLetter, MessageId};
use crate::queue::Queue;
use crate::reader;
use crate::record::Record;
use crate::state::{Part, QueueState, Taken, Want};

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
    dead_letters(queue, group, items.collect(), true, None)
}

/// Moves messages (offset, attempts, reason, by) to the dead-letter queue. With `again` those that
/// cannot be moved are delivered again.
pub(crate) fn dead_letters(
    queue: &Queue,
    group: u32,
    items: Vec<(u64, u32, &str, &str)>,
    again: bool,
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
    shared.inbox.submit(Op::Move { from, group, to, items: moved.collect(), again, answer })
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
