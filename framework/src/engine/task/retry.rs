//! What becomes of a message that failed.

use std::{sync::Arc, time::Duration};

use serde::Serialize;

use crate::{
    ack::{Failure, FailureKind},
    component::Verdict,
    error::Result,
    tuple::{Schema, Value},
};

/// A message that the topology could not work on, with all that is known.
#[derive(Debug, Clone)]
pub struct DeadLetter {
    /// The spout that emitted it.
    pub spout: Arc<str>,
    /// The spout's number for it.
    pub id: u64,
    /// How often it was delivered.
    pub attempts: u32,
    /// Which bolt failed it and why.
    pub failure: Failure,
    /// The fields of the message as the spout emitted it.
    pub schema: Schema,
    /// Their values.
    pub values: Vec<Value>,
}

/// Where messages go that nothing can be done with. A spout that replays
/// keeps its dead letters itself; this is for all others.
pub trait DeadLetters: Send + Sync {
    /// Keeps the letters. Called on the spout's thread.
    ///
    /// # Errors
    /// They could not be kept; the engine tries again after a pause.
    fn put(&self, letters: &[DeadLetter]) -> Result<()>;
}

/// When failed messages come back, and when no more.
#[derive(Debug, Clone, Serialize)]
pub struct RetryPolicy {
    /// A message that was delivered this often becomes a dead letter.
    pub max_attempts: u32,
    /// The wait before the second delivery; doubled before each further one.
    pub backoff: Duration,
    /// The longest wait between deliveries.
    pub max_backoff: Duration,
    /// After this many failures without a single success the topology is
    /// stalled: messages wait and none becomes a dead letter.
    pub stall_after: u64,
}

impl Default for RetryPolicy {
    fn default() -> Self {
        RetryPolicy {
            max_attempts: 5,
            backoff: Duration::from_millis(200),
            max_backoff: Duration::from_secs(30),
            stall_after: 1000,
        }
    }
}

impl RetryPolicy {
    /// Judges a delivery that failed now, which `streak` counts.
    pub(crate) fn judge(
        &self,
        attempt: u32,
        failure: &Failure,
        streak: &mut Streak,
        now: Duration,
    ) -> Judgement {
        streak.failures += u64::from(failure.counts());
        let after = self.wait(attempt, failure);
        if !failure.counts() {
            return Judgement::new(Verdict::Retry { after, counts: false });
        }
        if self.stalled(failure, streak.failures) {
            if now >= streak.until {
                streak.rounds = streak.rounds.saturating_add(1);
                streak.until = now + self.wait(streak.rounds, failure);
            }
            let after = self.wait(streak.rounds, failure);
            return Judgement { verdict: Verdict::Retry { after, counts: false }, stalled: true };
        }
        Judgement::new(match failure.kind {
            FailureKind::Data => Verdict::Dead,
            _ if attempt >= self.max_attempts => Verdict::Dead,
            _ => Verdict::Retry { after, counts: true },
        })
    }

    /// Whether everything fails. An error that a retry can help speaks of
    /// something outside that is away, so a few are proof enough.
    fn stalled(&self, failure: &Failure, in_a_row: u64) -> bool {
        let enough = match failure.kind {
            FailureKind::Retry => self.stall_after.min(u64::from(self.max_attempts)),
            _ => self.stall_after,
        };
        in_a_row >= enough
    }

    /// How long to wait after this attempt.
    pub(super) fn wait(&self, attempt: u32, failure: &Failure) -> Duration {
        let doubled = self.backoff.saturating_mul(1 << attempt.saturating_sub(1).min(20));
        // Up to a quarter more, so that what failed together does not come
        // back in step.
        let jitter = doubled.mul_f64(fastrand::f64() / 4.0);
        (doubled + jitter).min(self.max_backoff).max(failure.after.unwrap_or_default())
    }
}

/// Failures since the last success.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Streak {
    failures: u64,
    /// How often it was waited since everything fails. All that fails within a wait is of one round:
    /// a sink that was away for a moment with a thousand rows in hand is not away for long.
    rounds: u32,
    /// When the round is over, by the same clock.
    until: Duration,
}

/// A verdict, and whether it was given because everything fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Judgement {
    pub(crate) verdict: Verdict,
    pub(crate) stalled: bool,
}

impl Judgement {
    fn new(verdict: Verdict) -> Self {
        Judgement { verdict, stalled: false }
    }
}
