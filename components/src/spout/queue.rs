//! `queue`: messages of a durable queue.

use std::{
    ops::Range,
    sync::Arc,
    time::{Duration, Instant},
};

use schemars::JsonSchema;
use serde::Deserialize;
use squall_broker::{Claim, Queue, Store};
use squall_framework::{
    Error, Failed, Kind, Next, Problem, ReplayableSource, Result, Schema, Spout, SpoutOutput,
    Streams, TaskContext, Verdict,
};

use crate::queues::{Frames, QueueSource, Start, find_queue, of_broker};

/// Options of the spout `queue`.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct QueueSpoutConfig {
    /// The queue; made if it is not there.
    queue: String,
    /// The group of consumers, each of which gets all messages; by default the topology's name.
    #[serde(default)]
    group: Option<String>,
    /// Where a group starts that does not exist yet: `earliest`, with all that the queue holds;
    /// `latest`, with what is sent from then on; or a time such as `2026-01-01T12:00:00Z`, with
    /// what was sent since, also if others have dealt with it, as far as the queue keeps it.
    #[serde(default = "earliest")]
    from: String,
}

fn earliest() -> String {
    "earliest".to_owned()
}

pub(crate) struct QueueSpout {
    config: QueueSpoutConfig,
    /// In a topology that runs in epochs, what is read instead of a claim of one's own.
    source: Option<Arc<dyn ReplayableSource>>,
    queue: Option<Queue>,
    group: String,
    claim: Option<Claim>,
    /// Whether messages may be waiting in the queue for another attempt.
    retries: bool,
    frames: Frames,
}

/// While messages wait for another attempt the queue is asked again at this interval.
const RETRY_POLL: Duration = Duration::from_millis(20);

impl QueueSpout {
    pub(crate) fn new(config: &QueueSpoutConfig) -> Result<Self> {
        Ok(Self {
            config: config.clone(),
            source: None,
            queue: None,
            group: String::new(),
            claim: None,
            retries: false,
            frames: Frames::default(),
        })
    }

    fn claim(&self) -> Result<&Claim> {
        self.claim.as_ref().ok_or_else(|| Error::retry("the queue is not claimed"))
    }

    fn start(&self) -> Start {
        Start::parse(&self.config.from).unwrap_or_default()
    }

    /// Whether the group has messages that are not settled.
    fn anything_left(&self) -> Result<bool> {
        let Some(queue) = &self.queue else { return Ok(false) };
        let stats = queue.stats().map_err(of_broker)?;
        let group = stats.groups.iter().find(|group| group.name == self.group);
        Ok(group.is_some_and(|group| group.active + group.inactive > 0))
    }
}

fn of_queue(source: &Arc<dyn ReplayableSource>) -> Result<&QueueSource> {
    let source = source.as_any().downcast_ref();
    source.ok_or_else(|| Error::retry("the source of the spout is no queue"))
}

/// Run after run of the process the lock of the data folder keeps others out, so one incarnation
/// follows the other only after it has ended. Those of a run in epochs are counted elsewhere, and
/// are not to be raised here.
fn incarnation(queue: &Queue, group: &str, owner: &str) -> u64 {
    let last = queue.last_claim(group).filter(|(last, _)| last == owner);
    last.map_or(1, |(_, incarnation)| incarnation)
}

impl Spout for QueueSpout {
    fn declare(&self) -> Result<Streams, Problem> {
        let mut problems = Vec::new();
        if self.config.queue.is_empty() {
            problems.push(Problem::new("the queue has no name").at("queue"));
        }
        if Start::parse(&self.config.from).is_none() {
            let from = &self.config.from;
            problems.push(
                Problem::new(format!("`{from}` is no time"))
                    .at("from")
                    .help("it is `earliest`, `latest` or a time such as `2026-01-01T12:00:00Z`"),
            );
        }
        Problem::all(problems)?;
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
        let waker = context.waker();
        if let Some(source) = context.source() {
            of_queue(&source)?.on_ready(move || waker.wake_by_ref())?;
            self.source = Some(source);
            return Ok(());
        }
        let store = context.resource::<Store>();
        let queue = find_queue(store.as_deref(), &self.config.queue)?;
        let group = self.config.group.as_deref().unwrap_or(context.topology());
        self.start().make_group(&queue, group)?;
        let incarnation = incarnation(&queue, group, context.topology());
        let claim = queue.claim(group, context.topology(), incarnation).map_err(of_broker)?;
        claim.on_ready(move || waker.wake_by_ref());
        self.group = group.to_owned();
        self.queue = Some(queue);
        self.claim = Some(claim);
        Ok(())
    }

    fn next(&mut self, out: &mut SpoutOutput) -> Result<Next> {
        if let Some(source) = &self.source {
            return of_queue(source)?.next(out);
        }
        let Some(claim) = &self.claim else { return Ok(Next::Idle) };
        if !self.frames.fill(claim, out.room())? {
            // A queue in which something waits to be tried again is not idle: that word would
            // end a topology that runs until its input is used up.
            self.retries = self.retries && self.anything_left()?;
            let again = Next::At(Instant::now() + RETRY_POLL);
            return Ok(if self.retries { again } else { Next::Idle });
        }
        self.frames.emit(out, true)?;
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

    fn source(&self) -> Option<Arc<dyn ReplayableSource>> {
        let group = self.config.group.as_deref();
        Some(Arc::new(QueueSource::new(&self.config.queue, group, self.start())))
    }

    fn close(&mut self) {
        self.frames.clear();
        self.source = None;
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
