//! What is said at the end of a run.

use std::{fmt::Write, time::Duration};

use serde::Serialize;
use squall_framework::{Latency, Snapshot};

use crate::{
    failure::Exit,
    terminal::Terminal,
    text::{count, micros, plural, rate, span, table},
};

/// How a run ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case", tag = "outcome", content = "reason")]
pub(crate) enum Outcome {
    /// Everything was done.
    Done,
    /// Somebody asked it to end; what was under way was finished.
    Stopped,
    /// Somebody asked it to end; what was under way could not be finished in time and comes
    /// again in the next run.
    Undrained,
    /// It could not go on.
    Stalled(String),
    /// A task is down for good.
    Failed(String),
}

/// A run in numbers.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Summary {
    pub(crate) topology: String,
    #[serde(flatten)]
    pub(crate) outcome: Outcome,
    pub(crate) elapsed_s: f64,
    /// Messages that `--input` has sent.
    pub(crate) sent: u64,
    /// Messages that the spouts emitted, repeated ones each time.
    pub(crate) messages: u64,
    pub(crate) acked: u64,
    pub(crate) failed: u64,
    pub(crate) retried: u64,
    pub(crate) dead_letters: u64,
    pub(crate) restarts: u64,
    /// Messages that stay in the queues for the next run.
    pub(crate) unsettled: u64,
    /// From the emission of a message until all of it was done.
    pub(crate) latency: Latency,
    pub(crate) components: Vec<Part>,
}

/// A component in numbers.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Part {
    pub(crate) id: String,
    #[serde(rename = "type")]
    pub(crate) kind: String,
    /// Rows that it worked on.
    pub(crate) executed: u64,
    pub(crate) emitted: u64,
    pub(crate) failed: u64,
    pub(crate) restarts: u64,
    pub(crate) busy_s: f64,
    pub(crate) last_error: Option<String>,
}

impl Summary {
    pub(super) fn new(
        snapshot: &Snapshot,
        outcome: Outcome,
        elapsed: Duration,
        sent: u64,
        unsettled: u64,
    ) -> Self {
        let parts = snapshot.components.iter().map(|component| Part {
            id: component.id.clone(),
            kind: component.kind.clone(),
            executed: component.executed,
            emitted: component.emitted,
            failed: component.failed,
            restarts: component.restarts,
            busy_s: component.busy_s,
            last_error: component.last_error.clone(),
        });
        // The slowest spout stands for all: percentiles cannot be added.
        let spouts = snapshot.components.iter().filter(|component| component.is_spout);
        let latency =
            spouts.map(|spout| spout.latency).max_by(|a, b| a.p99_us.total_cmp(&b.p99_us));
        Summary {
            topology: snapshot.topology.clone(),
            outcome,
            elapsed_s: elapsed.as_secs_f64(),
            sent,
            messages: snapshot.spouts(|spout| spout.emitted),
            acked: snapshot.spouts(|spout| spout.acked),
            failed: snapshot.spouts(|spout| spout.failed),
            retried: snapshot.spouts(|spout| spout.retried),
            dead_letters: snapshot.spouts(|spout| spout.dead),
            restarts: snapshot.components.iter().map(|component| component.restarts).sum(),
            unsettled,
            latency: latency.unwrap_or_default(),
            components: parts.collect(),
        }
    }

    /// The exit code that goes with it.
    pub(crate) fn exit(&self) -> Exit {
        match self.outcome {
            Outcome::Stalled(_) | Outcome::Failed(_) => Exit::Stalled,
            Outcome::Undrained => Exit::Failed,
            Outcome::Done | Outcome::Stopped if self.dead_letters > 0 => Exit::DeadLetters,
            Outcome::Done | Outcome::Stopped => Exit::Done,
        }
    }

    /// The summary for people.
    pub(crate) fn text(&self, terminal: &Terminal) -> String {
        let time = span(Duration::from_secs_f64(self.elapsed_s));
        let how = match &self.outcome {
            Outcome::Done => terminal.green("done"),
            Outcome::Stopped => "stopped, what was under way is finished".to_owned(),
            Outcome::Undrained => {
                terminal.yellow("stopped, what was under way comes again in the next run")
            }
            Outcome::Stalled(reason) => terminal.red(&format!("stalled: {reason}")),
            Outcome::Failed(reason) => terminal.red(&format!("failed: {reason}")),
        };
        let mut text = format!("{} {how} ({time})\n", terminal.bold(&self.topology));
        let speed = rate(self.acked as f64 / self.elapsed_s.max(1e-3));
        // Writing into a text cannot fail.
        let _ = writeln!(
            text,
            "  {} in, {} acked ({speed})",
            plural(self.messages, "message"),
            count(self.acked)
        );
        if self.acked > 0 {
            let (half, most) = (micros(self.latency.p50_us), micros(self.latency.p99_us));
            let _ = writeln!(
                text,
                "  from emitted to acked: half within {half}, 99 of 100 within {most}"
            );
        }
        if self.failed + self.restarts > 0 {
            let (failed, restarts) =
                (plural(self.failed, "failure"), plural(self.restarts, "restart"));
            let _ = writeln!(
                text,
                "  {failed}, of which {} came again; {restarts}",
                count(self.retried)
            );
        }
        if self.dead_letters > 0 {
            let _ =
                writeln!(text, "  {}", terminal.yellow(&plural(self.dead_letters, "dead letter")));
        }
        if self.unsettled > 0 {
            let _ = writeln!(
                text,
                "  {} stay in the queue for the next run",
                plural(self.unsettled, "message")
            );
        }
        let _ = write!(text, "\n{}", self.parts());
        for part in &self.components {
            if let Some(error) = &part.last_error {
                let _ = write!(text, "\n  {}: {error}", terminal.yellow(&part.id));
            }
        }
        text
    }

    fn parts(&self) -> String {
        let row = |part: &Part| {
            vec![
                format!("  {}", part.id),
                part.kind.clone(),
                count(part.executed),
                count(part.emitted),
                count(part.failed),
                count(part.restarts),
                format!("{:.2} s", part.busy_s),
            ]
        };
        let rows: Vec<_> = self.components.iter().map(row).collect();
        let header = ["  component ", "type ", "rows in", "rows out", "failed", "restarts", "busy"];
        table(&header, &rows)
    }
}
