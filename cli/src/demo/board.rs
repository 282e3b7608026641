//! What the demo shows while it runs.

use std::time::Duration;

use squall_framework::{EventKind, Snapshot};

use super::{Made, table::Table};
use crate::{
    failure::Failure,
    run::Rates,
    terminal::Terminal,
    text::{count, micros, rate, span},
};

/// How long a bar is.
const BAR: usize = 32;

/// The ranking and how the topology is doing.
pub(crate) struct Board {
    table: Table,
    rates: Rates,
    /// Restarts that have been told.
    restarts: u64,
}

impl Board {
    pub(crate) fn new(table: Table) -> Self {
        Board { table, rates: Rates::new(), restarts: 0 }
    }

    /// Shows how it stands: redrawn in place where somebody watches, else a line.
    pub(crate) fn show(
        &mut self,
        snapshot: &Snapshot,
        made: &Made,
        backlog: u64,
        elapsed: Duration,
        terminal: &Terminal,
    ) -> Result<(), Failure> {
        self.rates.look(snapshot);
        let top = self.table.top(made.hour());
        if terminal.is_watched() {
            terminal.draw(&self.lines(snapshot, made, backlog, elapsed, &top, terminal));
        } else {
            terminal.line(&self.line(snapshot, made, elapsed, &top))?;
        }
        Ok(())
    }

    /// The end of the board: the table, to be compared.
    pub(crate) fn into_table(self) -> Table {
        self.table
    }

    fn line(
        &mut self,
        snapshot: &Snapshot,
        made: &Made,
        elapsed: Duration,
        top: &[(String, u64)],
    ) -> String {
        let mut parts = vec![
            span(elapsed),
            format!("{} shares", count(made.shares)),
            rate(self.rates.per_second),
        ];
        let top: Vec<_> =
            top.iter().take(3).map(|(name, people)| format!("{name} {}", count(*people))).collect();
        if !top.is_empty() {
            parts.push(format!("people: {}", top.join(", ")));
        }
        parts.extend(self.rates.slowest());
        let restarts = restarts(snapshot);
        if restarts > self.restarts {
            self.restarts = restarts;
            parts.push(format!("restarts: {restarts} (newest: {})", newest_panic(snapshot)));
        }
        parts.join("  ")
    }

    fn lines(
        &self,
        snapshot: &Snapshot,
        made: &Made,
        backlog: u64,
        elapsed: Duration,
        top: &[(String, u64)],
        terminal: &Terminal,
    ) -> Vec<String> {
        let title = terminal.bold("The hottest restaurants of the last hour, by people");
        let mut lines = vec![format!("{title}  ({})", span(elapsed)), String::new()];
        let most = top.first().map_or(1, |(_, people)| (*people).max(1));
        for place in 0..10 {
            let Some((name, people)) = top.get(place) else {
                lines.push(String::new());
                continue;
            };
            let bar = "█".repeat((*people as usize * BAR).div_ceil(most as usize));
            let restaurant = name.split(',').next().unwrap_or_default();
            let (shares, _) = made.by_restaurant.get(restaurant).copied().unwrap_or_default();
            let (bar, people, shares) =
                (terminal.cyan(&format!("{bar:<BAR$}")), count(*people), count(shares));
            lines.push(format!(
                "{:>4}  {name:<30} {people:>7} people  {bar}  {shares} shares in all",
                place + 1
            ));
        }
        lines.push(String::new());
        if let Some((name, shares, people)) = made.most_repeated() {
            let (shares, people) = (count(shares), count(people));
            lines.push(format!(
                "  {name} was shared {shares} times, by {people} people: the same ones again"
            ));
        }
        let done = count(snapshot.spouts(|spout| spout.acked));
        let shares = count(made.shares);
        lines.push(format!(
            "  {shares} shares sent, {done} in the table, {} waiting  {}",
            count(backlog),
            rate(self.rates.per_second)
        ));
        if let Some(epochs) = &snapshot.epochs {
            let slowest = self.rates.slowest().unwrap_or_default();
            let (commits, rows) = (count(epochs.commits), count(epochs.rows));
            let (took, waited) = (micros(epochs.commit_us as f64), micros(epochs.drain_us as f64));
            lines.push(format!(
                "  {commits} commits with {rows} rows; the last took {took}, for which the queue \
                 waited {waited}  {slowest}"
            ));
        }
        lines.push(match restarts(snapshot) {
            0 => "  no bolt has panicked yet; one will".to_owned(),
            number => {
                let times = if number == 1 { "once".to_owned() } else { format!("{number} times") };
                terminal.yellow(&format!(
                    "  restarted {times}, nothing lost: {}",
                    newest_panic(snapshot)
                ))
            }
        });
        lines.push("  Ctrl-C ends it and compares the table with what was sent".to_owned());
        lines
    }
}

fn restarts(snapshot: &Snapshot) -> u64 {
    snapshot.components.iter().map(|component| component.restarts).sum()
}

fn newest_panic(snapshot: &Snapshot) -> String {
    let newest = snapshot.history.iter().rev().find(|event| event.kind == EventKind::Panicked);
    newest
        .map(|event| format!("{} panicked: {}", event.component, event.reason))
        .unwrap_or_default()
}
