//! `shell`: a bolt in any language, over Storm's multilang protocol.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value as Json;
use squall_config::TimeSpan;
use squall_framework::{
    BatchBolt, BoltFuture, Error, Inputs, Output, Problem, Result, Schema, Streams, TaskContext,
    Tuple, TupleBatch, ValueRef,
};

use super::parser::{not_prepared, schema_of};
use crate::{
    multilang::{Child, Command, handshake},
    options::Named,
    parse::{Field, FieldSpec, Scalar},
    values::{of_scalar, write_json},
};

/// Options of the bolt `shell`.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ShellConfig {
    /// The program and its arguments, such as `[python3, split.py]`; each task starts one of its own.
    command: Vec<String>,
    /// The fields of the tuples that it emits, in their order, each with its type: string, int, float,
    /// bool or timestamp, with `?` behind one that may be null.
    #[serde(default)]
    fields: Named<FieldSpec>,
    /// Further streams by their names, each with its fields.
    #[serde(default)]
    streams: Named<Named<FieldSpec>>,
    /// What the program is told as its configuration, by name.
    #[serde(default)]
    conf: BTreeMap<String, Json>,
    /// A program that has said nothing for so long is killed and started again, and its tuples are
    /// tried again; by default 30 seconds.
    #[serde(default)]
    timeout: Option<TimeSpan>,
    /// How often the program is sent a tick, as long as it has tuples in hand: for one that collects
    /// tuples and is done with them when a tick comes. By default never.
    #[serde(default)]
    ticks: Option<TimeSpan>,
}

/// So many tuples are on their way to the program and back, if so many are waiting: between one lot and
/// the next it has nothing to do.
const ROWS: usize = 1_000;
const TIMEOUT: Duration = Duration::from_secs(30);
/// A heartbeat, as Storm sends it. A child answers with `sync` when it comes to it.
const HEARTBEAT: &str =
    r#"{"id":"heartbeat","comp":"__system","stream":"__heartbeat","task":-1,"tuple":[]}"#;

pub(crate) struct Shell {
    config: ShellConfig,
    streams: Vec<(String, Vec<Field>)>,
    context: Option<TaskContext>,
    child: Option<Child>,
    /// The number of the next tuple.
    next: u64,
    text: String,
}

impl Shell {
    pub(crate) fn new(config: &ShellConfig) -> Result<Self> {
        let fields = |fields: &Named<FieldSpec>| {
            fields.0.iter().map(|(name, spec)| Field::new(name, spec)).collect::<Vec<_>>()
        };
        let mut streams = Vec::new();
        if !config.fields.0.is_empty() {
            streams.push(("default".to_owned(), fields(&config.fields)));
        }
        streams.extend(config.streams.0.iter().map(|(name, of)| (name.clone(), fields(of))));
        let config = config.clone();
        Ok(Self { config, streams, context: None, child: None, next: 0, text: String::new() })
    }

    fn timeout(&self) -> Duration {
        self.config.timeout.map_or(TIMEOUT, |timeout| *timeout)
    }

    fn declared(&self) -> Streams {
        self.streams.iter().fold(Streams::none(), |streams, (name, fields)| {
            streams.and(name, Schema::new(schema_of(fields)))
        })
    }

    async fn started(&mut self) -> Result<Child> {
        if let Some(child) = self.child.take() {
            return Ok(child);
        }
        let context = self.context.as_ref().ok_or_else(not_prepared)?;
        let streams = self.declared();
        let hello = |pids: &str| handshake(context, &streams, &self.config.conf, pids);
        Child::start(&self.config.command, context.component(), self.timeout(), hello).await
    }

    /// A tuple as the protocol has it.
    fn write(&mut self, id: u64, batch: &TupleBatch, tuple: &Tuple<'_>) -> Result<()> {
        let context = self.context.as_ref().ok_or_else(not_prepared)?;
        let input = context.inputs().all().get(batch.input()).ok_or_else(not_prepared)?;
        let quoted = |text: &str| Json::from(text).to_string();
        self.text.clear();
        self.text.push_str(&format!(
            "{{\"id\":\"{id}\",\"comp\":{},\"stream\":{},\"task\":{},\"tuple\":[",
            quoted(&input.from),
            quoted(&input.stream),
            batch.sender()
        ));
        for (index, value) in tuple.values().enumerate() {
            if index > 0 {
                self.text.push(',');
            }
            write_json(value, &mut self.text);
        }
        self.text.push_str("]}");
        Ok(())
    }

