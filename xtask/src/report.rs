//! What happened so far: one line per step, and the sum at the end.

use std::time::Instant;

use anyhow::Result;

/// What became of a step.
pub(crate) enum Outcome {
    /// It holds.
    Passed,
    /// It holds, and so many tests passed.
    Tests { passed: u64, failed: u64 },
    /// It could not be looked at, for this reason.
    Skipped(String),
}

/// All steps of a task.
pub(crate) struct Report {
    started: Instant,
    lines: Vec<String>,
    passed: u64,
    failed: u64,
    skipped: Vec<String>,
}

impl Report {
    pub(crate) fn new() -> Self {
        Self {
            started: Instant::now(),
            lines: Vec::new(),
            passed: 0,
            failed: 0,
            skipped: Vec::new(),
        }
    }

    /// Runs a step and prints how it went. The following steps run whatever it says, so that one
    /// run shows everything that is wrong.
    pub(crate) fn step(
        &mut self,
        name: &str,
        work: impl FnOnce(&mut Vec<String>) -> Result<Outcome>,
    ) {
        println!("\n==> {name}");
        let started = Instant::now();
        let mut skipped = Vec::new();
        let outcome = work(&mut skipped);
        let seconds = started.elapsed().as_secs_f64();
        let verdict = match outcome {
            Ok(Outcome::Passed) => "ok".to_owned(),
            Ok(Outcome::Tests { passed, failed }) => {
                self.passed += passed;
                self.failed += failed;
                let word = if failed == 0 { "ok" } else { "FAILED" };
                format!("{word}, {passed} passed, {failed} failed")
            }
            Ok(Outcome::Skipped(reason)) => {
                let line = format!("SKIPPED: {reason}");
                skipped.push(line.clone());
                line
            }
            Err(error) => {
                self.failed += 1;
                eprintln!("error: {error:#}");
                "FAILED".to_owned()
            }
        };
        let line = format!("{name:<14} {seconds:>7.1} s  {verdict}");
        println!("<== {line}");
        self.lines.push(line);
        self.skipped.extend(skipped.into_iter().map(|line| format!("{name}: {line}")));
    }

    /// Prints the whole list and the sum. Whether nothing failed.
    pub(crate) fn finish(self) -> bool {
        println!();
        for line in &self.lines {
            println!("{line}");
        }
        for line in &self.skipped {
            println!("{line}");
        }
        println!("{:<14} {:>7.1} s", "all", self.started.elapsed().as_secs_f64());
        println!("{} passed, {} failed", self.passed, self.failed);
        self.failed == 0
    }
}
