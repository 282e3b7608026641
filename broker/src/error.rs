//! What can go wrong, in words that say what to do.

use std::io;
use std::path::PathBuf;

use crate::codec::Malformed;

/// The result of an operation on a store or queue.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why an operation on a store or queue was refused.
///
/// Errors are cheap to clone, since one failed group commit is told to all who wait for it.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// There is no queue of that name.
    #[error("there is no queue `{0}`; create it first")]
    NoQueue(String),
    /// `create_queue` met a queue of that name with other attributes.
    #[error(
        "the queue `{0}` already exists with other attributes; change them with `set_attributes`"
    )]
    QueueExists(String),
    /// The queue was deleted while this handle to it was held.
    #[error("the queue `{0}` has been deleted")]
    QueueDeleted(String),
    /// A name that cannot be a queue's or group's.
    #[error("`{0}` cannot be a name; use 1 to 64 letters, digits, `-`, `_` and `.`")]
    BadName(String),
    /// An attribute that is out of bounds.
    #[error("{attribute} of {value} is not allowed; {allowed}")]
    BadAttribute {
        /// The attribute.
        attribute: &'static str,
        /// What was asked for.
        value: String,
        /// What is allowed.
        allowed: &'static str,
    },
    /// Following the dead-letter queues from this one would come back to it.
    #[error("dead letters would go in a circle: {0}")]
    DeadLetterCycle(String),
    /// A message is larger than the queue takes.
    #[error("a message of {bytes} bytes is larger than the {allowed} that the queue takes")]
    TooLarge {
        /// Size of the body or of the headers.
        bytes: usize,
        /// What is allowed.
        allowed: usize,
    },
    /// The receipt handle is not valid (any more): the message was deleted, or leased anew.
    #[error(
        "receipt handle {0} is not valid: its message was deleted, or its visibility timeout passed and it was received again"
    )]
    BadHandle(u64),
    /// A producer's name that is empty or too long.
    #[error("`{0}` cannot be the name of a producer; use 1 to 128 bytes")]
    BadProducer(String),
    /// A batch was begun with other messages under the same number.
    #[error(
        "batch {number} of producer `{producer}` was begun with {had} messages and is now given with {given}; give the same messages again, or a new number"
    )]
    OtherBatch {
        /// Who sends it.
        producer: String,
        /// The number of the batch.
        number: u64,
        /// Messages of the batch that was begun.
        had: u64,
        /// Messages of the one that was given now.
        given: u64,
    },
    /// More producers than a queue can remember send batches once.
    #[error(
        "queue `{queue}` remembers the batches of {count} producers and can take no further one; send to another queue, or under a name that it knows"
    )]
    TooManyProducers {
        /// The queue.
        queue: String,
        /// How many producers it remembers.
        count: usize,
    },
    /// There is a group of that name already.
    #[error("queue `{queue}` has a group `{group}` already; delete it first, or use another name")]
    GroupExists {
        /// The queue.
        queue: String,
        /// The group.
        group: String,
    },
    /// The group was claimed by a higher incarnation of the same owner before.
    #[error(
        "group `{group}` of queue `{queue}` was claimed by incarnation {current} of `{owner}` before, and this is incarnation {ours}: if a newer run of `{owner}` is under way, end this one; if there is none, its incarnations have started again because the place that counts them was lost or changed: use that place again, or claim another group"
    )]
    OldIncarnation {
        /// The queue.
        queue: String,
        /// The group.
        group: String,
        /// The owner of both incarnations.
        owner: String,
        /// The incarnation of the caller.
        ours: u64,
        /// The highest that has claimed the group.
        current: u64,
    },
    /// Someone else holds the group exclusively.
    #[error(
        "group `{group}` of queue `{queue}` is claimed by `{holder}` (incarnation {incarnation}); stop it first, or use another group"
    )]
    Claimed {
        /// The queue.
        queue: String,
        /// The group.
        group: String,
        /// Who holds the claim.
        holder: String,
        /// The incarnation of the holder.
        incarnation: u64,
    },
    /// A newer incarnation of the same owner has taken over.
    #[error(
        "incarnation {ours} of `{owner}` has been replaced by incarnation {current}; end this run"
    )]
    Fenced {
        /// The owner of both incarnations.
        owner: String,
        /// The incarnation of the caller.
        ours: u64,
        /// The incarnation that counts.
        current: u64,
    },
    /// A stored position speaks of another life of the queue.
    #[error(
        "the stored position of queue `{queue}` is not from this life of the queue: {detail}; the queue was deleted and created again, rewound or purged since"
    )]
    ForeignPosition {
        /// The queue.
        queue: String,
        /// What differs.
        detail: String,
    },
    /// The disk has less room than `min_free`.
    #[error(
        "the disk has {free} bytes free, less than the {min_free} to be kept: sending is refused until there is room; receive, delete or purge messages, or make room"
    )]
    DiskFull {
        /// Bytes that are free.
        free: u64,
        /// Bytes that must stay free.
        min_free: u64,
    },
    /// A flush of the disk failed earlier, so nothing that is written now can be trusted.
    #[error("the store stopped writing after an error ({0}); open it again")]
    Stopped(String),
    /// The store is closed, or closing.
    #[error("the store is closed")]
    Closed,
    /// Another process has the folder open.
    #[error("{path} is in use by {holder}")]
    Locked {
        /// The folder.
        path: PathBuf,
        /// The process that holds it.
        holder: String,
    },
    /// The folder was written by a version that this one cannot read.
    #[error(
        "{path} has format version {found}; this version reads up to {supported}; use the newer version of Squall"
    )]
    NewerFormat {
        /// The file.
        path: PathBuf,
        /// Its version.
        found: u32,
        /// The newest that can be read.
        supported: u32,
    },
    /// A part of the log is damaged, and with it the messages that were asked for.
    #[error("{file} is damaged at byte {offset}: {detail}")]
    Damaged {
        /// The file.
        file: PathBuf,
        /// The byte where the damaged frame starts.
        offset: u64,
        /// What is wrong.
        detail: String,
    },
    /// The operating system refused.
    #[error("{action}: {message}")]
    Io {
        /// What was being done.
        action: String,
        /// What the system said.
        message: String,
        /// Its kind.
        kind: io::ErrorKind,
    },
    /// The ledger refused.
    #[error("the ledger failed: {0}; the log is intact, so opening the store again rebuilds it")]
    Ledger(String),
}

impl Error {
    /// Whether the same call may succeed later without anyone changing the call.
    #[must_use]
    pub fn is_retryable(&self) -> bool {
        matches!(self, Self::DiskFull { .. } | Self::Locked { .. } | Self::Claimed { .. })
    }

    pub(crate) fn io(action: impl Into<String>, error: &io::Error) -> Self {
        Self::Io { action: action.into(), message: error.to_string(), kind: error.kind() }
    }
}

impl From<Malformed> for Error {
    fn from(_: Malformed) -> Self {
        let detail = "a frame or batch is not made of messages";
        Self::io(detail, &io::ErrorKind::InvalidData.into())
    }
}
