//! The arguments of `squall queue`.

use clap::{Args as ClapArgs, Subcommand};
use squall_config::{ByteSize, TimeSpan};

use super::DataArgs;

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
