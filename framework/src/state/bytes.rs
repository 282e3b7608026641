//! A value of a state in memory: most are a number, and need no memory of their own.

use std::sync::Arc;

/// So many bytes fit without memory of their own.
const INLINE: usize = 22;

/// Bytes that are kept in place when they are few.
#[derive(Clone)]
pub(super) enum Bytes {
    Inline(u8, [u8; INLINE]),
    Heap(Box<[u8]>),
}

impl Bytes {
    pub(super) fn new(bytes: &[u8]) -> Self {
        match u8::try_from(bytes.len()) {
            Ok(length) if bytes.len() <= INLINE => {
                let mut inline = [0; INLINE];
                inline[..bytes.len()].copy_from_slice(bytes);
                Bytes::Inline(length, inline)
            }
            _ => Bytes::Heap(bytes.into()),
        }
    }

    pub(super) fn get(&self) -> &[u8] {
        match self {
            Bytes::Inline(length, bytes) => &bytes[..usize::from(*length)],
            Bytes::Heap(bytes) => bytes,
        }
    }

    /// Bytes of memory of its own.
    pub(super) fn heap(&self) -> usize {
        match self {
            Bytes::Inline(..) => 0,
            Bytes::Heap(bytes) => bytes.len(),
        }
    }

    pub(super) fn share(&self) -> Arc<[u8]> {
        self.get().into()
    }
}
