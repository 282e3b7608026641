//! The commands, one a file.

mod bench;
mod completions;
mod components;
mod demo;
mod docs;
mod explain;
mod graph;
mod queue;
mod rebalance;
mod replay;
mod run;
mod schema;
mod send;
mod state;
mod test;
mod validate;

use std::path::Path;

use squall_config::{Variables, render_all};
use squall_framework::{Registry, TopologyFile};

use crate::{
    args::{Command, SetArgs},
    failure::{Exit, Failure},
    terminal::Terminal,
};

/// Runs a command.
pub(crate) fn run(
    command: Command,
    registry: Registry,
    terminal: &Terminal,
) -> Result<Exit, Failure> {
    match command {
        Command::Demo(args) => demo::run(&args, registry, terminal),
        Command::Run(args) => run::run(&args, &registry, terminal),
        Command::Validate(args) => validate::run(&args, &registry, terminal),
        Command::Test(args) => test::run(&args, &registry, terminal),
        Command::Components(args) => components::run(&args, &registry, terminal),
        Command::Explain { code } => explain::run(code.as_deref(), terminal),
        Command::Graph(args) => graph::run(&args, &registry, terminal),
        Command::Schema => schema::run(&registry, terminal),
        Command::Send(args) => send::run(&args, terminal),
        Command::Queue(command) => queue::run(command, terminal),
        Command::State(command) => state::run(command, &registry, terminal),
        Command::Rebalance(args) => rebalance::run(&args, terminal),
        Command::Replay(args) => replay::run(&args, &registry, terminal),
        Command::Bench(command) => bench::run(command, &registry, terminal),
        Command::Completions { shell } => completions::run(shell, terminal),
        Command::Docs => docs::run(&registry, terminal),
    }
}

/// The variables that a topology sees: those set by hand, then the environment.
pub(crate) fn variables(args: &SetArgs) -> Result<Variables, Failure> {
    let mut variables = Variables::from_environment();
    for setting in &args.settings {
        variables.set(setting).map_err(|error| {
            Failure::usage(format!("--set: {error}"))
                .help("for example --set STORE=sqlite://results.db")
        })?;
    }
    Ok(variables)
}

/// A topology without mistakes; its warnings are told.
pub(crate) fn load(
    path: &Path,
    set: &SetArgs,
    registry: &Registry,
    terminal: &Terminal,
) -> Result<TopologyFile, Failure> {
    let file = TopologyFile::load(path, &variables(set)?, registry)?;
    if !file.warnings.is_empty() {
        terminal.note(&render_all(&file.warnings, terminal.style()));
    }
    Ok(file)
}
