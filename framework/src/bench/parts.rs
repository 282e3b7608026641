//! The spouts and bolts of the benchmarks.

use std::{
    collections::HashMap,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::{Duration, Instant},
};

use hdrhistogram::Histogram;
use parking_lot::Mutex;

use crate::{
    Bolt, Inputs, Kind, Next, Output, Problem, Result, Schema, Spout, SpoutOutput, Streams, Tuple,
    ValueRef,
};

/// Lines for the word count when no file is named.
pub const BUILT_IN_TEXT: &str = "\
83.149.9.216 - - [17/May/2015:10:05:03 +0000] \"GET /presentations/search.png HTTP/1.1\" 200 203023
the table of the hottest restaurants is fresh within a second and ranks distinct people
a producer is faster than its consumer so a queue between them keeps what is not yet read
one person who shares a place a hundred times counts once and the next crash changes nothing
";

/// Counters that the components of a benchmark and the one who runs it share.
#[derive(Default)]
pub(super) struct Shared {
    /// Tuples that arrived at the sink.
    pub(super) arrived: AtomicU64,
    /// A sum of what arrived, so that nothing can be optimised away.
    pub(super) sum: AtomicU64,
    /// Messages that were acked.
    pub(super) acked: AtomicU64,
    /// Nanoseconds from the intended emit to the sink.
    pub(super) to_sink: Mutex<Option<Histogram<u64>>>,
    /// Nanoseconds from the intended emit to the ack.
    pub(super) to_ack: Mutex<Option<Histogram<u64>>>,
}

/// Emits rows of so many numbers, as fast as it may.
pub(super) struct ConstSpout {
    pub(super) width: usize,
    pub(super) next: u64,
    pub(super) shared: Arc<Shared>,
}

impl Spout for ConstSpout {
    fn declare(&self) -> Result<Streams, Problem> {
        Ok(Streams::one(numbers(self.width)))
    }

    fn next(&mut self, out: &mut SpoutOutput) -> Result<Next> {
        if self.width == 1 {
            for _ in 0..out.room().min(256) {
                out.emit(self.next, [self.next as i64])?;
                self.next += 1;
            }
        } else {
            let mut row = vec![ValueRef::Int(7); self.width];
            for _ in 0..out.room().min(256) {
                row[0] = ValueRef::Int(self.next as i64);
                out.emit(self.next, &row)?;
                self.next += 1;
            }
        }
        Ok(Next::More)
    }

    fn ack(&mut self, ids: &[u64]) -> Result<()> {
        self.shared.acked.fetch_add(ids.len() as u64, Relaxed);
        Ok(())
    }

    fn replays(&self) -> bool {
        true
    }
}

fn numbers(width: usize) -> Schema {
    Schema::new((0..width).map(|column| (format!("n{column}"), Kind::Int)))
}

/// Emits what it gets.
pub(super) struct Relay;

impl Bolt for Relay {
    fn declare(&self, inputs: &Inputs) -> Result<Streams, Problem> {
        Ok(Streams::one(inputs.common()))
    }

    fn execute(&mut self, tuple: &Tuple<'_>, out: &mut Output) -> Result<()> {
        out.emit([tuple.at(0)])
    }
}

/// Counts and adds up what it gets.
pub(super) struct Count {
    pub(super) seen: u64,
    pub(super) sum: u64,
    pub(super) shared: Arc<Shared>,
}

impl Bolt for Count {
    fn execute(&mut self, tuple: &Tuple<'_>, _: &mut Output) -> Result<()> {
        if let ValueRef::Int(number) = tuple.at(0) {
            self.sum = self.sum.wrapping_add(number as u64);
        }
        self.seen += 1;
        if self.seen == 256 {
            self.publish();
        }
        Ok(())
    }
}

impl Count {
    fn publish(&mut self) {
        self.shared.arrived.fetch_add(self.seen, Relaxed);
        self.shared.sum.fetch_add(self.sum, Relaxed);
        (self.seen, self.sum) = (0, 0);
    }
}

impl Drop for Count {
    fn drop(&mut self) {
        self.publish();
    }
}

/// Emits lines of text round and round.
pub(super) struct Lines {
    pub(super) lines: Arc<[String]>,
    pub(super) next: u64,
    pub(super) shared: Arc<Shared>,
}

impl Spout for Lines {
    fn declare(&self) -> Result<Streams, Problem> {
        Ok(Streams::one(Schema::new([("line", Kind::Text)])))
    }

    fn next(&mut self, out: &mut SpoutOutput) -> Result<Next> {
        for _ in 0..out.room().min(256) {
            let line = &self.lines[self.next as usize % self.lines.len()];
            out.emit(self.next, [line.as_str()])?;
            self.next += 1;
        }
        Ok(Next::More)
    }

