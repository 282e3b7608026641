//! `queue`: messages of a durable queue.

use std::{
    ops::Range,
    time::{Duration, Instant},
};

use schemars::JsonSchema;
use serde::Deserialize;
use squall_broker::{Claim, Frame, Queue, Store};
use squall_framework::{
    Error, Failed, Kind, Next, Problem, Result, Schema, Spout, SpoutOutput, Streams, TaskContext,
    ValueRef, Verdict,
};

use crate::queues::{find_queue, of_broker};

/// Options of the spout `queue`.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct QueueSpoutConfig {
    /// The queue; made if it is not there.
    queue: String,
    /// The group of consumers, each of which gets all messages; by default the topology's name.
    #[serde(default)]
    group: Option<String>,
}

pub(crate) struct QueueSpout {
    config: QueueSpoutConfig,
    queue: Option<Queue>,
    group: String,
    claim: Option<Claim>,
    /// Whether messages may be waiting in the queue for another attempt.
    retries: bool,
    /// What was read, and the first message of it that has not been emitted.
    frames: Vec<Frame>,
    next: (usize, usize),
}

/// A read is limited in messages by what may be under way, and in bytes by this.
const BYTES_PER_READ: usize = 1 << 20;
/// While messages wait for another attempt the queue is asked again at this interval.
const RETRY_POLL: Duration = Duration::from_millis(20);
/// Run after run of the process the lock of the data folder keeps others out, so one incarnation
/// follows the other only after it has ended.
const INCARNATION: u64 = 1;

impl QueueSpout {
    pub(crate) fn new(config: &QueueSpoutConfig) -> Result<Self> {
        Ok(Self {
            config: config.clone(),
            queue: None,
            group: String::new(),
            claim: None,
            retries: false,
            frames: Vec::new(),
            next: (0, 0),
        })
    }

    fn claim(&self) -> Result<&Claim> {
        self.claim.as_ref().ok_or_else(|| Error::retry("the queue is not claimed"))
    }

    /// Whether the group has messages that are not settled.
    fn anything_left(&self) -> Result<bool> {
        let Some(queue) = &self.queue else { return Ok(false) };
        let stats = queue.stats().map_err(of_broker)?;
        let group = stats.groups.iter().find(|group| group.name == self.group);
        Ok(group.is_some_and(|group| group.active + group.inactive > 0))
    }

    /// Emits from the frames in hand as far as there is room.
    fn emit(&mut self, out: &mut SpoutOutput) -> Result<()> {
        let (mut frame, mut message) = self.next;
        while out.room() > 0
            && let Some(current) = self.frames.get(frame)
        {
            let Some(delivered) = current.get(message) else {
                (frame, message) = (frame + 1, 0);
                continue;
            };
            let body = match std::str::from_utf8(&delivered.body) {
                Ok(text) => ValueRef::Text(text),
                Err(_) => ValueRef::Bytes(&delivered.body),
            };
            let sent = ValueRef::Timestamp(
                i64::try_from(delivered.enqueued_ms).unwrap_or(i64::MAX / 1_000) * 1_000,
            );
            let id = ValueRef::Int(delivered.id.0 as i64);
            out.emit_again(0, delivered.offset, delivered.attempt, [body, id, sent])?;
            message += 1;
        }
        self.next = (frame, message);
        if frame >= self.frames.len() {
            self.frames.clear();
            self.next = (0, 0);
        }
        Ok(())
    }
}

impl Spout for QueueSpout {
    fn declare(&self) -> Result<Streams, Problem> {
        if self.config.queue.is_empty() {
            return Err(Problem::new("the queue has no name").at("queue"));
        }
        Ok(Streams::one(Schema::new([
            ("body", Kind::Text),
            ("id", Kind::Int),
            ("sent", Kind::Timestamp),
        ])))
    }

    fn prepare(&mut self, context: &TaskContext) -> Result<()> {
        if context.index() > 0 {
            // One claim holds the whole group; further tasks have nothing to do.
            return Ok(());
        }
        let store = context.resource::<Store>();
        let queue = find_queue(store.as_deref(), &self.config.queue)?;
        let group = self.config.group.as_deref().unwrap_or(context.topology());
        let claim = queue.claim(group, context.topology(), INCARNATION).map_err(of_broker)?;
        let waker = context.waker();
        claim.on_ready(move || waker.wake_by_ref());
        self.group = group.to_owned();
        self.queue = Some(queue);
        self.claim = Some(claim);
        Ok(())
    }

    fn next(&mut self, out: &mut SpoutOutput) -> Result<Next> {
        let Some(claim) = &self.claim else { return Ok(Next::Idle) };
        if self.frames.is_empty() {
            self.frames = claim.read(out.room(), BYTES_PER_READ).map_err(of_broker)?;
            if self.frames.is_empty() {
                // A queue in which something waits to be tried again is not idle: that word would
                // end a topology that runs until its input is used up.
                self.retries = self.retries && self.anything_left()?;
                let again = Next::At(Instant::now() + RETRY_POLL);
                return Ok(if self.retries { again } else { Next::Idle });
            }
        }
        self.emit(out)?;
        Ok(Next::More)
    }

    fn ack(&mut self, ids: &[u64]) -> Result<()> {
        self.claim()?.settle(&ranges(ids)).map_err(of_broker)
    }

    fn fail(&mut self, failed: &[Failed]) -> Result<()> {
        self.retries |= failed.iter().any(|message| message.verdict != Verdict::Dead);
        let claim = self.claim()?;
        for message in failed {
            let reason = &message.failure.reason;
            match message.verdict {
                Verdict::Retry { after, counts } => claim.fail(message.id, after, reason, counts),
                // It rides on the next group commit; until then the message is not settled either.
                Verdict::Dead => {
                    claim.dead_letter(message.id, reason, &message.failure.component).map(drop)
                }
            }
            .map_err(of_broker)?;
        }
        Ok(())
    }

    fn replays(&self) -> bool {
        true
    }

    fn close(&mut self) {
        self.frames.clear();
        self.claim = None;
        self.queue = None;
    }
}

/// Numbers as ranges; most come in rising order.
fn ranges(ids: &[u64]) -> Vec<Range<u64>> {
    let mut ranges: Vec<Range<u64>> = Vec::new();
    for &id in ids {
        match ranges.last_mut() {
            Some(last) if last.end == id => last.end += 1,
            _ => ranges.push(id..id + 1),
        }
    }
    ranges
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn neighbours_become_ranges() {
        assert_eq!(ranges(&[3, 4, 5, 9, 8, 10]), [3..6, 9..10, 8..9, 10..11]);
    }
}
