//! `cargo xtask test` and `cargo xtask soak`: everything that has to hold, step by step.

use std::{fs::File, io::Write, process::Command};

use anyhow::{Context, Result};

use crate::{
    documents, examples, prerequisites,
    report::{Outcome, Report},
    shell::{built, cargo, find, lines, root, run},
    topologies,
};

/// Runs everything. Whether all of it holds.
pub(crate) fn test() -> Result<bool> {
    let mut report = Report::new();
    report.step("prerequisites", prerequisites::install);
    report.step("format", |_| passes(&mut cargo(&["fmt", "--all", "--check"])));
    report.step("lints", |_| {
        passes(&mut cargo(&[
            "clippy",
            "--workspace",
            "--all-targets",
            "--quiet",
            "--",
            "-D",
            "warnings",
        ]))
    });
    // The end-to-end tests find the product and the examples beside themselves.
    report.step("build", |_| passes(&mut cargo(&["build", "--workspace", "--all-targets"])));
    report.step("tests", |skipped| {
        tests(
            &mut cargo(&["test", "--workspace", "--no-fail-fast", "--", "--show-output"]),
            skipped,
        )
    });
    report.step("loom", |skipped| {
        let arguments = ["test", "-p", "squall-framework", "--features", "loom", "--lib", "loom"];
        tests(&mut cargo(&arguments), skipped)
    });
    report.step("examples", |_| examples::run_all());
    report.step("topologies", |_| topologies::run_all());
    report.step("documents", |_| documents::check());
    report.step("licences", |_| licences());
    Ok(report.finish())
}

/// Runs the tests that end a process at random moments or make up their input, for long.
pub(crate) fn soak() -> Result<bool> {
    let mut report = Report::new();
    report.step("prerequisites", prerequisites::install);
    report.step("build", |_| passes(&mut cargo(&["build", "--workspace", "--all-targets"])));
    report.step("soak", |skipped| {
        let mut tests_ = cargo(&["test", "--workspace", "--no-fail-fast", "--", "--show-output"]);
        tests(tests_.env("SQUALL_SOAK", "1").env("PROPTEST_CASES", "5000"), skipped)
    });
    Ok(report.finish())
}

fn passes(command: &mut Command) -> Result<Outcome> {
    run(command).map(|()| Outcome::Passed)
}

/// Runs `cargo test`, shows what failed or was skipped, keeps all of its output in a file, and
/// sums up the results that it prints per test program.
fn tests(command: &mut Command, skipped: &mut Vec<String>) -> Result<Outcome> {
    let log = built("xtask.log");
    std::fs::create_dir_all(built(""))?;
    let mut file = File::create(&log).with_context(|| format!("cannot write {}", log.display()))?;
    // Every package's tests find the data sets in the same place.
    let data = root().join("../shared/data");
    if std::env::var_os("SQUALL_DATA").is_none() && data.is_dir() {
        command.env("SQUALL_DATA", data);
    }
    let (mut passed, mut failed) = (0, 0);
    // What a test that passed has printed is of no interest here.
    let mut hidden = false;
    let succeeded = lines(command, |line| {
        // The log is for reading afterwards; that it cannot be written stops no test.
        let _ = writeln!(file, "{line}");
        match line.trim_end() {
            "successes:" => hidden = true,
            "failures:" => hidden = false,
            _ => {}
        }
        if let Some(result) = line.strip_prefix("test result: ") {
            hidden = false;
            passed += count(result, " passed");
            failed += count(result, " failed");
        }
        if line.contains("SKIPPED") {
            println!("{line}");
            if !skipped.iter().any(|other| other == line) {
                skipped.push(line.to_owned());
            }
        } else if !hidden && !line.is_empty() && !line.ends_with("... ok") {
            println!("{line}");
        }
    })?;
    if !succeeded && failed == 0 {
        anyhow::bail!("the tests could not be built or did not end; see {}", log.display());
    }
    Ok(Outcome::Tests { passed, failed })
}

/// The number before `word` in a line like `ok. 12 passed; 0 failed; 1 ignored`.
fn count(line: &str, word: &str) -> u64 {
    let before = line.split(word).next().filter(|before| before.len() < line.len());
    before.and_then(|before| before.rsplit(' ').next()).and_then(|n| n.parse().ok()).unwrap_or(0)
}

fn licences() -> Result<Outcome> {
    if find("cargo-deny").is_none() {
        let reason = "no cargo-deny here; `cargo install cargo-deny` to check deny.toml";
        return Ok(Outcome::Skipped(reason.to_owned()));
    }
    // Advisories come from the network, which a build machine need not have.
    passes(&mut cargo(&["deny", "check", "licenses", "bans", "sources"]))
}

#[cfg(test)]
mod tests {
    use super::count;

    #[test]
    fn results_are_read_from_the_line_that_cargo_prints() {
        let line = "ok. 12 passed; 3 failed; 1 ignored; 0 measured; 0 filtered out";
        assert_eq!((count(line, " passed"), count(line, " failed")), (12, 3));
        assert_eq!(count("nothing of the kind", " passed"), 0);
    }
}