    async fn run(&mut self, batch: &TupleBatch, out: &mut Output) -> Result<()> {
        let mut child = self.started().await?;
        let first = self.next;
        let mut rows = Rows { first, waiting: vec![false; batch.len()], left: 0 };
        for tuple in batch.rows() {
            self.write(first + tuple.row() as u64, batch, &tuple)?;
            child.send(&self.text);
            rows.waiting[tuple.row()] = true;
            rows.left += 1;
        }
        self.next += batch.len() as u64;
        let mut watch = Watch::new(self.timeout(), self.config.ticks.map(|every| *every));
        while rows.left > 0 {
            match watch.due() {
                Due::Tick(seconds) => child.send(&tick(seconds)),
                Due::Heartbeat => child.send(HEARTBEAT),
                // Dropping the child kills it.
                Due::End => {
                    let timeout = self.timeout();
                    let why = format!("the child has said nothing for {timeout:?}");
                    return Err(Error::retry(why));
                }
                Due::Idle => {
                    let why = "the child is idle and is not done with what it was given; one that \
                           collects tuples wants `ticks`, and a `timeout` longer than that";
                    return Err(Error::retry(why));
                }
                Due::Nothing => {}
            }
            let Some(command) = child.receive(watch.patience()).await? else { continue };
            watch.heard(command == Command::Sync);
            if let Command::Emit { need_task_ids: true, .. } = command {
                // Where a tuple goes is decided later; nobody who asks is kept waiting.
                child.send("[]");
            }
            self.obey(command, &mut rows, out)?;
        }
        self.child = Some(child);
        Ok(())
    }

    fn obey(&self, command: Command, rows: &mut Rows, out: &mut Output) -> Result<()> {
        let component = self.context.as_ref().map_or("", |context| context.component());
        match command {
            Command::Ack { id } => drop(rows.take(&id)),
            Command::Fail { id } => {
                if let Some(row) = rows.take(&id) {
                    out.fail(row, Error::retry("the child failed it"));
                }
            }
            Command::Emit { anchors, stream, tuple, task: _, need_task_ids: _ } => {
                let anchors: Vec<usize> = anchors.iter().filter_map(|id| rows.row(id)).collect();
                if let Err(error) = self.emit(&anchors, &stream, tuple, out) {
                    let waiting: Vec<_> =
                        anchors.iter().filter(|row| rows.forget(**row)).copied().collect();
                    if waiting.is_empty() {
                        return Err(Error::retry(format!(
                            "the child emits what it must not: {error}"
                        )));
                    }
                    let error = error.to_string();
                    waiting.into_iter().for_each(|row| out.fail(row, Error::data(error.clone())));
                }
            }
            Command::Log { msg, level } => match level {
                0 => tracing::trace!(component, msg, "the child logs"),
                1 => tracing::debug!(component, msg, "the child logs"),
                2 => tracing::info!(component, msg, "the child logs"),
                3 => tracing::warn!(component, msg, "the child logs"),
                _ => tracing::error!(component, msg, "the child logs"),
            },
            Command::Error { msg } => tracing::error!(component, msg, "the child has an error"),
            Command::Metrics { name, params } => {
                tracing::info!(component, name, %params, "the child counts");
            }
            Command::Sync => {}
        }
        Ok(())
    }

    fn emit(
        &self,
        anchors: &[usize],
        stream: &str,
        tuple: Vec<Json>,
        out: &mut Output,
    ) -> Result<()> {
        let found = self.streams.iter().position(|(name, _)| name == stream);
        let Some((index, (_, fields))) = found.map(|index| (index, &self.streams[index])) else {
            let help = "; declare it under `fields` (the stream `default`) or `streams`";
            return Err(Error::data(format!("there is no stream `{stream}`{help}")));
        };
        if tuple.len() != fields.len() {
            let (found, wanted) = (tuple.len(), fields.len());
            return Err(Error::data(format!(
                "a tuple of {found} values for the stream `{stream}`, which has {wanted} fields"
            )));
        }
        let row = tuple.into_iter().zip(fields).map(|(value, field)| scalar(value).convert(field));
        let row = row.collect::<Result<Vec<_>, _>>().map_err(|e| Error::data(e.to_string()))?;
        let row: Vec<ValueRef<'_>> = row.iter().map(of_scalar).collect();
        out.emit_from_to(index, anchors, &row)
    }
}

