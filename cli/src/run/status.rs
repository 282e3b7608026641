//! The line that shows how a run is going.

use std::{collections::HashMap, time::Instant};

use squall_framework::{Snapshot, TopologyState};

use crate::{
    terminal::Terminal,
    text::{count, rate, span},
};

/// Rates between one look and the next.
pub(crate) struct Rates {
    at: Instant,
    emitted: u64,
    busy: HashMap<String, f64>,
    /// Messages that the spouts emitted, a second.
    pub(crate) per_second: f64,
    /// The component that had most to do, and which part of its time that took.
    pub(crate) slowest: Option<(String, f64)>,
}

impl Rates {
    /// Nothing has been seen yet.
    pub(crate) fn new() -> Self {
        Rates {
            at: Instant::now(),
            emitted: 0,
            busy: HashMap::new(),
            per_second: 0.0,
            slowest: None,
        }
    }

    /// Compares with what was seen before.
    pub(crate) fn look(&mut self, snapshot: &Snapshot) {
        let seconds = self.at.elapsed().as_secs_f64().max(1e-3);
        let emitted = snapshot.spouts(|spout| spout.emitted);
        self.per_second = emitted.saturating_sub(self.emitted) as f64 / seconds;
        self.slowest = None;
        for component in &snapshot.components {
            let before =
                self.busy.insert(component.id.clone(), component.busy_s).unwrap_or_default();
            let tasks = component.parallelism.max(1) as f64;
            let load = ((component.busy_s - before) / seconds / tasks).clamp(0.0, 1.0);
            if load > 0.0 && self.slowest.as_ref().is_none_or(|(_, most)| load > *most) {
                self.slowest = Some((component.id.clone(), load));
            }
        }
        (self.at, self.emitted) = (Instant::now(), emitted);
    }

    /// `slowest: save 83 %`.
    pub(crate) fn slowest(&self) -> Option<String> {
        let (id, load) = self.slowest.as_ref()?;
        Some(format!("slowest: {id} {:.0} %", load * 100.0))
    }

    /// The status line.
    pub(crate) fn line(&self, snapshot: &Snapshot, backlog: u64, terminal: &Terminal) -> String {
        let mut parts = vec![
            terminal.bold(&snapshot.topology),
            span(std::time::Duration::from_secs_f64(snapshot.uptime_s.max(0.0))),
            format!(
                "{} in ({})",
                count(snapshot.spouts(|spout| spout.emitted)),
                rate(self.per_second)
            ),
            format!("{} done", count(snapshot.spouts(|spout| spout.acked))),
            format!("{} waiting", count(backlog)),
        ];
        let restarts: u64 = snapshot.components.iter().map(|component| component.restarts).sum();
        let failed = [
            (snapshot.spouts(|spout| spout.failed), "failed"),
            (snapshot.spouts(|spout| spout.dead), "dead"),
            (restarts, "restarts"),
        ];
        for (number, what) in failed.into_iter().filter(|(number, _)| *number > 0) {
            parts.push(terminal.yellow(&format!("{} {what}", count(number))));
        }
        parts.extend(self.slowest());
        match &snapshot.state {
            TopologyState::Running => {}
            TopologyState::Stalled(reason) => {
                parts.push(terminal.red(&format!("stalled: {reason}")))
            }
            TopologyState::Failed(reason) => parts.push(terminal.red(&format!("failed: {reason}"))),
        }
        parts.join("  ")
    }
}
