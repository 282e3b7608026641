//! `dead_letters:` of a topology file.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use squall_config::{Code, Report, Section};

/// Where messages go that nothing can be done with. Spouts that replay, such as `queue`, keep their
/// dead letters themselves.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum DeadLetterTarget {
    /// A queue of this name.
    Queue(String),
    /// A file, one JSON object per line.
    File(String),
}

/// As it is written: `{ queue: NAME }` or `{ file: PATH }`.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Written {
    /// A queue of this name.
    queue: Option<String>,
    /// A file, one JSON object per line.
    file: Option<String>,
}

/// Reads `dead_letters:`, which may be missing.
pub(super) fn read(section: Option<&Section>, report: &mut Report) -> Option<DeadLetterTarget> {
    let section = section.filter(|section| !section.is_null())?;
    if let Some(queue) = section.text() {
        let message = format!("expected a map of options, found the text `{queue}`");
        let help = format!("write `dead_letters: {{ queue: {queue} }}`");
        report.add(section.mistake(Code::WrongType, message).help(section.hide(&help)));
        return None;
    }
    let written: Written = report.take(section.read())?;
    match (written.queue, written.file) {
        (Some(queue), None) => Some(DeadLetterTarget::Queue(queue)),
        (None, Some(file)) => Some(DeadLetterTarget::File(file)),
        (both, _) => {
            let message = match both {
                Some(_) => "dead letters go to a queue or to a file, not to both",
                None => "expected `queue` or `file`, found neither",
            };
            let help = "write `dead_letters: { queue: NAME }` or `{ file: PATH }`";
            report.add(section.mistake(Code::BadValue, message).help(help));
            None
        }
    }
}
