//! What a child says.

use serde::Deserialize;
use serde_json::Value;

/// A message of a child. What it leaves out is as Storm has it.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(tag = "command", rename_all = "lowercase")]
pub(crate) enum Command {
    /// A tuple for a stream.
    Emit {
        /// The ids of the tuples that it was made of.
        #[serde(default)]
        anchors: Vec<String>,
        #[serde(default = "default_stream")]
        stream: String,
        tuple: Vec<Value>,
        /// The task that it is for, where the grouping is direct.
        #[serde(default)]
        task: Option<u32>,
        /// Whether the child waits to be told which tasks it went to.
        #[serde(default = "yes")]
        need_task_ids: bool,
    },
    /// A tuple is done.
    Ack { id: String },
    /// A tuple failed.
    Fail { id: String },
    /// A line for the log.
    Log {
        msg: String,
        /// From 0, trace, to 4, error.
        #[serde(default = "info")]
        level: u8,
    },
    /// An error that the child goes on after.
    Error { msg: String },
    /// A number that the child counts.
    Metrics { name: String, params: Value },
    /// The answer to a heartbeat.
    Sync,
}

fn default_stream() -> String {
    "default".to_owned()
}

fn yes() -> bool {
    true
}

fn info() -> u8 {
    2
}

impl Command {
    /// Reads a message; the words say why it is none.
    pub(crate) fn read(text: &str) -> Result<Self, String> {
        serde_json::from_str(text).map_err(|error| {
            let text = text.chars().take(200).collect::<String>();
            format!(
                "{text:?} is no message of the multilang protocol ({error}); its standard output is for \
                 that protocol alone, what else it prints belongs on standard error"
            )
        })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn messages_are_read_with_what_they_leave_out() {
        let emit = Command::read(r#"{"command":"emit","tuple":["a",1]}"#).unwrap();
        let expected = Command::Emit {
            anchors: Vec::new(),
            stream: "default".into(),
            tuple: vec!["a".into(), 1.into()],
            task: None,
            need_task_ids: true,
        };
        assert_eq!(emit, expected);
        let log = Command::read(r#"{"command":"log","msg":"hi"}"#).unwrap();
        assert_eq!(log, Command::Log { msg: "hi".into(), level: 2 });
        assert_eq!(Command::read(r#"{"command":"sync"}"#).unwrap(), Command::Sync);
        let stray = Command::read("hello").unwrap_err();
        assert!(stray.contains("\"hello\" is no message") && stray.contains("standard error"));
    }
}
