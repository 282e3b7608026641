//! Why a message failed.

use std::{fmt, sync::Arc, time::Duration};

use serde::Serialize;

use crate::error::{Error, ErrorKind};

/// What kind of failure it was.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum FailureKind {
    /// The bolt returned an error that a retry can help.
    Retry,
    /// The bolt returned an error that lies in the message itself.
    Data,
    /// The bolt panicked on it.
    Panic,
    /// There was no progress for the topology's `message_timeout`.
    Timeout,
    /// The task that had it was restarted or stopped; not the message's fault.
    Interrupted,
}

/// Why a message failed, and where. Cheap to clone.
#[derive(Debug, Clone, Serialize)]
pub struct Failure {
    /// What kind of failure.
    pub kind: FailureKind,
    /// The id of the component that failed it.
    pub component: Arc<str>,
    /// The reason in words.
    pub reason: Arc<str>,
    /// The shortest time before a retry makes sense, if the reason knows it.
    #[serde(skip)]
    pub after: Option<Duration>,
}

impl Failure {
    pub(crate) fn new(
        kind: FailureKind,
        component: &Arc<str>,
        reason: impl Into<Arc<str>>,
    ) -> Self {
        Failure { kind, component: component.clone(), reason: reason.into(), after: None }
    }

    pub(crate) fn of(error: &Error, component: &Arc<str>) -> Self {
        let kind = match error.kind() {
            ErrorKind::Retry => FailureKind::Retry,
            ErrorKind::Data => FailureKind::Data,
        };
        Failure { after: error.delay(), ..Failure::new(kind, component, error.to_string()) }
    }

    /// The batch was dropped by someone who did not say why.
    pub(crate) fn dropped() -> Self {
        Failure::new(FailureKind::Interrupted, &Arc::from("engine"), "the task that had it stopped")
    }

    /// Whether the delivery counts as one of the message's attempts.
    #[must_use]
    pub fn counts(&self) -> bool {
        self.kind != FailureKind::Interrupted
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.kind {
            FailureKind::Panic => write!(f, "{} panicked: {}", self.component, self.reason),
            _ => write!(f, "{}: {}", self.component, self.reason),
        }
    }
}
