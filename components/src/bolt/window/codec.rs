//! How numbers and values are written into the state: short, and read back exactly.

use squall_framework::{Error, Result, Value, ValueRef};

pub(super) use crate::pack::{put_bytes as bytes, put_i64 as signed, put_u64 as unsigned};

/// Appends a number of 128 bits that mostly fits into 64.
pub(super) fn wide(number: i128, to: &mut Vec<u8>) {
    match i64::try_from(number) {
        Ok(number) => {
            to.push(0);
            signed(number, to);
        }
        Err(_) => {
            to.push(1);
            to.extend_from_slice(&number.to_le_bytes());
        }
    }
}

/// Appends a value, with its kind.
pub(super) fn value(value: ValueRef<'_>, to: &mut Vec<u8>) {
    match value {
        ValueRef::Null => to.push(0),
        ValueRef::Bool(value) => to.extend_from_slice(&[1, u8::from(value)]),
        ValueRef::Int(number) => {
            to.push(2);
            signed(number, to);
        }
        ValueRef::Float(number) => {
            to.push(3);
            to.extend_from_slice(&number.to_le_bytes());
        }
        ValueRef::Timestamp(micros) => {
            to.push(4);
            signed(micros, to);
        }
        ValueRef::Text(text) => {
            to.push(5);
            bytes(text.as_bytes(), to);
        }
        ValueRef::Bytes(value) => {
            to.push(6);
            bytes(value, to);
        }
        ValueRef::Json(text) => {
            to.push(7);
            bytes(text.as_bytes(), to);
        }
    }
}

/// Reads in the order in which it was written.
#[derive(Debug, Clone, Copy)]
pub(super) struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// What has not been read.
    pub(super) fn rest(&self) -> &'a [u8] {
        self.0
    }

    pub(super) fn byte(&mut self) -> Result<u8> {
        let (first, rest) = self.0.split_first().ok_or_else(broken)?;
        self.0 = rest;
        Ok(*first)
    }

    pub(super) fn unsigned(&mut self) -> Result<u64> {
        let mut number = 0;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            number |= u64::from(byte & 0x7F) << shift;
            if byte < 0x80 {
                return Ok(number);
            }
        }
        Err(broken())
    }

    pub(super) fn signed(&mut self) -> Result<i64> {
        let number = self.unsigned()?;
        Ok((number >> 1) as i64 ^ -((number & 1) as i64))
    }

    pub(super) fn wide(&mut self) -> Result<i128> {
        Ok(match self.byte()? {
            0 => self.signed()?.into(),
            _ => i128::from_le_bytes(self.array()?),
        })
    }

    pub(super) fn float(&mut self) -> Result<f64> {
        Ok(f64::from_le_bytes(self.array()?))
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N]> {
        let (piece, rest) = self.0.split_first_chunk().ok_or_else(broken)?;
        self.0 = rest;
        Ok(*piece)
    }

    pub(super) fn bytes(&mut self) -> Result<&'a [u8]> {
        let length = self.unsigned()? as usize;
        let (piece, rest) = self.0.split_at_checked(length).ok_or_else(broken)?;
        self.0 = rest;
        Ok(piece)
    }

    fn text(&mut self) -> Result<String> {
        String::from_utf8(self.bytes()?.to_vec()).map_err(|_| broken())
    }

    pub(super) fn value(&mut self) -> Result<Value> {
        Ok(match self.byte()? {
            0 => Value::Null,
            1 => Value::Bool(self.byte()? != 0),
            2 => Value::Int(self.signed()?),
            3 => Value::Float(self.float()?),
            4 => Value::Timestamp(self.signed()?),
            5 => Value::Text(self.text()?),
            6 => Value::Bytes(self.bytes()?.to_vec()),
            7 => Value::Json(self.text()?),
            _ => return Err(broken()),
        })
    }
}

pub(super) fn broken() -> Error {
    Error::data("the state of a window is not what this version writes")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn numbers_come_back(a: u64, b: i64, c: i128, d: f64) {
            let mut to = Vec::new();
            unsigned(a, &mut to);
            signed(b, &mut to);
            wide(c, &mut to);
            value(ValueRef::Float(d), &mut to);
            let mut reader = Reader::new(&to);
            prop_assert_eq!(reader.unsigned().unwrap(), a);
            prop_assert_eq!(reader.signed().unwrap(), b);
            prop_assert_eq!(reader.wide().unwrap(), c);
            let Value::Float(read) = reader.value().unwrap() else { panic!() };
            prop_assert_eq!(read.to_bits(), d.to_bits());
            prop_assert!(reader.is_empty());
        }

        #[test]
        fn what_was_not_written_is_refused_without_a_panic(bytes: Vec<u8>) {
            let mut reader = Reader::new(&bytes);
            while !reader.is_empty() && reader.value().is_ok() {}
        }
    }

    #[test]
    fn values_come_back() {
        let values = [
            Value::Null,
            Value::Bool(true),
            Value::Int(i64::MIN),
            Value::Timestamp(-1),
            Value::Text("é".into()),
            Value::Bytes(vec![0, 255]),
            Value::Json("[1]".into()),
        ];
        let mut to = Vec::new();
        values.iter().for_each(|v| value(v.as_ref(), &mut to));
        let mut reader = Reader::new(&to);
        for expected in values {
            assert_eq!(reader.value().unwrap(), expected);
        }
    }
}
