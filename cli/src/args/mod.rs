//! The arguments: each one is described here and nowhere else.

mod bench;
mod queue;
mod state;

use std::path::PathBuf;

use clap::{Args as ClapArgs, Parser, Subcommand, ValueHint};
use squall_config::TimeSpan;

pub(crate) use bench::{
    BenchCommand, BenchCrashArgs, BenchEngineArgs, BenchFreshnessArgs, BenchPipelineArgs,
    BenchQueueArgs, BenchStateArgs, DeliveryArg, Switch, WorkloadArg,
};
pub(crate) use queue::{AttributeArgs, QueueArgs, QueueCommand};
pub(crate) use state::{RebalanceArgs, ReplayArgs, StateArgs, StateCommand};

const EXIT_CODES: &str = "\
Exit codes:
  0    all is well
  1    something failed while it was running, or a test did not pass
  2    the arguments or the topology are wrong; nothing was run
  3    finished, but some messages became dead letters
  4    the topology stalled or failed and could not go on
  130  stopped by a second Ctrl-C, without finishing what was under way

Environment:
  SQUALL_LOG  what to log, such as `info` or `squall_framework=debug` (default `warn`)
  NO_COLOR    no colours

A value in a topology may refer to the environment: ${VAR} or ${VAR:-default}.";

/// From streams of events to a table with right numbers.
#[derive(Debug, Parser)]
#[command(name = "squall", version, max_term_width = 100, after_help = EXIT_CODES)]
pub(crate) struct Args {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Show what Squall does, with made-up events: the hottest restaurants, live
    Demo(DemoArgs),
    /// Run a topology
    Run(RunArgs),
    /// Check topologies without running them
    Validate(ValidateArgs),
    /// Run the tests that topologies have
    Test(TestArgs),
    /// List the components that a topology may name, or explain one
    Components(ComponentsArgs),
    /// Explain the number of a mistake, such as SQ0205
    Explain {
        /// The number; without one all are listed
        code: Option<String>,
    },
    /// Draw a topology
    Graph(GraphArgs),
    /// Print the JSON Schema of topology files, for editors
    Schema,
    /// Send the lines of a file to a queue, a message a line
    Send(SendArgs),
    /// Look at queues and change them
    #[command(subcommand)]
    Queue(QueueCommand),
    /// Look at what a topology remembers, and compute it again
    #[command(subcommand)]
    State(StateCommand),
    /// Give a component of a running topology another number of tasks
    Rebalance(RebalanceArgs),
    /// Compute results again from messages that are kept, into tables of their own
    Replay(ReplayArgs),
    /// Measure this machine
    #[command(subcommand)]
    Bench(BenchCommand),
    /// Print the completions of a shell
    Completions {
        /// The shell
        shell: clap_complete::Shell,
    },
    /// Print the reference of all components in Markdown
    #[command(hide = true)]
    Docs,
}

/// Where the queues are.
#[derive(Debug, Clone, ClapArgs)]
pub(crate) struct DataArgs {
    /// The folder with the queues
    #[arg(long = "data", value_name = "DIR", default_value = "squall-data", value_hint = ValueHint::DirPath)]
    pub(crate) folder: PathBuf,
}

/// A topology file and what its variables are.
#[derive(Debug, Clone, ClapArgs)]
pub(crate) struct SetArgs {
    /// Set the variable KEY of the topology, rather than from the environment; may be repeated
    #[arg(long = "set", value_name = "KEY=VALUE")]
    pub(crate) settings: Vec<String>,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct DemoArgs {
    /// End after so many seconds and check that the table agrees with what was made up
    #[arg(long, value_name = "N")]
    pub(crate) seconds: Option<f64>,
    /// The folder to use, which must be new, empty or of an earlier demo
    #[arg(long = "data", value_name = "DIR", default_value = "squall-data/demo", value_hint = ValueHint::DirPath)]
    pub(crate) folder: PathBuf,
    /// The same seed makes up the same shares
    #[arg(long, default_value_t = 7)]
    pub(crate) seed: u64,
    /// Shares to make up a second
    #[arg(long, value_name = "N", default_value_t = 2_000)]
    pub(crate) rate: u32,
    /// Print the outcome as JSON
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct RunArgs {
    /// The topology
    #[arg(value_name = "T.yaml", value_hint = ValueHint::FilePath)]
    pub(crate) topology: PathBuf,
    /// Send the lines of FILE (`-` is the standard input) to QUEUE while running; may be repeated
    #[arg(long = "input", value_name = "QUEUE=FILE")]
    pub(crate) inputs: Vec<String>,
    /// End when all input is used up
    #[arg(long)]
    pub(crate) until_idle: bool,
    /// With --until-idle: give up when nothing has been finished for so long
    #[arg(long, value_name = "TIME", default_value = "60s")]
    pub(crate) patience: TimeSpan,
    /// When stopping: wait so long for what is under way
    #[arg(long, value_name = "TIME", default_value = "30s")]
    pub(crate) drain: TimeSpan,
    #[command(flatten)]
    pub(crate) set: SetArgs,
    #[command(flatten)]
    pub(crate) data: DataArgs,
    /// Threads that the tasks share, rather than what the topology says
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub(crate) threads: Option<u16>,
    /// Print the summary as JSON on the standard output
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct ValidateArgs {
    /// The topologies
    #[arg(required = true, value_name = "T.yaml", value_hint = ValueHint::FilePath)]
    pub(crate) topologies: Vec<PathBuf>,
    #[command(flatten)]
    pub(crate) set: SetArgs,
    /// Print the mistakes as JSON
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct TestArgs {
    /// The topologies
    #[arg(value_name = "T.yaml", default_value = "topology.yaml", value_hint = ValueHint::FilePath)]
    pub(crate) topologies: Vec<PathBuf>,
    #[command(flatten)]
    pub(crate) set: SetArgs,
    /// Run only the tests whose name contains TEXT
    #[arg(long, value_name = "TEXT")]
    pub(crate) filter: Option<String>,
    /// Print the results as JSON
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct ComponentsArgs {
    /// The component to explain
    pub(crate) name: Option<String>,
    /// Print as JSON, options as a JSON Schema
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct GraphArgs {
    /// The topology
    #[arg(value_name = "T.yaml", value_hint = ValueHint::FilePath)]
    pub(crate) topology: PathBuf,
    #[command(flatten)]
    pub(crate) set: SetArgs,
    /// Print in the language of Graphviz: `squall graph --dot T.yaml | dot -Tsvg`
    #[arg(long)]
    pub(crate) dot: bool,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct SendArgs {
    /// The queue
    pub(crate) queue: String,
    /// The file; `-` is the standard input
    #[arg(long, short, value_name = "FILE", default_value = "-", value_hint = ValueHint::FilePath)]
    pub(crate) file: PathBuf,
    /// A message a line, as is the default
    #[arg(long, conflicts_with = "whole")]
    pub(crate) lines: bool,
    /// The whole file is one message
    #[arg(long)]
    pub(crate) whole: bool,
    /// Create the queue if there is none
    #[arg(long)]
    pub(crate) create: bool,
    #[command(flatten)]
    pub(crate) data: DataArgs,
    /// Print the outcome as JSON
    #[arg(long)]
    pub(crate) json: bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_arguments_are_consistent() {
        use clap::CommandFactory;
        Args::command().debug_assert();
    }
}
