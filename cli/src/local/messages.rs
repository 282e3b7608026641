//! Messages to be sent together, laid out as they travel on the socket.

use squall_broker::Batch;

/// Bodies one behind the other: `length u32 LE, body`.
#[derive(Debug, Default)]
pub(crate) struct Messages {
    bytes: Vec<u8>,
    count: u64,
}

impl Messages {
    /// Adds a message.
    pub(crate) fn push(&mut self, body: &[u8]) {
        // A body that does not fit a u32 is refused by every queue, and as well with its length cut.
        let length = u32::try_from(body.len()).unwrap_or(u32::MAX);
        self.bytes.extend_from_slice(&length.to_le_bytes());
        self.bytes.extend_from_slice(body);
        self.count += 1;
    }

    /// How many there are.
    pub(crate) fn count(&self) -> u64 {
        self.count
    }

    /// How many bytes they take.
    pub(crate) fn size(&self) -> usize {
        self.bytes.len()
    }

    /// Takes them all out, keeping the memory.
    pub(crate) fn clear(&mut self) {
        self.bytes.clear();
        self.count = 0;
    }

    pub(super) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// All of them, as the broker takes them.
    pub(crate) fn batch(&self) -> Batch {
        // What was laid out here is not malformed.
        Self::parse(&self.bytes).unwrap_or_default()
    }

    /// The batch that these bytes are; nothing if they are malformed.
    pub(super) fn parse(mut bytes: &[u8]) -> Option<Batch> {
        let mut batch = Batch::default();
        while !bytes.is_empty() {
            let (length, rest) = bytes.split_first_chunk::<4>()?;
            let (body, rest) = rest.split_at_checked(u32::from_le_bytes(*length) as usize)?;
            batch.push(body);
            bytes = rest;
        }
        Some(batch)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn messages_become_a_batch_and_pieces_do_not() {
        let mut messages = Messages::default();
        messages.push(b"noodle bar");
        messages.push(b"");
        assert_eq!(Messages::parse(messages.bytes()).unwrap().len(), 2);
        assert!(Messages::parse(&messages.bytes()[..7]).is_none());
    }
}
