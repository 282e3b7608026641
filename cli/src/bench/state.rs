//! A sliding hour by the minute, with distinct people per restaurant: how fast, in how much memory,
//! and how soon it goes on after it was stopped.

use std::{
    any::Any,
    ops::Range,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::SeqCst},
    },
    time::{Duration, Instant},
};

use serde::Serialize;
use squall_config::Variables;
use squall_framework::{
    AnyConfig, ComponentType, Kind, Next, Problem, Registry, ReplayableSource, Result, Schema,
    SourceClaim, SourceDead, Spout, SpoutOutput, Streams, TaskContext, TopologyFile, ValueRef,
};

use super::{Scratch, memory::peak_mb};
use crate::{
    failure::Failure,
    local::DataFolder,
    run::{Outcome, Session, state_folder},
};

const TOPOLOGY: &str = "
name: state
config:
  threads: ${THREADS}
  state_memory: ${MEMORY}
spouts:
  - { id: events, type: events }
bolts:
  - id: people
    type: window
    inputs: [{ from: events, grouping: fields, fields: [restaurant] }]
    parallelism: ${TASKS}
    size: 1h
    every: 1m
    time: at
    lateness: 1s
    aggregates: { people: distinct(user), shares: count() }
  - { id: save, type: sql, inputs: [people], store: \"${STORE}\", table: hours, keys: [window_end, restaurant] }
";

/// 2026-01-01, in microseconds.
const START: i64 = 1_767_225_600_000_000;

/// What is to be measured.
pub(crate) struct StatePlan {
    pub(crate) seconds: f64,
    pub(crate) people: u64,
    pub(crate) restaurants: u64,
    /// Events a second of event time: how far it moves with each.
    pub(crate) rate: u64,
    pub(crate) threads: u16,
    pub(crate) memory: String,
}

/// What was measured.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct StateMeasured {
    pub(crate) seconds: f64,
    pub(crate) events: u64,
    pub(crate) events_per_s: f64,
    /// Minutes of event time.
    pub(crate) minutes: f64,
    pub(crate) commits: u64,
    pub(crate) rows: u64,
    /// Keys and bytes of the state on disk.
    pub(crate) keys: u64,
    pub(crate) state_mb: f64,
    /// The most memory that the process had.
    pub(crate) peak_rss_mb: f64,
    /// From the start of the next run until it has worked on its first events, in milliseconds.
    pub(crate) restart_ms: f64,
}

/// Runs for as long as the plan says, stops, and starts again.
pub(crate) fn state(
    scratch: &Scratch,
    plan: &StatePlan,
    registry: &Registry,
) -> Result<StateMeasured, Failure> {
    let mut registry = registry.clone();
    let (people, restaurants, rate) = (plan.people, plan.restaurants, plan.rate.max(1));
    registry.add(ComponentType::spout("events", move |_: &AnyConfig| {
        Ok(Events { people, restaurants, rate, source: None, next: 0 })
    }));
    let variables = Variables::new()
        .with("THREADS", plan.threads.to_string())
        .with("TASKS", plan.threads.to_string())
        .with("MEMORY", plan.memory.clone())
        .with("STORE", format!("sqlite://{}", scratch.join("state.db").display()));
    let topology = TopologyFile::parse("state", TOPOLOGY, &variables, &registry)?;
    let data = scratch.join("data");
    let session = Session::start(topology.clone(), DataFolder::open(&data)?)?;
    while session.elapsed().as_secs_f64() < plan.seconds {
        std::thread::sleep(Duration::from_millis(10));
    }
    if !session.drain(Duration::from_secs(120)) {
        return Err(Failure::failed("the last events could not be committed"));
    }
    let seconds = session.elapsed().as_secs_f64();
    let snapshot = session.snapshot();
    let events = snapshot.spouts(|spout| spout.acked);
    let (commits, rows) = snapshot.epochs.map_or((0, 0), |epochs| (epochs.commits, epochs.rows));
    session.end(Outcome::Stopped, 0);

    let begin = Instant::now();
    let session = Session::start(topology, DataFolder::open(&data)?)?;
    while session.snapshot().component("people").is_none_or(|people| people.executed == 0) {
        if begin.elapsed() > Duration::from_secs(120) {
            return Err(Failure::failed("it did not go on after it was stopped"));
        }
        std::thread::sleep(Duration::from_millis(1));
    }
    let restart_ms = begin.elapsed().as_secs_f64() * 1e3;
    let peak_rss_mb = peak_mb();
    let _ = session.drain(Duration::from_secs(120));
    session.end(Outcome::Stopped, 0);

    let folder = state_folder(&data, "state");
    let states = squall_components::state::StateFolder::open(&folder, "state");
    let stats = states.map_err(crate::run::of_states)?.view().stats();
    let stats = stats.map_err(crate::run::of_states)?;
    Ok(StateMeasured {
        seconds,
        events,
        events_per_s: events as f64 / seconds,
        minutes: events as f64 / rate as f64 / 60.0,
        commits,
        rows,
        keys: stats.components.iter().map(|component| component.keys).sum(),
        state_mb: stats.disk_bytes as f64 / 1e6,
        peak_rss_mb,
        restart_ms,
    })
}

