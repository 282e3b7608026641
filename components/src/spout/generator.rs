//! `generator`: made-up events, the same for the same seed.

use std::{
    sync::Arc,
    time::{Duration, Instant, SystemTime},
};

use schemars::JsonSchema;
use serde::Deserialize;
use squall_framework::{
    Error, Kind, Next, Problem, ReplayableSource, Result, Schema, SourcePosition, Spout,
    SpoutOutput, Streams, TaskContext,
};

use super::numbered::{Numbered, NumberedSource};
use crate::{
    generate::{AccessLines, Events, Rides, Shares},
    parse::TimeFormat,
};

/// Options of the spout `generator`.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct GeneratorConfig {
    /// What to make up: `shares` of restaurants, in JSON; `access_log` lines, in the combined
    /// format; `rides` of taxis, in CSV.
    shape: Shape,
    /// The same seed gives the same events.
    #[serde(default)]
    seed: u64,
    /// So many events, shared by all tasks; by default without end.
    #[serde(default)]
    count: Option<u64>,
    /// So many events a second, shared by all tasks; by default as fast as they are taken.
    #[serde(default)]
    rate: Option<f64>,
    /// When the first event happened, such as `2026-01-01T12:00:00Z`, or `now`.
    #[serde(default = "start")]
    start: String,
}

#[derive(Debug, Clone, Copy, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum Shape {
    Shares,
    AccessLog,
    Rides,
}

fn start() -> String {
    "2026-01-01T00:00:00Z".to_owned()
}

/// The events of one task.
struct Sequence {
    config: GeneratorConfig,
    /// The number of the task, and how many there are.
    task: (u64, u64),
    events: Option<Box<dyn Events>>,
    /// The number of the next event.
    next: u64,
    /// How many were emitted since `started`.
    emitted: u64,
    started: Instant,
    text: String,
}

/// So many events that are settled are made in a row to come to the others.
const STEP: u64 = 10_000;

impl Sequence {
    fn new(config: &GeneratorConfig, task: (u64, u64)) -> Self {
        Self {
            config: config.clone(),
            task,
            events: None,
            next: 0,
            emitted: 0,
            started: Instant::now(),
            text: String::new(),
        }
    }

    /// How many events the task makes.
    fn count(&self) -> u64 {
        let (index, tasks) = self.task;
        self.config.count.map_or(u64::MAX, |count| count / tasks + u64::from(index < count % tasks))
    }

    /// When the next event is to be emitted.
    fn due(&self) -> Option<Instant> {
        let rate = self.config.rate? / self.task.1 as f64;
        Some(self.started + Duration::from_secs_f64(self.emitted as f64 / rate))
    }
}

impl Numbered for Sequence {
    fn identity(&self) -> Result<String> {
        let GeneratorConfig { shape, seed, start, .. } = &self.config;
        Ok(format!("{shape:?} of seed {seed} from {start}"))
    }

    fn restart(&mut self) -> Result<()> {
        let start = self.config.start().ok_or_else(|| Error::retry("`start` is not a time"))?;
        // Tasks must not make the same events.
        let seed = self.config.seed.wrapping_mul(1_000_003).wrapping_add(self.task.0);
        *self = Self::new(&self.config, self.task);
        self.events = Some(match self.config.shape {
            Shape::Shares => Box::new(Shares::new(seed, start)),
            Shape::AccessLog => Box::new(AccessLines::new(seed, start)),
            Shape::Rides => Box::new(Rides::new(seed, start)),
        });
        Ok(())
    }

    fn next(&mut self, settled: &SourcePosition, out: &mut SpoutOutput) -> Result<Next> {
        let now = Instant::now();
        let until = self.next.saturating_add(STEP);
        let count = self.count();
        while out.room() > 0 {
            if self.next == count {
                return Ok(Next::Done);
            }
            let passed_over = settled.contains(self.next);
            if passed_over && self.next == until {
                break;
            }
            if !passed_over
                && let Some(due) = self.due()
                && due > now
            {
                return Ok(Next::At(due));
            }
            let Some(events) = &mut self.events else { return Ok(Next::Done) };
            self.text.clear();
            events.write(&mut self.text);
            if !passed_over {
                out.emit(self.next, [self.text.as_str()])?;
                self.emitted += 1;
            }
            self.next += 1;
        }
        Ok(Next::More)
    }
}

impl GeneratorConfig {
    fn start(&self) -> Option<i64> {
        if self.start == "now" {
            let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).ok()?;
            return i64::try_from(now.as_micros()).ok();
        }
        TimeFormat::Auto.parse(&self.start)
    }
}

pub(crate) struct Generator {
    config: GeneratorConfig,
    /// The events of this task; `None` if it makes none.
    events: Option<Sequence>,
    /// In a topology that runs in epochs, what is read instead.
    source: Option<Arc<dyn ReplayableSource>>,
}

impl Generator {
    pub(crate) fn new(config: &GeneratorConfig) -> Result<Self> {
        Ok(Self { config: config.clone(), events: None, source: None })
    }
}

impl Spout for Generator {
    fn declare(&self) -> Result<Streams, Problem> {
        let mut problems = Vec::new();
        if self.config.start().is_none() {
            problems
                .push(Problem::new(format!("`{}` is not a time", self.config.start)).at("start"));
        }
        if self.config.rate.is_some_and(|rate| !(rate > 0.0 && rate.is_finite())) {
            problems.push(Problem::new("the rate is not a positive number").at("rate"));
        }
        Problem::all(problems)?;
        Ok(Streams::one(Schema::new([("body", Kind::Text)])))
    }

    fn prepare(&mut self, context: &TaskContext) -> Result<()> {
        if let Some(source) = context.source() {
            // Its events are numbered in one row, so one task makes them all.
            self.source = (context.index() == 0).then_some(source);
            return Ok(());
        }
        let task = (context.index() as u64, context.parallelism() as u64);
        self.events.insert(Sequence::new(&self.config, task)).restart()
    }

    fn next(&mut self, out: &mut SpoutOutput) -> Result<Next> {
        match (&self.source, &mut self.events) {
            (Some(source), _) => NumberedSource::<Sequence>::next(&**source, out),
            (None, Some(events)) => events.next(&SourcePosition::default(), out),
            (None, None) => Ok(Next::Done),
        }
    }

    fn source(&self) -> Option<Arc<dyn ReplayableSource>> {
        // What starts now is something else each time.
        (self.config.start != "now").then(|| {
            let events = Sequence::new(&self.config, (0, 1));
            Arc::new(NumberedSource::new(events)) as Arc<dyn ReplayableSource>
        })
    }
}
