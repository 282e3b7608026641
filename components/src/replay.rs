//! Computing again from messages that are kept.

/// A resource that a process lends to a topology which computes again from messages that the
/// queues keep: where it reads from, and which names its tables have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Replay {
    /// From which time on messages are read, in milliseconds since 1970-01-01 UTC.
    pub from_ms: u64,
    /// What is put behind the names of groups, so that the topology's own are left alone.
    pub group_suffix: String,
    /// What is put behind the names of tables.
    pub table_suffix: String,
    /// Read only what the topology's own group has dealt with, to find again what came of it.
    pub only_settled: bool,
}
