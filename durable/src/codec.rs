//! Bytes to and from values: little-endian base-128 numbers and length-prefixed bytes.
//!
//! ```
//! use squall_durable::codec::{Malformed, Reader, put_str, put_u64};
//! let mut bytes = Vec::new();
//! put_u64(&mut bytes, 300);
//! put_str(&mut bytes, "shares");
//! let mut reader = Reader(&bytes);
//! assert_eq!((reader.u64()?, reader.string()?), (300, "shares".to_owned()));
//! # Ok::<(), Malformed>(())
//! ```

/// What reading gives when the bytes are not what was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the bytes are not what was written")]
pub struct Malformed;

/// Appends a number: one byte below 128, two below 16,384, and so on.
pub fn put_u64(to: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        to.push((value as u8) | 0x80);
        value >>= 7;
    }
    to.push(value as u8);
}

/// Appends bytes with their length.
pub fn put_bytes(to: &mut Vec<u8>, bytes: &[u8]) {
    put_u64(to, bytes.len() as u64);
    to.extend_from_slice(bytes);
}

/// Appends a text with its length.
pub fn put_str(to: &mut Vec<u8>, text: &str) {
    put_bytes(to, text.as_bytes());
}

/// Reads from the front of a slice.
#[derive(Debug, Clone)]
pub struct Reader<'a>(
    /// What is left to read.
    pub &'a [u8],
);

impl<'a> Reader<'a> {
    /// Whether all has been read.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// One byte.
    ///
    /// # Errors
    /// The bytes do not go on like that.
    pub fn u8(&mut self) -> Result<u8, Malformed> {
        let (&first, rest) = self.0.split_first().ok_or(Malformed)?;
        self.0 = rest;
        Ok(first)
    }

    /// A number.
    ///
    /// # Errors
    /// The bytes do not go on like that.
    pub fn u64(&mut self) -> Result<u64, Malformed> {
        let mut value = 0;
        for shift in (0..64).step_by(7) {
            let byte = self.u8()?;
            value |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return Ok(value);
            }
        }
        Err(Malformed)
    }

    /// A number that fits 32 bits.
    ///
    /// # Errors
    /// The bytes do not go on like that.
    pub fn u32(&mut self) -> Result<u32, Malformed> {
        u32::try_from(self.u64()?).map_err(|_| Malformed)
    }

    /// A length or a count, which is at most the number of bytes that are left.
    ///
    /// # Errors
    /// The bytes do not go on like that.
    pub fn len(&mut self) -> Result<usize, Malformed> {
        let len = usize::try_from(self.u64()?).map_err(|_| Malformed)?;
        // No length can be larger than what is left, so a damaged one cannot make us allocate.
        if len > self.0.len() { Err(Malformed) } else { Ok(len) }
    }

    /// So many bytes.
    ///
    /// # Errors
    /// The bytes do not go on like that.
    pub fn take(&mut self, len: usize) -> Result<&'a [u8], Malformed> {
        if len > self.0.len() {
            return Err(Malformed);
        }
        let (front, rest) = self.0.split_at(len);
        self.0 = rest;
        Ok(front)
    }

    /// Bytes that were put with their length.
    ///
    /// # Errors
    /// The bytes do not go on like that.
    pub fn bytes(&mut self) -> Result<&'a [u8], Malformed> {
        let len = self.len()?;
        self.take(len)
    }

    /// A text that was put with its length.
    ///
    /// # Errors
    /// The bytes do not go on like that.
    pub fn string(&mut self) -> Result<String, Malformed> {
        String::from_utf8(self.bytes()?.to_vec()).map_err(|_| Malformed)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn numbers_and_texts_come_back() {
        let mut bytes = Vec::new();
        for value in [0, 1, 127, 128, 300, u64::MAX] {
            put_u64(&mut bytes, value);
        }
        put_str(&mut bytes, "naïve");
        let mut reader = Reader(&bytes);
        for value in [0, 1, 127, 128, 300, u64::MAX] {
            assert_eq!(reader.u64(), Ok(value));
        }
        assert_eq!(reader.string().unwrap(), "naïve");
        assert!(reader.is_empty());
        assert_eq!(reader.u8(), Err(Malformed));
    }

    #[test]
    fn a_length_beyond_the_end_is_malformed() {
        assert_eq!(Reader(&[200, 1, 7]).bytes(), Err(Malformed));
    }
}
