//! `squall queue`: looks at queues and changes them.

use std::time::{Duration, SystemTime};

use serde::Deserialize;
use serde_json::{Value, json};
use squall_broker::{DeadLetterPolicy, QueueAttributes};
use squall_components::parse::{TimeFormat, rfc3339};
use squall_config::TimeSpan;

use crate::{
    args::{AttributeArgs, QueueArgs, QueueCommand},
    failure::{Exit, Failure},
    local::{DataFolder, PeekedMessage, Queues},
    terminal::Terminal,
    text::{bytes, count, plural, span, table},
};

/// How often a message is received before it is a dead letter, if only the queue is named.
const MAX_RECEIVES: u32 = 5;

pub(super) fn run(command: QueueCommand, terminal: &Terminal) -> Result<Exit, Failure> {
    match command {
        QueueCommand::List { common } => list(&common, terminal)?,
        QueueCommand::Create { queue, attributes, common } => {
            let wanted = attributes.over(QueueAttributes::default());
            open(&common, true)?.create(&queue, wanted, false)?;
            done(
                &common,
                terminal,
                &format!("queue {queue} created"),
                json!({ "created": queue }),
            )?;
        }
        QueueCommand::Set { queue, attributes, common } => {
            let mut queues = open(&common, false)?;
            let wanted = attributes.over(queues.attributes(&queue)?);
            queues.set(&queue, wanted.clone())?;
            done(
                &common,
                terminal,
                &format!("queue {queue} changed"),
                json!({ "queue": queue, "attributes": wanted }),
            )?;
        }
        QueueCommand::Stats { queue, common } => stats(queue.as_deref(), &common, terminal)?,
        QueueCommand::Peek { queue, max, common } => peek(&queue, max, &common, terminal)?,
        QueueCommand::Purge { queue, common } => {
            let purged = open(&common, false)?.purge(&queue)?;
            let text = format!("{} removed from {queue}", plural(purged, "message"));
            done(&common, terminal, &text, json!({ "queue": queue, "purged": purged }))?;
        }
        QueueCommand::Redrive { queue, to, common } => {
            let redriven = open(&common, false)?.redrive(&queue, to.as_deref())?;
            let text = format!("{} sent back from {queue}", plural(redriven, "message"));
            done(&common, terminal, &text, json!({ "queue": queue, "redriven": redriven }))?;
        }
        QueueCommand::Rewind { queue, from, common } => {
            let from_ms = moment(&from)?;
            open(&common, false)?.rewind(&queue, from_ms)?;
            let time = rfc3339(i64::try_from(from_ms * 1_000).unwrap_or(i64::MAX));
            done(
                &common,
                terminal,
                &format!("queue {queue} rewound to {time}"),
                json!({ "queue": queue, "from": time }),
            )?;
        }
        QueueCommand::Delete { queue, common } => {
            open(&common, false)?.delete(&queue)?;
            done(
                &common,
                terminal,
                &format!("queue {queue} deleted"),
                json!({ "deleted": queue }),
            )?;
        }
    }
    Ok(Exit::Done)
}

fn open(common: &QueueArgs, create: bool) -> Result<Queues, Failure> {
    DataFolder::queues(&common.data.folder, create)
}

fn done(common: &QueueArgs, terminal: &Terminal, text: &str, value: Value) -> Result<(), Failure> {
    Ok(if common.json { terminal.json(&value) } else { terminal.line(text) }?)
}

impl AttributeArgs {
    /// These attributes in place of what is there.
    fn over(&self, mut there: QueueAttributes) -> QueueAttributes {
        let set = |target: &mut Duration, span: Option<TimeSpan>| {
            *target = span.map_or(*target, Into::into);
        };
        set(&mut there.visibility_timeout, self.visibility);
        set(&mut there.retention, self.retention);
        set(&mut there.rewind, self.rewind);
        set(&mut there.polling_wait, self.polling_wait);
        if let Some(size) = self.max_size {
            there.max_message_size = usize::try_from(*size).unwrap_or(usize::MAX);
        }
        if let Some(queue) = self.dead_letter.clone() {
            let max_receive_count = self.max_receives.unwrap_or(MAX_RECEIVES);
            there.dead_letter = Some(DeadLetterPolicy { queue, max_receive_count });
        }
        there
    }
}

/// What is shown of a queue, of what the broker tells.
#[derive(Debug, Deserialize)]
struct Shown {
    name: String,
    active: u64,
    inactive: u64,
    delayed: u64,
    oldest_age_ms: Option<u64>,
    bytes: u64,
    sent: u64,
    lost: u64,
    dead_letters: Option<(String, u64)>,
    groups: Vec<ShownGroup>,
}

#[derive(Debug, Deserialize)]
struct ShownGroup {
    name: String,
    active: u64,
    inactive: u64,
    claimed_by: Option<(String, u64)>,
}

