//! The table in memory.

use std::{collections::HashMap, io::Write};

use squall_config::ByteSize;
use squall_framework::{Value, ValueRef};

use crate::parse::rfc3339;

/// Rows by their key.
#[derive(Debug, Default)]
pub(super) struct Table(HashMap<Box<[u8]>, Box<[Value]>>);

impl Table {
    /// What was taken of the row with this key.
    #[inline]
    pub(super) fn get(&self, key: &[u8]) -> Option<&[Value]> {
        self.0.get(key).map(AsRef::as_ref)
    }

    /// How many rows there are.
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }
}

/// Appends a part of a key; false for a null, which is equal to nothing. Values are compared by
/// what they say, so that a number is found in a file, where all is text.
pub(super) fn put_key(value: ValueRef<'_>, key: &mut Vec<u8>) -> bool {
    let start = key.len();
    key.extend_from_slice(&[0; 4]);
    match value {
        ValueRef::Null => return false,
        ValueRef::Bool(value) => key.extend_from_slice(if value { b"true" } else { b"false" }),
        ValueRef::Int(number) => put_number(number, key),
        ValueRef::Float(number) if number.fract() == 0.0 && number.abs() < 1e15 => {
            put_number(number as i64, key);
        }
        // Writing into memory does not fail.
        ValueRef::Float(number) => drop(write!(key, "{number}")),
        ValueRef::Timestamp(micros) => key.extend_from_slice(rfc3339(micros).as_bytes()),
        ValueRef::Text(text) | ValueRef::Json(text) => key.extend_from_slice(text.as_bytes()),
        ValueRef::Bytes(bytes) => key.extend_from_slice(bytes),
    }
    let length = (key.len() - start - 4) as u32;
    key[start..start + 4].copy_from_slice(&length.to_le_bytes());
    true
}

fn put_number(number: i64, key: &mut Vec<u8>) {
    let mut digits = [0; 20];
    let mut at = digits.len();
    let mut rest = number.unsigned_abs();
    loop {
        at -= 1;
        digits[at] = b'0' + (rest % 10) as u8;
        rest /= 10;
        if rest == 0 {
            break;
        }
    }
    if number < 0 {
        key.push(b'-');
    }
    key.extend_from_slice(&digits[at..]);
}

/// A table in the making.
#[derive(Debug)]
pub(super) struct Builder {
    table: Table,
    keys: usize,
    bytes: u64,
    limit: ByteSize,
    /// Rows whose key was there already.
    doubles: u64,
}

/// What a row takes in memory besides its key and values, roughly.
const OVERHEAD: usize = 48;

impl Builder {
    pub(super) fn new(keys: usize, limit: ByteSize) -> Self {
        Self { table: Table::default(), keys, bytes: 0, limit, doubles: 0 }
    }

    /// Adds a row: the columns of its key and then those that are taken. A row without a key can
    /// never be found and is passed over; of two with one key the first counts.
    ///
    /// # Errors
    /// The table has become too large.
    pub(super) fn add(&mut self, mut row: Vec<Value>) -> Result<(), String> {
        let taken = row.split_off(self.keys.min(row.len()));
        let mut key = Vec::with_capacity(16);
        if !row.iter().all(|value| put_key(value.as_ref(), &mut key)) {
            return Ok(());
        }
        if self.table.0.contains_key(key.as_slice()) {
            self.doubles += 1;
            return Ok(());
        }
        let values: usize = taken.iter().map(size).sum();
        self.bytes += (key.len() + values + OVERHEAD) as u64;
        if self.bytes > *self.limit {
            return Err(format!(
                "the table takes more than {} in memory, with {} rows so far; raise `memory`, or \
                 take fewer columns or rows",
                self.limit,
                self.table.len()
            ));
        }
        self.table.0.insert(key.into(), taken.into());
        Ok(())
    }

    pub(super) fn finish(self, name: &str) -> Table {
        let (rows, bytes, doubles) = (self.table.len(), self.bytes, self.doubles);
        if doubles > 0 {
            tracing::warn!(
                table = name,
                rows,
                doubles,
                "several rows of the table have one key; the first of each counts"
            );
        }
        tracing::debug!(table = name, rows, bytes, "table loaded");
        self.table
    }
}

fn size(value: &Value) -> usize {
    let text = match value {
        Value::Text(text) | Value::Json(text) => text.len(),
        Value::Bytes(bytes) => bytes.len(),
        _ => 0,
    };
    size_of::<Value>() + text
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn key(values: &[ValueRef<'_>]) -> Vec<u8> {
        let mut key = Vec::new();
        assert!(values.iter().all(|value| put_key(*value, &mut key)));
        key
    }

    #[test]
    fn values_are_compared_by_what_they_say() {
        let seven = key(&[ValueRef::Text("7")]);
        assert_eq!(seven, key(&[ValueRef::Int(7)]));
        assert_eq!(seven, key(&[ValueRef::Float(7.0)]));
        assert_ne!(seven, key(&[ValueRef::Text("07")]));
        assert_eq!(key(&[ValueRef::Text("-0.5")]), key(&[ValueRef::Float(-0.5)]));
        let parts = |a, b| key(&[ValueRef::Text(a), ValueRef::Text(b)]);
        assert_ne!(parts("ab", "c"), parts("a", "bc"));
        assert!(!put_key(ValueRef::Null, &mut Vec::new()));
    }

    proptest! {
        #[test]
        fn numbers_are_written_as_text(number: i64) {
            prop_assert_eq!(
                key(&[ValueRef::Int(number)]),
                key(&[ValueRef::Text(&number.to_string())])
            );
        }
    }
}
