//! `config:` of a topology file: how the topology is to run.

use std::num::{NonZeroU32, NonZeroU64, NonZeroUsize};

use schemars::JsonSchema;
use serde::Deserialize;
use squall_config::{ByteSize, Code, Report, Section, TimeSpan};

use crate::engine::{Delivery, Settings};

/// How a topology is to run. What is left out is as the engine has it.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Config {
    /// Threads that the tasks share (default 2). Components that block have their own.
    threads: Option<NonZeroUsize>,
    /// Messages that a task of a spout may have under way (default 100000).
    max_pending: Option<NonZeroUsize>,
    /// A message without progress for this long has failed (default 30s).
    message_timeout: Option<TimeSpan>,
    /// Whether messages are tracked until they are done (default true).
    acks: Option<bool>,
    /// A message that was delivered this often becomes a dead letter (default 5).
    max_attempts: Option<NonZeroU32>,
    /// The wait before the second delivery, doubled before each further one (default 200ms).
    backoff: Option<TimeSpan>,
    /// The longest wait between deliveries (default 30s).
    max_backoff: Option<TimeSpan>,
    /// After this many failures without a success the topology is stalled, and nothing becomes a
    /// dead letter (default 1000).
    stall_after: Option<NonZeroU64>,
    /// What a crash may do to results: `exactly_once` (default where a bolt keeps state and a SQL
    /// store is there to commit to) or `at_least_once`.
    delivery: Option<Delivery>,
    /// How often results are committed, where a bolt keeps state or `delivery` is `exactly_once`
    /// (default 500ms).
    commit_interval: Option<TimeSpan>,
    /// So many messages are committed at once at most (default 1000000).
    commit_messages: Option<NonZeroU64>,
    /// About so many bytes of rows and changes are committed at once at most (default 256MiB).
    commit_bytes: Option<ByteSize>,
    /// Bytes of state that are kept in memory; the rest is read from disk (default 256MiB).
    state_memory: Option<ByteSize>,
    /// Batches that may be on their way from one task to another (default 8).
    edge_batches: Option<NonZeroU64>,
    /// Bytes that may be on their way from one task to another (default 512KiB).
    edge_bytes: Option<ByteSize>,
    /// A task that is inside one call for longer is reported as stuck (default 5s).
    stuck_after: Option<TimeSpan>,
    /// Restarts of a task within `restart_window` before the topology has failed (default 100).
    max_restarts: Option<usize>,
    /// See `max_restarts` (default 60s).
    restart_window: Option<TimeSpan>,
}

/// The most threads that make sense.
const MAX_THREADS: usize = 1024;

impl Config {
    /// Reads `config:`, which may be missing.
    pub(super) fn read(section: Option<&Section>, report: &mut Report) -> Self {
        let Some(section) = section.filter(|section| !section.is_null()) else {
            return Self::default();
        };
        let config: Self = report.take(section.read()).unwrap_or_default();
        let spans = [
            ("message_timeout", config.message_timeout),
            ("stuck_after", config.stuck_after),
            ("restart_window", config.restart_window),
            ("commit_interval", config.commit_interval),
        ];
        for (key, span) in spans {
            if span.is_some_and(|span| span.is_zero()) {
                let message = format!("`{key}` must be longer than nothing");
                report.add(section.mistake_at(key, Code::BadValue, message));
            }
        }
        if config.edge_bytes.is_some_and(|bytes| *bytes == 0) {
            let message = "`edge_bytes` must be at least one byte";
            report.add(section.mistake_at("edge_bytes", Code::BadValue, message));
        }
        if let (Some(first), Some(longest)) = (config.backoff, config.max_backoff)
            && first > longest
        {
            let message = format!("`backoff` of {first} is longer than `max_backoff` of {longest}");
            report.add(section.mistake_at("backoff", Code::BadValue, message));
        }
        if let Some(threads) = config.threads
            && threads.get() > MAX_THREADS
        {
            let message = format!("{threads} threads are more than {MAX_THREADS}");
            let help = "as many as the machine has cores are enough";
            report.add(section.mistake_at("threads", Code::BadValue, message).help(help));
        }
        config
    }

    /// The engine's settings.
    pub(super) fn settings(&self) -> Settings {
        let mut settings = Settings::default();
        let set = |target: &mut std::time::Duration, span: Option<TimeSpan>| {
            *target = span.map_or(*target, Into::into);
        };
        set(&mut settings.message_timeout, self.message_timeout);
        set(&mut settings.retry.backoff, self.backoff);
        set(&mut settings.retry.max_backoff, self.max_backoff);
        set(&mut settings.stuck_after, self.stuck_after);
        set(&mut settings.restart_window, self.restart_window);
        set(&mut settings.commit_interval, self.commit_interval);
        settings.delivery = self.delivery.unwrap_or(settings.delivery);
        settings.commit_messages =
            self.commit_messages.map_or(settings.commit_messages, NonZeroU64::get);
        settings.commit_bytes = self.commit_bytes.map_or(settings.commit_bytes, |bytes| *bytes);
        settings.state_memory = self.state_memory.map_or(settings.state_memory, |bytes| *bytes);
        settings.threads = self.threads.map_or(settings.threads, NonZeroUsize::get);
        settings.max_pending = self.max_pending.map_or(settings.max_pending, NonZeroUsize::get);
        settings.acks = self.acks.unwrap_or(settings.acks);
        settings.edge_batches = self.edge_batches.map_or(settings.edge_batches, NonZeroU64::get);
        settings.edge_bytes = self.edge_bytes.map_or(settings.edge_bytes, |bytes| *bytes);
        settings.max_restarts = self.max_restarts.unwrap_or(settings.max_restarts);
        let retry = &mut settings.retry;
        retry.max_attempts = self.max_attempts.map_or(retry.max_attempts, NonZeroU32::get);
        retry.stall_after = self.stall_after.map_or(retry.stall_after, NonZeroU64::get);
        settings
    }
}
