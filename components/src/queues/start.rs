//! Where a new group of a queue starts.

use squall_broker::Queue;
use squall_framework::Result;

use super::of_broker;
use crate::parse::TimeFormat;

/// Where a group starts that does not exist yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Start {
    /// With everything that the queue holds.
    #[default]
    Earliest,
    /// With what is sent from this time on, in milliseconds since 1970-01-01 UTC, also if others
    /// have settled it, as far as the queue keeps it.
    At(u64),
}

impl Start {
    /// `earliest`, `latest` or a time.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        Some(match text {
            "earliest" => Self::Earliest,
            "latest" => Self::At(u64::MAX),
            time => {
                let micros = TimeFormat::Auto.parse(time)?;
                Self::At(u64::try_from(micros.max(0)).unwrap_or(0) / 1_000)
            }
        })
    }

    /// Makes the group if it does not exist.
    pub(crate) fn make_group(self, queue: &Queue, group: &str) -> Result<()> {
        let made = match self {
            Self::Earliest => queue.group(group),
            Self::At(from_ms) => queue.group_from(group, from_ms),
        };
        match made {
            Ok(_) | Err(squall_broker::Error::GroupExists { .. }) => Ok(()),
            Err(error) => Err(of_broker(error)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_and_times() {
        assert_eq!(Start::parse("earliest"), Some(Start::Earliest));
        assert_eq!(Start::parse("latest"), Some(Start::At(u64::MAX)));
        assert_eq!(Start::parse("1970-01-01T00:00:02.5Z"), Some(Start::At(2_500)));
        assert_eq!(Start::parse("yesterday"), None);
    }
}
