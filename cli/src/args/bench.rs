//! The arguments of `squall bench`.

use std::path::PathBuf;

use clap::{Args as ClapArgs, Subcommand, ValueEnum, ValueHint};

#[derive(Debug, Subcommand)]
pub(crate) enum BenchCommand {
    /// The engine: what it costs around the least possible work
    Engine(BenchEngineArgs),
    /// The durable queue
    Queue(BenchQueueArgs),
    /// An access log from the queue through parse and count into a table
    Pipeline(BenchPipelineArgs),
    /// A sliding hour by the minute with distinct people: speed, memory, restart
    State(BenchStateArgs),
    /// How soon a share of a restaurant is in the tables of the shipped topology
    Freshness(BenchFreshnessArgs),
    /// Kill a topology again and again and see whether every number is right
    Crash(BenchCrashArgs),
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
#[value(rename_all = "snake_case")]
pub(crate) enum DeliveryArg {
    /// Rows and what was read are committed together
    ExactlyOnce,
    /// Messages are settled one by one, after their rows
    AtLeastOnce,
    /// One after the other
    Both,
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
    /// What a crash may do to the counts; `both` measures one after the other and compares
    #[arg(long, value_enum, default_value_t = DeliveryArg::AtLeastOnce)]
    pub(crate) delivery: DeliveryArg,
    /// Where the counts go: `sqlite` (a new file), or the URL of a store
    #[arg(long, value_name = "sqlite|URL", default_value = "sqlite")]
    pub(crate) store: String,
    /// The folder for queue and table, on the disk to be measured
    #[arg(long = "data", value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub(crate) folder: Option<PathBuf>,
    /// Print as JSON
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct BenchCrashArgs {
    /// How often to kill it
    #[arg(long, value_name = "N", default_value_t = 63)]
    pub(crate) kills: u32,
    /// Messages to send before each run
    #[arg(long, value_name = "N", default_value_t = 2_000)]
    pub(crate) messages: u64,
    /// Where the results go; by default a SQLite file
    #[arg(long, value_name = "URL")]
    pub(crate) store: Option<String>,
    /// The same seed makes up the same messages and kills
    #[arg(long, default_value_t = 7)]
    pub(crate) seed: u64,
    /// Bytes of state that the topology may keep in memory
    #[arg(long, value_name = "SIZE", default_value = "64MiB")]
    pub(crate) memory: String,
    /// The folder for queue and state, on the disk to be used
    #[arg(long = "data", value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub(crate) folder: Option<PathBuf>,
    /// Print as JSON
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct BenchStateArgs {
    /// How long to run
    #[arg(long, value_name = "N", default_value_t = 10.0)]
    pub(crate) seconds: f64,
    /// How many people there are
    #[arg(long, value_name = "N", default_value_t = 100_000)]
    pub(crate) people: u64,
    /// How many restaurants there are
    #[arg(long, value_name = "N", default_value_t = 10_000)]
    pub(crate) restaurants: u64,
    /// Events in a second of event time
    #[arg(long, value_name = "N", default_value_t = 300_000)]
    pub(crate) rate: u64,
    /// Bytes of state that may be kept in memory
    #[arg(long, value_name = "SIZE", default_value = "2GiB")]
    pub(crate) memory: String,
    /// Threads that the tasks share
    #[arg(long, value_name = "N", default_value_t = 2, value_parser = clap::value_parser!(u16).range(1..=256))]
    pub(crate) threads: u16,
    /// The folder for state and table, on the disk to be measured
    #[arg(long = "data", value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub(crate) folder: Option<PathBuf>,
    /// Print as JSON
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct BenchFreshnessArgs {
    /// Shares a second
    #[arg(long, value_name = "N", default_value_t = 50_000)]
    pub(crate) rate: u32,
    /// How many shares to wait for
    #[arg(long, value_name = "N", default_value_t = 40)]
    pub(crate) probes: u64,
    /// Where the tables are: `sqlite` (a new file), or the URL of a store
    #[arg(long, value_name = "sqlite|URL", default_value = "sqlite")]
    pub(crate) store: String,
    /// The folder for queue, state and table, on the disk to be measured
    #[arg(long = "data", value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub(crate) folder: Option<PathBuf>,
    /// Print as JSON
    #[arg(long)]
    pub(crate) json: bool,
}