    fn ack(&mut self, ids: &[u64]) -> Result<()> {
        self.shared.acked.fetch_add(ids.len() as u64, Relaxed);
        Ok(())
    }

    fn replays(&self) -> bool {
        true
    }
}

/// Emits the words of a line.
pub(super) struct Split;

impl Bolt for Split {
    fn declare(&self, inputs: &Inputs) -> Result<Streams, Problem> {
        inputs.require("line")?;
        Ok(Streams::one(Schema::new([("word", Kind::Text)])))
    }

    fn execute(&mut self, tuple: &Tuple<'_>, out: &mut Output) -> Result<()> {
        for word in tuple.str("line")?.split(' ') {
            out.emit([word])?;
        }
        Ok(())
    }
}

/// Counts words.
pub(super) struct CountWords {
    pub(super) counts: HashMap<Box<str>, u64, Hasher>,
    pub(super) seen: u64,
    pub(super) shared: Arc<Shared>,
}

/// The hash of the word count, here and in its baseline.
pub(super) type Hasher = std::hash::BuildHasherDefault<xxhash_rust::xxh3::Xxh3Default>;

impl Bolt for CountWords {
    fn execute(&mut self, tuple: &Tuple<'_>, _: &mut Output) -> Result<()> {
        if let ValueRef::Text(word) = tuple.at(0) {
            match self.counts.get_mut(word) {
                Some(count) => *count += 1,
                None => {
                    self.counts.insert(word.into(), 1);
                }
            }
        }
        self.seen += 1;
        if self.seen == 256 {
            self.shared.arrived.fetch_add(self.seen, Relaxed);
            self.seen = 0;
        }
        Ok(())
    }
}

impl Drop for CountWords {
    fn drop(&mut self) {
        self.shared.sum.fetch_add(self.counts.values().sum(), Relaxed);
        self.shared.arrived.fetch_add(self.seen, Relaxed);
    }
}

/// Emits so many messages a second, each carrying the moment at which it was
/// to be emitted, whether or not the topology keeps up.
pub(super) struct Paced {
    pub(super) start: Instant,
    pub(super) gap: Duration,
    pub(super) next: u32,
    /// Latencies before this are warm-up.
    pub(super) from: Duration,
    pub(super) shared: Arc<Shared>,
}

impl Paced {
    fn due(&self, message: u32) -> Duration {
        self.gap * message
    }
}

impl Spout for Paced {
    fn declare(&self) -> Result<Streams, Problem> {
        Ok(Streams::one(Schema::new([("due_ns", Kind::Int)])))
    }

    fn prepare(&mut self, _: &crate::TaskContext) -> Result<()> {
        self.start = Instant::now();
        Ok(())
    }

    fn next(&mut self, out: &mut SpoutOutput) -> Result<Next> {
        for _ in 0..out.room().min(256) {
            let due = self.start + self.due(self.next);
            if Instant::now() < due {
                return Ok(Next::At(due));
            }
            out.emit(self.next.into(), [nanos(due)])?;
            self.next += 1;
        }
        Ok(Next::More)
    }

    fn ack(&mut self, ids: &[u64]) -> Result<()> {
        let now = self.start.elapsed();
        let mut histogram = self.shared.to_ack.lock();
        let Some(histogram) = &mut *histogram else { return Ok(()) };
        for id in ids {
            let due = self.due(*id as u32);
            if due >= self.from {
                histogram.saturating_record((now.saturating_sub(due)).as_nanos() as u64);
            }
        }
        self.shared.acked.fetch_add(ids.len() as u64, Relaxed);
        Ok(())
    }

    fn replays(&self) -> bool {
        true
    }
}

/// Nanoseconds of this moment on a clock that all components of a benchmark share.
fn nanos(moment: Instant) -> i64 {
    static ZERO: std::sync::OnceLock<Instant> = std::sync::OnceLock::new();
    let zero = *ZERO.get_or_init(|| Instant::now() - Duration::from_secs(1));
    moment.saturating_duration_since(zero).as_nanos() as i64
}

/// Notes how long each message was on its way.
pub(super) struct Arrival {
    pub(super) shared: Arc<Shared>,
    pub(super) skip: u64,
}

impl Bolt for Arrival {
    fn execute(&mut self, tuple: &Tuple<'_>, _: &mut Output) -> Result<()> {
        let now = nanos(Instant::now());
        if self.skip > 0 {
            self.skip -= 1;
            return Ok(());
        }
        if let (ValueRef::Int(due), Some(histogram)) =
            (tuple.at(0), &mut *self.shared.to_sink.lock())
        {
            histogram.saturating_record((now - due).max(1) as u64);
        }
        self.shared.arrived.fetch_add(1, Relaxed);
        Ok(())
    }
}
