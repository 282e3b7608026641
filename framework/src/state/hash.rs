//! The hash of keys in memory.

use std::hash::{BuildHasher, Hasher};

use xxhash_rust::xxh3::xxh3_64_with_seed;

/// Hashes a key of bytes in one go. With a seed of its own in every process, because the keys come
/// from outside.
#[derive(Debug, Clone)]
pub(super) struct KeyHash(u64);

impl KeyHash {
    pub(super) fn new() -> Self {
        KeyHash(fastrand::u64(..))
    }
}

impl BuildHasher for KeyHash {
    type Hasher = KeyHasher;

    fn build_hasher(&self) -> KeyHasher {
        KeyHasher(self.0)
    }
}

/// See [`KeyHash`].
pub(super) struct KeyHasher(u64);

impl Hasher for KeyHasher {
    fn write(&mut self, bytes: &[u8]) {
        self.0 = xxh3_64_with_seed(bytes, self.0);
    }

    /// The length of the key, which its bytes tell well enough.
    fn write_usize(&mut self, _: usize) {}

    fn finish(&self) -> u64 {
        self.0
    }
}
