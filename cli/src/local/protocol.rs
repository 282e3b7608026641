//! What is said on the socket of a data folder.
//!
//! ```text
//! hello   = "squall", version u16 LE         each side says it first
//! frame   = head length u32 LE, raw length u32 LE, head, raw
//! head    = a Request or a Reply as JSON
//! raw     = bodies, as the head says
//! ```
//!
//! The client sends a request and waits for its reply; then comes the next. Bodies travel as raw
//! bytes beside the JSON, so any bytes may be sent and nothing is encoded twice.

use std::io::{self, Read, Write};

use serde::{Deserialize, Serialize, de::DeserializeOwned};
use squall_broker::{DeadLetter, MessageId, QueueAttributes};

/// Rises when an older side would misunderstand a newer one.
pub(super) const VERSION: u16 = 1;
const MAGIC: &[u8; 6] = b"squall";
/// No head or raw part is larger, so that a broken peer cannot ask for all memory.
const MAX_PART: usize = 64 << 20;

/// What is asked of the queues of a folder.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Request {
    /// The names of all queues.
    List,
    /// Creates a queue. With `may_exist`, one that is there is left as it is.
    Create { queue: String, attributes: QueueAttributes, may_exist: bool },
    /// The attributes of a queue.
    Attributes { queue: String },
    /// Changes the attributes of a queue.
    Set { queue: String, attributes: QueueAttributes },
    /// How the queue is; all of them if none is named.
    Stats { queue: Option<String> },
    /// Messages, without leasing them. The raw part of the reply has their bodies.
    Peek { queue: String, max: usize },
    /// Sends the messages of the raw part and confirms when they are on disk.
    Send { queue: String },
    /// Settles everything.
    Purge { queue: String },
    /// Sends dead letters back.
    Redrive { queue: String, to: Option<String> },
    /// Makes settled messages visible again from this time on, in milliseconds since 1970.
    Rewind { queue: String, from_ms: u64 },
    /// Deletes the queue.
    Delete { queue: String },
    /// Gives a component of the topology that runs there another number of tasks.
    Rebalance { topology: String, component: String, tasks: usize },
}

/// What is answered.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Reply {
    /// It is done.
    Done,
    /// It is done, with so many messages.
    Count(u64),
    /// Names of queues.
    Names(Vec<String>),
    /// Attributes of a queue.
    Attributes(QueueAttributes),
    /// Statistics, as the broker serializes them.
    Stats(Vec<serde_json::Value>),
    /// Messages; their bodies are one behind the other in the raw part.
    Peeked(Vec<PeekedMessage>),
    /// It could not be done.
    Refused {
        /// Why.
        message: String,
        /// What to do about it.
        help: Option<String>,
    },
}

/// A message beside its body.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct PeekedMessage {
    pub(crate) id: MessageId,
    pub(crate) offset: u64,
    pub(crate) enqueued_ms: u64,
    pub(crate) dequeue_count: u32,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) dead_letter: Option<DeadLetter>,
    /// How long its body is, in bytes.
    pub(crate) bytes: usize,
}

/// Says hello and hears the other side's.
pub(super) fn greet(stream: &mut (impl Read + Write)) -> io::Result<()> {
    let mut hello = [0; 8];
    hello[..6].copy_from_slice(MAGIC);
    hello[6..].copy_from_slice(&VERSION.to_le_bytes());
    stream.write_all(&hello)?;
    let mut theirs = [0; 8];
    stream.read_exact(&mut theirs)?;
    if theirs == hello {
        return Ok(());
    }
    let detail = if theirs[..6] == *MAGIC {
        let version = u16::from_le_bytes([theirs[6], theirs[7]]);
        format!("it speaks version {version} of the protocol, this is version {VERSION}")
    } else {
        "it does not speak Squall's protocol".to_owned()
    };
    Err(io::Error::new(io::ErrorKind::InvalidData, detail))
}

/// Writes a head and its raw part.
pub(super) fn write(to: &mut impl Write, head: &impl Serialize, raw: &[u8]) -> io::Result<()> {
    let head = serde_json::to_vec(head)?;
    let length = |part: &[u8]| {
        let too_long = || io::Error::new(io::ErrorKind::InvalidInput, "too much for one request");
        u32::try_from(part.len()).ok().filter(|_| part.len() <= MAX_PART).ok_or_else(too_long)
    };
    to.write_all(&length(&head)?.to_le_bytes())?;
    to.write_all(&length(raw)?.to_le_bytes())?;
    to.write_all(&head)?;
    to.write_all(raw)?;
    to.flush()
}

/// Reads a head and its raw part; nothing if the other side has gone.
pub(super) fn read<T: DeserializeOwned>(from: &mut impl Read) -> io::Result<Option<(T, Vec<u8>)>> {
    let mut lengths = [0; 8];
    match from.read_exact(&mut lengths) {
        Ok(()) => {}
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(None),
        Err(error) => return Err(error),
    }
    let [a, b, c, d, e, f, g, h] = lengths;
    let (head, raw) = (u32::from_le_bytes([a, b, c, d]), u32::from_le_bytes([e, f, g, h]));
    let head = part(from, head as usize)?;
    let raw = part(from, raw as usize)?;
    Ok(Some((serde_json::from_slice(&head)?, raw)))
}

fn part(from: &mut impl Read, length: usize) -> io::Result<Vec<u8>> {
    if length > MAX_PART {
        return Err(io::Error::new(io::ErrorKind::InvalidData, "the frame is too long"));
    }
    let mut bytes = Vec::new();
    let read = from.take(length as u64).read_to_end(&mut bytes)?;
    if read < length {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn frames_come_back_and_broken_ones_are_refused() {
        let mut bytes = Vec::new();
        write(&mut bytes, &Request::Send { queue: "shares".into() }, b"\x00raw").unwrap();
        let (request, raw): (Request, _) = read(&mut bytes.as_slice()).unwrap().unwrap();
        assert!(matches!(request, Request::Send { queue } if queue == "shares"));
        assert_eq!(raw, b"\x00raw");
        assert!(read::<Request>(&mut &bytes[..bytes.len() - 1]).is_err());
        assert!(read::<Request>(&mut [].as_slice()).unwrap().is_none());
        assert!(read::<Request>(&mut [255; 8].as_slice()).is_err());
    }
}