/// Shares of restaurants by people, both with favourites: event `n` is the same in every run.
struct Events {
    people: u64,
    restaurants: u64,
    rate: u64,
    source: Option<Arc<dyn ReplayableSource>>,
    next: u64,
}

impl Events {
    /// A number below `most`; the small ones more often: half of them within the first tenth.
    fn favourite(hash: u64, most: u64) -> u64 {
        let part = (hash >> 11) as f64 / (1_u64 << 53) as f64;
        ((part * part * part) * most as f64) as u64
    }
}

fn mix(n: u64, seed: u64) -> u64 {
    // SplitMix64, <https://prng.di.unimi.it/splitmix64.c>.
    let mut z = n.wrapping_add(seed).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

impl Spout for Events {
    fn declare(&self) -> Result<Streams, Problem> {
        Ok(Streams::one(Schema::new([
            ("restaurant", Kind::Int),
            ("user", Kind::Int),
            ("at", Kind::Timestamp),
        ])))
    }

    fn prepare(&mut self, context: &TaskContext) -> Result<()> {
        self.source = context.source();
        Ok(())
    }

    fn next(&mut self, out: &mut SpoutOutput) -> Result<Next> {
        let source = self.source.as_ref().and_then(|source| source.as_any().downcast_ref::<From>());
        if let Some(source) = source {
            let from = source.rewound.swap(u64::MAX, SeqCst);
            if from != u64::MAX {
                self.next = from;
            }
        }
        while out.room() > 0 {
            let n = self.next;
            let restaurant = Self::favourite(mix(n, 1), self.restaurants);
            let user = Self::favourite(mix(n, 2), self.people);
            let at = START + (n as i128 * 1_000_000 / i128::from(self.rate)) as i64;
            let row = [
                ValueRef::Int(restaurant as i64),
                ValueRef::Int(user as i64),
                ValueRef::Timestamp(at),
            ];
            out.emit(n, row)?;
            self.next += 1;
        }
        Ok(Next::More)
    }

    fn source(&self) -> Option<Arc<dyn ReplayableSource>> {
        Some(Arc::new(From { settled: AtomicU64::new(0), rewound: AtomicU64::new(0) }))
    }
}

/// Goes on behind the last event that is settled; all before are.
struct From {
    settled: AtomicU64,
    /// Where the spout is to go on, once.
    rewound: AtomicU64,
}

impl ReplayableSource for From {
    fn claim(&self, _: &SourceClaim) -> Result<String> {
        Ok("events".to_owned())
    }

    fn settle(&self, ranges: &[Range<u64>]) -> Result<()> {
        if let Some(last) = ranges.last() {
            self.settled.fetch_max(last.end, SeqCst);
        }
        Ok(())
    }

    fn dead_letter(&self, _: &[SourceDead]) -> Result<()> {
        Ok(())
    }

    fn rewind(&self) -> Result<()> {
        self.rewound.store(self.settled.load(SeqCst), SeqCst);
        Ok(())
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}
