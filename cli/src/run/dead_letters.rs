//! Dead letters of spouts that do not keep them themselves: into a durable queue, or a file.

use std::{
    fs::{File, OpenOptions},
    io::Write,
    path::Path,
};

use serde_json::{Map, Value as Json, json};
use squall_broker::{Batch, Error as BrokerError, Message, Queue, QueueAttributes, Store};
use squall_components::parse::rfc3339;
use squall_framework::{
    DeadLetter, DeadLetterTarget, DeadLetters, Error, Result, TopologyFile, ValueRef,
};

use crate::failure::Failure;

/// Where the dead letters of `file` go: where it says, else to the queue `<topology>.dead`.
pub(super) fn of(
    file: &TopologyFile,
    store: &Store,
) -> Result<std::sync::Arc<dyn DeadLetters>, Failure> {
    let topology = file.topology.name().to_owned();
    Ok(match &file.dead_letters {
        Some(DeadLetterTarget::File(path)) => {
            std::sync::Arc::new(InFile::open(topology, Path::new(path))?)
        }
        Some(DeadLetterTarget::Queue(name)) => {
            std::sync::Arc::new(InQueue { store: store.clone(), name: name.clone(), topology })
        }
        None => {
            let name = format!("{topology}.dead");
            std::sync::Arc::new(InQueue { store: store.clone(), name, topology })
        }
    })
}

/// The queue is created when the first letter comes.
struct InQueue {
    store: Store,
    name: String,
    topology: String,
}

impl InQueue {
    fn queue(&self) -> Result<Queue, BrokerError> {
        match self.store.queue(&self.name) {
            Err(BrokerError::NoQueue(_)) => {
                self.store.create_queue(&self.name, &QueueAttributes::default())
            }
            found => found,
        }
    }
}

impl DeadLetters for InQueue {
    fn put(&self, letters: &[DeadLetter]) -> Result<()> {
        let cannot =
            |error: BrokerError| Error::retry(format!("dead letters to `{}`: {error}", self.name));
        let batch: Batch = letters.iter().map(|letter| message(&self.topology, letter)).collect();
        self.queue().map_err(cannot)?.send_batch(batch).map_err(cannot)?.wait().map_err(cannot)?;
        Ok(())
    }
}

fn message(topology: &str, letter: &DeadLetter) -> Message {
    Message::new(body(letter))
        .header("topology", topology)
        .header("spout", &*letter.spout)
        .header("bolt", &*letter.failure.component)
        // Headers have room for 8 KiB together.
        .header("reason", letter.failure.reason.chars().take(1_000).collect::<String>())
        .header("attempts", letter.attempts.to_string())
}

/// A message of one text as it was, any other as a JSON object.
fn body(letter: &DeadLetter) -> Vec<u8> {
    match letter.values.as_slice() {
        [only] => match only.as_ref() {
            ValueRef::Text(text) => text.as_bytes().to_owned(),
            ValueRef::Bytes(bytes) => bytes.to_owned(),
            _ => fields(letter).to_string().into_bytes(),
        },
        _ => fields(letter).to_string().into_bytes(),
    }
}

fn fields(letter: &DeadLetter) -> Json {
    let values = letter.values.iter().map(|value| as_json(value.as_ref()));
    Json::Object(letter.schema.names().map(str::to_owned).zip(values).collect::<Map<_, _>>())
}

fn as_json(value: ValueRef<'_>) -> Json {
    match value {
        ValueRef::Null => Json::Null,
        ValueRef::Bool(value) => json!(value),
        ValueRef::Int(number) => json!(number),
        ValueRef::Float(number) => json!(number),
        ValueRef::Timestamp(micros) => json!(rfc3339(micros)),
        ValueRef::Text(text) => json!(text),
        ValueRef::Bytes(bytes) => json!(String::from_utf8_lossy(bytes)),
        ValueRef::Json(text) => serde_json::from_str(text).unwrap_or_else(|_| json!(text)),
    }
}

/// A JSON object a line.
struct InFile {
    file: File,
    topology: String,
    path: String,
}

impl InFile {
    fn open(topology: String, path: &Path) -> Result<Self, Failure> {
        let file = OpenOptions::new().create(true).append(true).open(path);
        let name = path.display().to_string();
        let file = file.map_err(|error| {
            Failure::failed(format!("cannot keep dead letters in {name}: {error}"))
        })?;
        Ok(InFile { file, topology, path: name })
    }
}

impl DeadLetters for InFile {
    fn put(&self, letters: &[DeadLetter]) -> Result<()> {
        let mut text = String::new();
        for letter in letters {
            let line = json!({
                "topology": self.topology,
                "spout": &*letter.spout,
                "bolt": &*letter.failure.component,
                "reason": &*letter.failure.reason,
                "attempts": letter.attempts,
                "message": fields(letter),
            });
            text.push_str(&line.to_string());
            text.push('\n');
        }
        let written = (&self.file).write_all(text.as_bytes()).and_then(|()| self.file.sync_data());
        written.map_err(|error| Error::retry(format!("dead letters to {}: {error}", self.path)))
    }
}
