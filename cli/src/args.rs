//! The arguments: each one is described here and nowhere else.

use std::path::PathBuf;

use clap::{Args as ClapArgs, Parser, Subcommand, ValueEnum, ValueHint};
use squall_config::{ByteSize, TimeSpan};

const EXIT_CODES: &str = "\
Exit codes:
  0    all is well
  1    something failed while it was running
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
    /// List the components that a topology may name, or explain one
    Components(ComponentsArgs),
    /// Draw a topology
    Graph(GraphArgs),
    /// Print the JSON Schema of topology files, for editors
    Schema,
    /// Send the lines of a file to a queue, a message a line
    Send(SendArgs),
    /// Look at queues and change them
    #[command(subcommand)]
    Queue(QueueCommand),
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

/// What all commands about queues have.
#[derive(Debug, Clone, ClapArgs)]
pub(crate) struct QueueArgs {
    #[command(flatten)]
    pub(crate) data: DataArgs,
    /// Print as JSON
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Subcommand)]
pub(crate) enum QueueCommand {
    /// List the queues
    List {
        #[command(flatten)]
        common: QueueArgs,
    },
    /// Create a queue
    Create {
        /// The queue: letters, digits, `-`, `_` and `.`
        queue: String,
        #[command(flatten)]
        attributes: AttributeArgs,
        #[command(flatten)]
        common: QueueArgs,
    },
    /// Change the attributes of a queue
    Set {
        /// The queue
        queue: String,
        #[command(flatten)]
        attributes: AttributeArgs,
        #[command(flatten)]
        common: QueueArgs,
    },
    /// Show how many messages wait, by group, and the attributes
    Stats {
        /// The queue; all of them if none is named
        queue: Option<String>,
        #[command(flatten)]
        common: QueueArgs,
    },
    /// Show messages without taking them
    Peek {
        /// The queue
        queue: String,
        /// How many
        #[arg(long, short = 'n', value_name = "N", default_value_t = 10)]
        max: usize,
        #[command(flatten)]
        common: QueueArgs,
    },
    /// Remove all messages
    Purge {
        /// The queue
        queue: String,
        #[command(flatten)]
        common: QueueArgs,
    },
    /// Send the messages of a dead-letter queue back to where they came from
    Redrive {
        /// The dead-letter queue
        queue: String,
        /// Another queue to send them to
        #[arg(long, value_name = "QUEUE")]
        to: Option<String>,
        #[command(flatten)]
        common: QueueArgs,
    },
    /// Make messages that are done visible again, as far as the queue keeps them
    Rewind {
        /// The queue
        queue: String,
        /// From when on: a time such as 2026-01-31T12:00:00Z, or how long ago, such as 2h
        #[arg(long, value_name = "TIME")]
        from: String,
        #[command(flatten)]
        common: QueueArgs,
    },
    /// Delete a queue and everything in it
    Delete {
        /// The queue
        queue: String,
        #[command(flatten)]
        common: QueueArgs,
    },
}

/// Attributes of a queue; what is left out stays as it is.
#[derive(Debug, Clone, ClapArgs)]
pub(crate) struct AttributeArgs {
    /// How long a received message is invisible to others; at most 12h (default 30s)
    #[arg(long, value_name = "TIME")]
    pub(crate) visibility: Option<TimeSpan>,
    /// How long a message is kept if nobody takes it; 1s to 30d (default 4d)
    #[arg(long, value_name = "TIME")]
    pub(crate) retention: Option<TimeSpan>,
    /// How long messages that are done are kept for `rewind` (default none)
    #[arg(long, value_name = "TIME")]
    pub(crate) rewind: Option<TimeSpan>,
    /// The largest message; at most 64KiB, the default
    #[arg(long, value_name = "SIZE")]
    pub(crate) max_size: Option<ByteSize>,
    /// How long a consumer waits for a message; at most 30s (default none)
    #[arg(long, value_name = "TIME")]
    pub(crate) polling_wait: Option<TimeSpan>,
    /// The queue that takes messages that were received too often
    #[arg(long, value_name = "QUEUE")]
    pub(crate) dead_letter: Option<String>,
    /// How often a message is received before it is a dead letter
    #[arg(long, value_name = "N", requires = "dead_letter")]
    pub(crate) max_receives: Option<u32>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum BenchCommand {
    /// The engine: what it costs around the least possible work
    Engine(BenchEngineArgs),
    /// The durable queue
    Queue(BenchQueueArgs),
    /// An access log from the queue through parse and count into SQLite
    Pipeline(BenchPipelineArgs),
}

#[derive(Debug, ClapArgs)]
pub(crate) struct BenchEngineArgs {
    /// The shape of the topology
    #[arg(long, value_enum, default_value_t = WorkloadArg::Const)]
    pub(crate) workload: WorkloadArg,
    /// Whether messages are tracked
    #[arg(long, value_enum, default_value_t = Switch::On)]
    pub(crate) acks: Switch,
    /// How long to measure, after a warm-up of a fifth of it
    #[arg(long, value_name = "N", default_value_t = 5.0)]
    pub(crate) seconds: f64,
    /// Threads that the tasks share
    #[arg(long, value_name = "N", default_value_t = 2, value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub(crate) threads: u16,
    /// Messages a second, for the workload `latency`
    #[arg(long, value_name = "N", default_value_t = 10_000, value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) rate: u32,
    /// A text whose first 1,000 lines are used by the workload `wordcount`
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) file: Option<PathBuf>,
    /// Run a hand-written loop of two threads and the same shape instead of the engine
    #[arg(long)]
    pub(crate) baseline: bool,
    /// Print as JSON
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum WorkloadArg {
    /// A spout to a counting bolt
    Const,
    /// One bolt between, one tuple in and one out
    Relay,
    /// Lines split into words, which are counted
    Wordcount,
    /// Fields grouping to eight counting tasks
    Fanout8,
    /// As const, with rows of twenty columns
    Columns20,
    /// An open loop at a fixed rate
    Latency,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Switch {
    On,
    Off,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct BenchQueueArgs {
    /// How long to measure each way of sending
    #[arg(long, value_name = "N", default_value_t = 5.0)]
    pub(crate) seconds: f64,
    /// How many messages the backlog has
    #[arg(long, value_name = "N", default_value_t = 1_000_000)]
    pub(crate) messages: u64,
    /// Fill a queue with so many messages and end as by a crash
    #[arg(long, hide = true, value_name = "N", requires = "folder")]
    pub(crate) fill_and_die: Option<u64>,
    /// The folder for the queue, on the disk to be measured
    #[arg(long = "data", value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub(crate) folder: Option<PathBuf>,
    /// Print as JSON
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct BenchPipelineArgs {
    /// How many lines to make up
    #[arg(long, value_name = "N", default_value_t = 2_000_000)]
    pub(crate) lines: u64,
    /// A log to use over and over instead of made-up lines
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) file: Option<PathBuf>,
    /// Threads that the tasks share
    #[arg(long, value_name = "N", default_value_t = 2, value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub(crate) threads: u16,
    /// The folder for queue and table, on the disk to be measured
    #[arg(long = "data", value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub(crate) folder: Option<PathBuf>,
    /// Print as JSON
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
