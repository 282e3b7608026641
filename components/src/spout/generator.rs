//! `generator`: made-up events, the same for the same seed.

use std::time::{Duration, Instant, SystemTime};

use schemars::JsonSchema;
use serde::Deserialize;
use squall_framework::{
    Error, Kind, Next, Problem, Result, Schema, Spout, SpoutOutput, Streams, TaskContext,
};

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

pub(crate) struct Generator {
    config: GeneratorConfig,
    events: Option<Box<dyn Events>>,
    emitted: u64,
    /// How many events this task makes.
    share: u64,
    /// The task's part of the rate, in events a second.
    rate: Option<f64>,
    started: Instant,
    text: String,
}

impl Generator {
    pub(crate) fn new(config: &GeneratorConfig) -> Result<Self> {
        Ok(Self {
            config: config.clone(),
            events: None,
            emitted: 0,
            share: u64::MAX,
            rate: None,
            started: Instant::now(),
            text: String::new(),
        })
    }

    fn start(&self) -> Option<i64> {
        if self.config.start == "now" {
            let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).ok()?;
            return i64::try_from(now.as_micros()).ok();
        }
        TimeFormat::Auto.parse(&self.config.start)
    }

    /// When the event of this number is to be emitted.
    fn due(&self, number: u64, rate: f64) -> Instant {
        self.started + Duration::from_secs_f64(number as f64 / rate)
    }
}

impl Spout for Generator {
    fn declare(&self) -> Result<Streams, Problem> {
        let mut problems = Vec::new();
        if self.start().is_none() {
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
        let (index, tasks) = (context.index() as u64, context.parallelism() as u64);
        let start = self.start().ok_or_else(|| Error::retry("`start` is not a time"))?;
        // Tasks must not make the same events.
        let seed = self.config.seed.wrapping_mul(1_000_003).wrapping_add(index);
        self.events = Some(match self.config.shape {
            Shape::Shares => Box::new(Shares::new(seed, start)),
            Shape::AccessLog => Box::new(AccessLines::new(seed, start)),
            Shape::Rides => Box::new(Rides::new(seed, start)),
        });
        if let Some(count) = self.config.count {
            self.share = count / tasks + u64::from(index < count % tasks);
        }
        self.rate = self.config.rate.map(|rate| rate / tasks as f64);
        self.started = Instant::now();
        Ok(())
    }

    fn next(&mut self, out: &mut SpoutOutput) -> Result<Next> {
        let now = Instant::now();
        while out.room() > 0 {
            if self.emitted == self.share {
                return Ok(Next::Done);
            }
            if let Some(rate) = self.rate {
                let due = self.due(self.emitted, rate);
                if due > now {
                    return Ok(Next::At(due));
                }
            }
            let Some(events) = &mut self.events else { return Ok(Next::Done) };
            self.text.clear();
            events.write(&mut self.text);
            out.emit(self.emitted, [self.text.as_str()])?;
            self.emitted += 1;
        }
        Ok(Next::More)
    }
}