fn shown(stats: &[Value]) -> Result<Vec<Shown>, Failure> {
    let read = |stats: &Value| {
        Shown::deserialize(stats)
            .map_err(|error| Failure::failed(format!("unexpected statistics: {error}")))
    };
    stats.iter().map(read).collect()
}

fn list(common: &QueueArgs, terminal: &Terminal) -> Result<(), Failure> {
    let mut queues = open(common, false)?;
    if common.json {
        return Ok(terminal.json(&queues.list()?)?);
    }
    let stats = shown(&queues.stats(None)?)?;
    if stats.is_empty() {
        return Ok(terminal.line("there are no queues")?);
    }
    let rows: Vec<_> = stats.iter().map(row).collect();
    Ok(terminal.line(&table(&HEADER, &rows))?)
}

const HEADER: [&str; 7] = ["queue ", "waiting", "in flight", "delayed", "oldest", "size", "sent"];

fn row(queue: &Shown) -> Vec<String> {
    vec![
        queue.name.clone(),
        count(queue.active),
        count(queue.inactive),
        count(queue.delayed),
        queue.oldest_age_ms.map(|ms| span(Duration::from_millis(ms))).unwrap_or_default(),
        bytes(queue.bytes),
        count(queue.sent),
    ]
}

fn stats(queue: Option<&str>, common: &QueueArgs, terminal: &Terminal) -> Result<(), Failure> {
    let mut queues = open(common, false)?;
    let mut stats = queues.stats(queue)?;
    if common.json {
        for queue in &mut stats {
            let name = queue["name"].as_str().unwrap_or_default().to_owned();
            queue["attributes"] = json!(queues.attributes(&name)?);
        }
        // One queue was asked for, so one is answered.
        return match (queue, stats.as_slice()) {
            (Some(_), [only]) => Ok(terminal.json(only)?),
            _ => Ok(terminal.json(&stats)?),
        };
    }
    let stats = shown(&stats)?;
    terminal.line(&table(&HEADER, &stats.iter().map(row).collect::<Vec<_>>()))?;
    for queue in &stats {
        for group in &queue.groups {
            let held = group.claimed_by.as_ref().map(|(owner, _)| format!(", read by {owner}"));
            let (waiting, in_flight) = (count(group.active), count(group.inactive));
            let (name, held) = (&group.name, held.unwrap_or_default());
            terminal.line(&format!(
                "{}: group {name}: {waiting} waiting, {in_flight} in flight{held}",
                queue.name
            ))?;
        }
        if let Some((dead, waiting)) = &queue.dead_letters {
            terminal.line(&format!(
                "{}: dead letters in {dead}: {}",
                queue.name,
                count(*waiting)
            ))?;
        }
        if queue.lost > 0 {
            let lost = terminal.red(&plural(queue.lost, "message"));
            terminal.line(&format!("{}: {lost} lost to damage of the disk", queue.name))?;
        }
    }
    Ok(())
}

fn peek(queue: &str, max: usize, common: &QueueArgs, terminal: &Terminal) -> Result<(), Failure> {
    let messages = open(common, false)?.peek(queue, max)?;
    if messages.is_empty() && !common.json && terminal.shows_results() {
        return Ok(terminal.line(&format!("queue {queue} is empty"))?);
    }
    for (message, body) in &messages {
        if common.json {
            terminal.json(&as_json(message, body))?;
            continue;
        }
        let body = String::from_utf8_lossy(body);
        let time = rfc3339(i64::try_from(message.enqueued_ms * 1_000).unwrap_or(i64::MAX));
        terminal.line(&format!("{}  {time}  {body}", message.id))?;
        if let Some(dead) = &message.dead_letter {
            let attempts = plural(u64::from(dead.attempts), "attempt");
            terminal
                .line(&format!("    given up by {} after {attempts}: {}", dead.by, dead.reason))?;
        }
        for (name, value) in &message.headers {
            terminal.line(&format!("    {name}: {value}"))?;
        }
    }
    Ok(())
}

/// A message on a line of its own; a body that is not UTF-8 as a list of bytes.
fn as_json(message: &PeekedMessage, body: &[u8]) -> Value {
    let mut value = json!(message);
    value["body"] = std::str::from_utf8(body).map_or_else(|_| json!(body), |text| json!(text));
    value
}

/// A time, or how long ago, in milliseconds since 1970.
pub(super) fn moment(text: &str) -> Result<u64, Failure> {
    if let Ok(ago) = text.parse::<TimeSpan>() {
        let then = SystemTime::now().checked_sub(ago.into());
        let since = then.and_then(|then| then.duration_since(SystemTime::UNIX_EPOCH).ok());
        return Ok(since.map_or(0, |since| u64::try_from(since.as_millis()).unwrap_or(u64::MAX)));
    }
    match TimeFormat::Auto.parse(text).map(|micros| u64::try_from(micros / 1_000)) {
        Some(Ok(ms)) => Ok(ms),
        _ => Err(Failure::usage(format!("`{text}` is not a time"))
            .help("write 2026-01-31T12:00:00Z, or how long ago, such as 2h")),
    }
}
