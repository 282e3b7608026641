//! Errors of bolts and spouts: they say whether a retry can help.

use std::{error::Error as StdError, fmt, time::Duration};

/// What `execute` and its like give.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Whether doing the same again can end otherwise.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum ErrorKind {
    /// Something outside is away for now: the message comes back later.
    Retry,
    /// The message itself is wrong: it goes straight to the dead letters.
    Data,
}

/// Why a tuple could not be worked on, or a component not be built.
///
/// Any error converts into one that can be retried; say [`Error::data`] where
/// the tuple is at fault.
///
/// ```
/// use squall_framework::{Error, ErrorKind};
/// let error = Error::data("field `price` is not a number but `cheap`");
/// assert_eq!(error.kind(), ErrorKind::Data);
/// ```
#[derive(Debug)]
pub struct Error {
    kind: ErrorKind,
    after: Option<Duration>,
    message: String,
}

impl Error {
    /// The tuple is at fault; a retry cannot help.
    pub fn data(message: impl Into<String>) -> Self {
        Error { kind: ErrorKind::Data, after: None, message: message.into() }
    }

    /// Something outside failed; a retry can help.
    pub fn retry(message: impl Into<String>) -> Self {
        Error { kind: ErrorKind::Retry, after: None, message: message.into() }
    }

    /// A retry makes sense only after this long.
    #[must_use]
    pub fn after(mut self, delay: Duration) -> Self {
        self.after = Some(delay);
        self
    }

    /// Puts what was being done before the reason.
    #[must_use]
    pub fn context(mut self, what: impl fmt::Display) -> Self {
        self.message = format!("{what}: {}", self.message);
        self
    }

    /// Whether a retry can help.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        self.kind
    }

    /// The shortest time before a retry makes sense, if the error knows it.
    #[must_use]
    pub fn delay(&self) -> Option<Duration> {
        self.after
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

// Not `std::error::Error` itself: that would forbid the conversion below.
impl<E: StdError> From<E> for Error {
    fn from(error: E) -> Self {
        let mut message = error.to_string();
        let mut cause = error.source();
        while let Some(inner) = cause {
            let text = inner.to_string();
            if !message.contains(&text) {
                message = format!("{message}: {text}");
            }
            cause = inner.source();
        }
        Error::retry(message)
    }
}

/// An [`Error`] for code outside of components, where errors are
/// [`std::error::Error`].
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct AnyError(pub(crate) String);

impl From<Error> for AnyError {
    fn from(error: Error) -> Self {
        AnyError(error.message)
    }
}

impl From<crate::Problem> for AnyError {
    fn from(problem: crate::Problem) -> Self {
        AnyError(problem.to_string())
    }
}
