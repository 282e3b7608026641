//! What can be wrong with a text.

use thiserror::Error;

/// Longest part of a rejected text that an error repeats, in bytes.
const EXCERPT: usize = 120;

/// A text that is not what its parser expects. Trying again cannot help.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ParseError {
    /// The text as a whole does not have the format.
    #[error("not {format}: {problem} at byte {at} of {text:?}")]
    Malformed {
        /// What was expected, such as `an access log line`.
        format: &'static str,
        /// What is wrong.
        problem: String,
        /// Where, in bytes from the start of the text.
        at: usize,
        /// The text, shortened.
        text: String,
    },
    /// A field is there but does not have its type.
    #[error("field `{field}`: {text:?} is not {expected}")]
    Type {
        /// The field's name.
        field: String,
        /// The type that was asked for, with its article.
        expected: &'static str,
        /// The field's text, shortened.
        text: String,
    },
    /// A field is not there, and its type does not end in `?`.
    #[error("field `{field}` is missing or null; write its type as `{kind}?` if it may be")]
    Missing {
        /// The field's name.
        field: String,
        /// The type's name.
        kind: &'static str,
    },
}

impl ParseError {
    pub(crate) fn malformed(
        format: &'static str,
        problem: impl Into<String>,
        at: usize,
        text: &str,
    ) -> Self {
        Self::Malformed { format, problem: problem.into(), at, text: excerpt(text) }
    }
}

/// The start of `text`, cut at a character boundary.
pub(crate) fn excerpt(text: &str) -> String {
    if text.len() <= EXCERPT {
        return text.to_owned();
    }
    let end = (0..=EXCERPT).rev().find(|&at| text.is_char_boundary(at)).unwrap_or(0);
    format!("{}...", &text[..end])
}
