//! How many keys a component has, and what they add up to.

use squall_durable::codec::{Malformed, Reader, put_bytes, put_str, put_u64};
use xxhash_rust::xxh3::xxh3_64;

/// What the entries of a component add up to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Counters {
    pub(super) keys: u64,
    pub(super) key_bytes: u64,
    pub(super) value_bytes: u64,
    /// The exclusive-or of the hashes of all entries.
    sum: u64,
}

impl Counters {
    pub(super) fn add(&mut self, key: &[u8], value: &[u8]) {
        self.keys += 1;
        self.key_bytes += key.len() as u64;
        self.value_bytes += value.len() as u64;
        self.sum ^= hash(key, value);
    }

    pub(super) fn take(&mut self, key: &[u8], value: &[u8]) {
        self.keys = self.keys.wrapping_sub(1);
        self.key_bytes = self.key_bytes.wrapping_sub(key.len() as u64);
        self.value_bytes = self.value_bytes.wrapping_sub(value.len() as u64);
        self.sum ^= hash(key, value);
    }
}

fn hash(key: &[u8], value: &[u8]) -> u64 {
    xxh3_64(key).rotate_left(17) ^ xxh3_64(value)
}

/// The counters of a component as they are once an epoch is applied up to some key.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Counted {
    pub(super) counters: Counters,
    pub(super) epoch: u64,
    pub(super) commit_id: String,
    pub(super) up_to: Vec<u8>,
}

impl Counted {
    pub(super) fn encode(&self) -> Vec<u8> {
        let mut to = Vec::with_capacity(64 + self.up_to.len());
        let Counters { keys, key_bytes, value_bytes, sum } = self.counters;
        for number in [keys, key_bytes, value_bytes, sum, self.epoch] {
            put_u64(&mut to, number);
        }
        put_str(&mut to, &self.commit_id);
        put_bytes(&mut to, &self.up_to);
        seal(to)
    }

    pub(super) fn decode(bytes: &[u8]) -> Result<Self, Malformed> {
        let mut from = Reader(unseal(bytes)?);
        Ok(Counted {
            counters: Counters {
                keys: from.u64()?,
                key_bytes: from.u64()?,
                value_bytes: from.u64()?,
                sum: from.u64()?,
            },
            epoch: from.u64()?,
            commit_id: from.string()?,
            up_to: from.bytes()?.to_vec(),
        })
    }
}

/// Appends a checksum.
pub(super) fn seal(mut bytes: Vec<u8>) -> Vec<u8> {
    let check = xxh3_64(&bytes);
    bytes.extend_from_slice(&check.to_le_bytes());
    bytes
}

/// Checks and takes off a checksum.
pub(super) fn unseal(bytes: &[u8]) -> Result<&[u8], Malformed> {
    let (body, check) = bytes.split_last_chunk::<8>().ok_or(Malformed)?;
    if u64::from_le_bytes(*check) == xxh3_64(body) { Ok(body) } else { Err(Malformed) }
}
