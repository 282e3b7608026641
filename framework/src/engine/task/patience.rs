//! In epochs a row that fails is tried again where it is, so that the order of rows holds.

use std::{task::Context, time::Instant};

use super::RetryPolicy;
use crate::{
    ack::{Failure, FailureKind},
    engine::alarm::Alarm,
};

/// How often what is first in a task's hand was tried, and when it is tried again.
#[derive(Default)]
pub(crate) struct Patience {
    policy: RetryPolicy,
    attempts: u32,
    until: Option<Instant>,
    alarm: Option<Alarm>,
    /// Rows in a row whose attempts were used up without a success in between.
    used_up: u32,
    /// Why what is first in the hand waits, when it has waited for long.
    pub(crate) stalled: Option<String>,
}

impl Patience {
    pub(crate) fn new(policy: RetryPolicy) -> Self {
        Patience { policy, ..Patience::default() }
    }

    /// Whether the row is to be tried again after this failure. `before` rows were done before it
    /// in the same batch.
    ///
    /// A retry helps when something outside is away. That shows when one row after the other has
    /// used up its attempts: then the next one waits for as long as it takes.
    pub(crate) fn has_more(&mut self, before: usize, failure: &Failure) -> bool {
        if before > 0 {
            self.forget();
        }
        self.attempts += 1;
        match failure.kind {
            FailureKind::Retry | FailureKind::Panic => {}
            FailureKind::Data | FailureKind::Timeout | FailureKind::Interrupted => return false,
        }
        if self.attempts < self.policy.max_attempts {
            return true;
        }
        if failure.kind == FailureKind::Retry && self.used_up > 0 {
            self.stalled = Some(failure.to_string());
            return true;
        }
        self.used_up += 1;
        self.attempts = 0;
        self.until = None;
        false
    }

    /// Whether the next attempt is the last.
    pub(crate) fn is_last(&self) -> bool {
        self.attempts + 1 >= self.policy.max_attempts
    }

    /// Counts the attempts anew.
    pub(crate) fn begin_again(&mut self) {
        self.attempts = 0;
    }

    /// Waits after this failure.
    pub(crate) fn wait(&mut self, failure: &Failure) {
        self.until = Some(Instant::now() + self.policy.wait(self.attempts.min(32), failure));
    }

    /// Whether the wait is over; otherwise the context is woken when it is.
    pub(crate) fn is_over(&mut self, cx: &mut Context<'_>) -> bool {
        let Some(until) = self.until else { return true };
        if Instant::now() >= until {
            self.until = None;
            return true;
        }
        if self.alarm.is_none() {
            self.alarm = Alarm::new().ok();
        }
        if let Some(alarm) = &mut self.alarm
            && alarm.set(until).is_ok()
            && alarm.poll(cx).is_ready()
        {
            self.until = None;
            return true;
        }
        false
    }

    /// What was first in the hand is done, or gone.
    pub(crate) fn forget(&mut self) {
        if self.attempts > 0 || self.used_up > 0 {
            *self = Patience {
                policy: self.policy.clone(),
                alarm: self.alarm.take(),
                ..Patience::default()
            };
        }
    }
}
