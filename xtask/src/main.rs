//! The project's own tasks.
//!
//! `cargo xtask test` is the one command that says whether a checkout is good: it installs what
//! the tests need, then runs everything there is to run, in one profile and one target folder, so
//! that little is built twice. [`check`] holds the list of its steps.

#![forbid(unsafe_code)]
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a task talks to whoever started it")]

mod bench;
mod check;
mod documents;
mod examples;
mod prerequisites;
mod report;
mod shell;
mod steps;
mod table;
mod topologies;

use std::process::ExitCode;

const HELP: &str = "\
The project's own tasks.

Usage: cargo xtask TASK

  test       everything that has to hold: set-up, format, lints, tests, examples, documents
  soak       the long forms of the crash and property tests, for an hour or so
  bench      the table of speeds: medians of five runs of the release build, as Markdown;
             `bench [--seconds N] [WORD..]` for how long each takes and which parts
  docs       writes docs/components.md again
";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let done = match arguments.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        ["test"] => check::test(),
        ["soak"] => check::soak(),
        ["bench", rest @ ..] => bench::run(rest),
        ["docs"] => documents::write().map(|()| true),
        ["help" | "--help" | "-h"] => {
            print!("{HELP}");
            return ExitCode::SUCCESS;
        }
        _ => {
            eprint!("{HELP}");
            return ExitCode::from(2);
        }
    };
    match done {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}
