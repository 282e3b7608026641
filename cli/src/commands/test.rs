//! `squall test`: runs the tests that topologies have.

use std::time::Duration;

use serde_json::{Value, json};
use squall_config::{did_you_mean, render_all};
use squall_framework::{Registry, Resources, TestCase, TopologyFile};

use super::variables;
use crate::{
    args::TestArgs,
    cases::{describe, example},
    failure::{Exit, Failure},
    logs,
    terminal::Terminal,
    text::plural,
};

/// A test in which nothing gets on for so long has failed.
const PATIENCE: Duration = Duration::from_secs(10);

/// How many tests there were.
#[derive(Default)]
struct Tally {
    passed: u64,
    failed: u64,
    /// The names of those that the filter has left out.
    others: Vec<String>,
}

pub(super) fn run(
    args: &TestArgs,
    registry: &Registry,
    terminal: &Terminal,
) -> Result<Exit, Failure> {
    let variables = variables(&args.set)?;
    logs::quiet_panics();
    let mut tally = Tally::default();
    let mut results = Vec::new();
    let mut exit = Exit::Done;
    for path in &args.topologies {
        let name = path.display().to_string();
        let (file, mistakes) = match TopologyFile::load(path, &variables, registry) {
            Ok(mut file) => {
                let warnings = std::mem::take(&mut file.warnings);
                (Some(file), warnings)
            }
            Err(mistakes) => (None, mistakes.into_iter().collect()),
        };
        if !args.json && !mistakes.is_empty() {
            terminal.note(&render_all(&mistakes, terminal.style()));
        }
        let tests = match &file {
            Some(file) => test(file, &name, args, terminal, &mut tally)?,
            None => Vec::new(),
        };
        if file.is_none() {
            exit = Exit::Usage;
        }
        let valid = file.is_some();
        results.push(json!({ "file": name, "valid": valid, "mistakes": mistakes, "tests": tests }));
    }
    if let Some(filter) = args.filter.as_ref().filter(|_| tally.is_empty()) {
        return Err(tally.nothing_matches(filter));
    }
    if args.json {
        terminal.json(&results)?;
    } else if tally.passed + tally.failed > 1 {
        terminal.line(&tally.text(terminal))?;
    }
    Ok(match exit {
        Exit::Done if tally.failed > 0 => Exit::Failed,
        exit => exit,
    })
}

/// Runs the tests of one topology and tells how each went. Gives the same as JSON.
fn test(
    file: &TopologyFile,
    name: &str,
    args: &TestArgs,
    terminal: &Terminal,
    tally: &mut Tally,
) -> Result<Vec<Value>, Failure> {
    let mut results = Vec::new();
    if file.tests.is_empty() && !args.json {
        terminal.line(&format!("{name}: {}", terminal.yellow("no tests")))?;
        let help = terminal.cyan("help");
        terminal.note(&format!("  {help}: add to it such as\n\n{}", example(&file.topology)));
    }
    for case in &file.tests {
        if args.filter.as_ref().is_some_and(|filter| !case.name.contains(filter.as_str())) {
            tally.others.push(case.name.clone());
            continue;
        }
        let result = case.run(&file.topology, &Resources::default(), PATIENCE);
        tally.count(result.passed());
        if args.json {
            results.push(json!({
                "name": case.name,
                "file": case.place.file(),
                "line": case.place.line(),
                "passed": result.passed(),
                "failures": result.failures,
            }));
            continue;
        }
        let how = if result.passed() { terminal.green("ok") } else { terminal.red("failed") };
        let mut text = format!("{}: {}: {how}\n", place(case), case.name);
        result.failures.iter().for_each(|failure| text.push_str(&describe(failure, terminal)));
        terminal.line(&text)?;
    }
    Ok(results)
}

/// Where a test is written, so that an editor finds it.
fn place(case: &TestCase) -> String {
    format!("{}:{}", case.place.file(), case.place.line())
}

impl Tally {
    fn count(&mut self, passed: bool) {
        match passed {
            true => self.passed += 1,
            false => self.failed += 1,
        }
    }

    fn is_empty(&self) -> bool {
        self.passed + self.failed == 0 && !self.others.is_empty()
    }

    fn text(&self, terminal: &Terminal) -> String {
        let passed = format!("{} passed", plural(self.passed, "test"));
        match self.failed {
            0 => passed,
            failed => format!("{passed}, {}", terminal.red(&format!("{failed} failed"))),
        }
    }

    fn nothing_matches(&self, filter: &str) -> Failure {
        let names = self.others.iter().map(String::as_str);
        let near = did_you_mean(filter, names.clone());
        let help = near.map_or_else(
            || format!("there are `{}`", names.collect::<Vec<_>>().join("`, `")),
            |near| format!("did you mean `{near}`?"),
        );
        Failure::usage(format!("no test has `{filter}` in its name")).help(help)
    }
}