/// A tick, as Storm sends it.
fn tick(seconds: f64) -> String {
    format!(
        r#"{{"id":"tick","comp":"__system","stream":"__tick","task":-1,"tuple":[{}]}}"#,
        seconds.max(1.0) as u64
    )
}

/// What is due while a child has tuples in hand.
struct Watch {
    timeout: Duration,
    ticks: Option<Duration>,
    heard: Instant,
    /// When it last said anything but that it is there.
    busy: Instant,
    /// It was sent a heartbeat since it was last heard.
    asked: bool,
    ticked: Instant,
}

enum Due {
    Nothing,
    /// A tick, which comes every so many seconds.
    Tick(f64),
    Heartbeat,
    /// It answers heartbeats and does nothing else.
    Idle,
    End,
}

impl Watch {
    fn new(timeout: Duration, ticks: Option<Duration>) -> Self {
        let now = Instant::now();
        Watch { timeout, ticks, heard: now, busy: now, asked: false, ticked: now }
    }

    fn heard(&mut self, sync: bool) {
        (self.heard, self.asked) = (Instant::now(), false);
        if !sync {
            self.busy = self.heard;
        }
    }

    /// How long nothing may be heard until there is a heartbeat, or the end.
    fn silence(&self) -> Duration {
        if self.asked { self.timeout } else { self.timeout / 2 }
    }

    /// How long to wait until something is due.
    fn patience(&self) -> Duration {
        let silence = self.silence().saturating_sub(self.heard.elapsed());
        let tick = self.ticks.map(|every| every.saturating_sub(self.ticked.elapsed()));
        tick.map_or(silence, |tick| tick.min(silence))
    }

    fn due(&mut self) -> Due {
        if self.heard.elapsed() >= self.silence() {
            return if std::mem::replace(&mut self.asked, true) {
                Due::End
            } else {
                Due::Heartbeat
            };
        }
        if self.busy.elapsed() >= 2 * self.timeout {
            return Due::Idle;
        }
        match self.ticks {
            Some(every) if self.ticked.elapsed() >= every => {
                self.ticked = Instant::now();
                Due::Tick(every.as_secs_f64())
            }
            _ => Due::Nothing,
        }
    }
}

/// Tuples that the child has in hand.
struct Rows {
    first: u64,
    waiting: Vec<bool>,
    left: usize,
}

impl Rows {
    /// The row of a tuple of this batch.
    fn row(&self, id: &str) -> Option<usize> {
        let row = id.parse::<u64>().ok()?.checked_sub(self.first)?;
        usize::try_from(row).ok().filter(|row| *row < self.waiting.len())
    }

    /// The row, if the child had it in hand.
    fn take(&mut self, id: &str) -> Option<usize> {
        self.row(id).filter(|row| self.forget(*row))
    }

    fn forget(&mut self, row: usize) -> bool {
        let waited = std::mem::replace(&mut self.waiting[row], false);
        self.left -= usize::from(waited);
        waited
    }
}

fn scalar(value: Json) -> Scalar<'static> {
    match value {
        Json::Null => Scalar::Null,
        Json::Bool(value) => Scalar::Bool(value),
        Json::Number(number) => match (number.as_i64(), number.as_f64()) {
            (Some(int), _) => Scalar::Int(int),
            (None, Some(float)) => Scalar::Float(float),
            (None, None) => Scalar::Text(number.to_string().into()),
        },
        Json::String(text) => Scalar::Text(text.into()),
        tree => Scalar::Text(tree.to_string().into()),
    }
}

impl BatchBolt for Shell {
    fn declare(&self, _: &Inputs) -> Result<Streams, Problem> {
        if self.config.command.first().is_none_or(String::is_empty) {
            let problem = Problem::new("there is no program to start").at("command");
            return Err(problem.help("write the program and its arguments: [python3, split.py]"));
        }
        let names_default = self.config.streams.0.iter().any(|(name, _)| name == "default");
        if !self.config.fields.0.is_empty() && names_default {
            let problem = Problem::new("the stream `default` has its fields twice");
            return Err(problem.at("streams.default").help("it is the one of `fields`"));
        }
        Ok(self.declared())
    }

    fn prepare(&mut self, context: &TaskContext) -> Result<()> {
        self.context = Some(context.clone());
        Ok(())
    }

    fn execute<'a>(&'a mut self, batch: &'a TupleBatch, out: &'a mut Output) -> BoltFuture<'a> {
        Box::pin(self.run(batch, out))
    }

    fn rows_per_call(&self) -> usize {
        ROWS
    }
}
