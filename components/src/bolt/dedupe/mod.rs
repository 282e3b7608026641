//! `dedupe`: the first tuple of each key.

mod queue;

use schemars::JsonSchema;
use serde::Deserialize;
use squall_config::TimeSpan;
use squall_framework::{
    Bolt, Clock, Flush, Inputs, Output, Problem, Result, State, Streams, TaskContext, Tuple,
    ValueRef,
};

use self::queue::Queue;
use super::{
    event_time::{EventTime, some_time},
    keyed::{grouping, keyed_by},
    parser::not_prepared,
    watermark::Watermark,
};
use crate::{columns::Columns, sortable::sortable};

/// Options of the bolt `dedupe`.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct DedupeConfig {
    /// The fields that make the key; by default those of the grouping, which must be among them.
    #[serde(default)]
    by: Vec<String>,
    /// For how long a key is remembered after the tuple that was passed on; by default for ever.
    #[serde(default)]
    within: Option<TimeSpan>,
    /// The field with the time that `within` is about; by default the time of day when a tuple
    /// is worked on.
    #[serde(default)]
    time: Option<String>,
}

pub(crate) struct Dedupe {
    config: DedupeConfig,
    ready: Option<Ready>,
}

struct Ready {
    state: State,
    /// All fields that are handed on.
    fields: Columns,
    /// The fields of the key that are not the grouping's.
    rest: Columns,
    /// Whether there are any: if not, a state has only one key.
    has_rest: bool,
    /// For how long a key is remembered, in microseconds, and by what time.
    within: Option<(i64, Time)>,
    key: Vec<u8>,
}

enum Time {
    Event(EventTime, Watermark),
    Day(Clock),
}

impl Dedupe {
    pub(crate) fn new(config: &DedupeConfig) -> Result<Self> {
        Ok(Self { config: config.clone(), ready: None })
    }

    /// The fields of the key that are not the grouping's.
    fn rest(&self, inputs: &Inputs) -> Result<Vec<String>, Problem> {
        let by = keyed_by(inputs, "by", &self.config.by)?;
        if by.is_empty() {
            return Err(Problem::new("there is no field to tell tuples apart by")
                .help("name some in `by`, or group by them"));
        }
        let grouping = grouping(inputs)?;
        Ok(by.into_iter().filter(|field| !grouping.contains(field)).collect())
    }
}

impl Bolt for Dedupe {
    fn declare(&self, inputs: &Inputs) -> Result<Streams, Problem> {
        let config = &self.config;
        let mut problems: Vec<_> = self.rest(inputs).err().into_iter().collect();
        problems.extend(some_time(config.within, "within").err());
        if let Some(time) = &config.time {
            problems.extend(EventTime::common(inputs, time).err());
            if config.within.is_none() {
                let problem = "`time` says nothing without `within`: keys are remembered for ever";
                problems.push(Problem::new(problem).at("time"));
            }
        }
        Problem::all(problems)?;
        Ok(Streams::one(inputs.common()))
    }

    fn stateful(&self) -> bool {
        true
    }

    fn prepare(&mut self, context: &TaskContext) -> Result<()> {
        let inputs = context.inputs();
        let within = match (some_time(self.config.within, "within")?, &self.config.time) {
            (None, _) => None,
            (Some(within), None) => Some((within, Time::Day(context.clock()))),
            (Some(within), Some(time)) => {
                let time = EventTime::common(inputs, time)?;
                Some((within, Time::Event(time, Watermark::new(context, 0)?)))
            }
        };
        let rest = self.rest(inputs)?;
        let common = inputs.common();
        self.ready = Some(Ready {
            state: context.state()?,
            fields: Columns::new(inputs, common.names().collect::<Vec<_>>())?,
            rest: Columns::new(inputs, rest.iter().map(String::as_str))?,
            has_rest: !rest.is_empty(),
            within,
            key: Vec::new(),
        });
        Ok(())
    }

    fn execute(&mut self, tuple: &Tuple<'_>, out: &mut Output) -> Result<()> {
        let ready = self.ready.as_mut().ok_or_else(not_prepared)?;
        if !ready.is_new(tuple)? {
            return Ok(());
        }
        let fields = ready.fields.of(tuple);
        out.emit(&fields.iter().map(|&column| tuple.at(column)).collect::<Vec<_>>())
    }

    fn flush(&mut self, _: &mut Output) -> Result<Flush> {
        let ready = self.ready.as_mut().ok_or_else(not_prepared)?;
        let up_to = match &mut ready.within {
            None => return Ok(Flush::Done),
            Some((_, Time::Day(clock))) => Some(clock.now()),
            Some((_, Time::Event(_, watermark))) => watermark.advance()?,
        };
        let (Some(up_to), Some((within, _))) = (up_to, &ready.within) else {
            return Ok(Flush::Done);
        };
        while ready.state.next_due(up_to)?.is_some() {
            if ready.has_rest {
                Queue::new(&ready.state, *within).forget(up_to)?;
            }
        }
        Ok(Flush::Done)
    }
}

impl Ready {
    /// Whether this tuple is the first of its key, which is remembered from now on.
    fn is_new(&mut self, tuple: &Tuple<'_>) -> Result<bool> {
        self.key.clear();
        self.rest.of(tuple).iter().for_each(|&column| sortable(tuple.at(column), &mut self.key));
        let key = ValueRef::Bytes(&self.key);
        let Some((within, time)) = &mut self.within else {
            let is_new = !self.state.read(key, |known| known.is_some())?;
            if is_new {
                self.state.put_bytes(key, &[])?;
            }
            return Ok(is_new);
        };
        // Nothing is known that was known only up to here, be it forgotten already or not.
        let (now, forgotten) = match time {
            Time::Day(clock) => (clock.now(), None),
            Time::Event(time, watermark) => {
                let now = time.of(tuple)?;
                watermark.see(tuple, now);
                (now, watermark.now())
            }
        };
        // A key is known until this time. Where a state has but one key, its timer says so.
        let known_until = if self.has_rest {
            self.state.read(key, |until| until.and_then(queue::read_time))?
        } else {
            self.state.timer()?
        };
        if known_until.is_some_and(|until| now < until && Some(until) > forgotten) {
            return Ok(false);
        }
        let until = now.saturating_add(*within);
        if self.has_rest {
            self.state.put_bytes(key, &until.to_le_bytes())?;
            Queue::new(&self.state, *within).push(until, &self.key)?;
        } else {
            self.state.set_timer(Some(until))?;
        }
        Ok(true)
    }
}
