//! The arguments of `squall state` and `squall replay`.

use std::path::PathBuf;

use clap::{Args as ClapArgs, Subcommand, ValueHint};
use squall_config::TimeSpan;

use super::{DataArgs, SetArgs};

/// What all commands about states have.
#[derive(Debug, Clone, ClapArgs)]
pub(crate) struct StateArgs {
    /// The topology
    #[arg(value_name = "T.yaml", value_hint = ValueHint::FilePath)]
    pub(crate) topology: PathBuf,
    #[command(flatten)]
    pub(crate) set: SetArgs,
    #[command(flatten)]
    pub(crate) data: DataArgs,
    /// Print as JSON
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Subcommand)]
pub(crate) enum StateCommand {
    /// Show what a topology remembers: the last commit, what was read, keys by component
    Show {
        #[command(flatten)]
        common: StateArgs,
        /// Show keys and values of this component as well
        #[arg(long, value_name = "ID")]
        component: Option<String>,
        /// How many keys
        #[arg(long, short = 'n', value_name = "N", default_value_t = 10)]
        max: usize,
    },
    /// Compute a lost state again, from the messages that the queues still keep
    Rebuild {
        #[command(flatten)]
        common: StateArgs,
        /// Give up when nothing has been finished for so long
        #[arg(long, value_name = "TIME", default_value = "60s")]
        patience: TimeSpan,
    },
    /// Forget the state and the record of the commits, so that the topology begins anew
    ///
    /// The rows in the tables stay, and what was settled in the queues stays settled.
    Forget {
        #[command(flatten)]
        common: StateArgs,
    },
}

#[derive(Debug, ClapArgs)]
pub(crate) struct ReplayArgs {
    /// The topology
    #[arg(value_name = "T.yaml", value_hint = ValueHint::FilePath)]
    pub(crate) topology: PathBuf,
    /// From which time on messages are computed again, such as `2026-05-01T12:00:00Z` or `2h` for
    /// two hours ago
    #[arg(long, value_name = "TIME")]
    pub(crate) from: String,
    /// What is put behind the names of the topology and its tables, with a `-` and a `_`
    #[arg(long, value_name = "NAME")]
    pub(crate) suffix: String,
    /// Give up when nothing has been finished for so long
    #[arg(long, value_name = "TIME", default_value = "60s")]
    pub(crate) patience: TimeSpan,
    #[command(flatten)]
    pub(crate) set: SetArgs,
    #[command(flatten)]
    pub(crate) data: DataArgs,
    /// Print the summary as JSON on the standard output
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct RebalanceArgs {
    /// The name of the topology, which runs with this data folder
    pub(crate) topology: String,
    /// The component and how many tasks it is to have; may be repeated
    #[arg(long = "parallelism", short = 'p', value_name = "ID=N", required = true)]
    pub(crate) parallelism: Vec<String>,
    #[command(flatten)]
    pub(crate) data: DataArgs,
}
