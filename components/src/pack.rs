//! Values as bytes, for what a bolt remembers: short, and read back without copying texts.

use squall_framework::{Error, Result, ValueRef};

const NULL: u8 = 0;
const FALSE: u8 = 1;
const TRUE: u8 = 2;
const INT: u8 = 3;
const FLOAT: u8 = 4;
const TIMESTAMP: u8 = 5;
const TEXT: u8 = 6;
const BYTES: u8 = 7;
const JSON: u8 = 8;

/// Appends the values.
pub(crate) fn pack<'a>(values: impl IntoIterator<Item = ValueRef<'a>>, to: &mut Vec<u8>) {
    for value in values {
        match value {
            ValueRef::Null => to.push(NULL),
            ValueRef::Bool(value) => to.push(if value { TRUE } else { FALSE }),
            ValueRef::Int(number) => {
                to.push(INT);
                put_i64(number, to);
            }
            ValueRef::Float(number) => {
                to.push(FLOAT);
                to.extend_from_slice(&number.to_le_bytes());
            }
            ValueRef::Timestamp(micros) => {
                to.push(TIMESTAMP);
                put_i64(micros, to);
            }
            ValueRef::Text(text) => {
                to.push(TEXT);
                put_bytes(text.as_bytes(), to);
            }
            ValueRef::Bytes(bytes) => {
                to.push(BYTES);
                put_bytes(bytes, to);
            }
            ValueRef::Json(text) => {
                to.push(JSON);
                put_bytes(text.as_bytes(), to);
            }
        }
    }
}

/// Appends all values that [`pack`] has written into these bytes to `row`.
///
/// # Errors
/// The bytes are something else.
pub(crate) fn unpack<'a>(bytes: &'a [u8], row: &mut Vec<ValueRef<'a>>) -> Result<()> {
    let mut reader = Reader(bytes);
    while !reader.is_empty() {
        row.push(match reader.byte()? {
            NULL => ValueRef::Null,
            FALSE => ValueRef::Bool(false),
            TRUE => ValueRef::Bool(true),
            INT => ValueRef::Int(reader.i64()?),
            FLOAT => ValueRef::Float(reader.f64()?),
            TIMESTAMP => ValueRef::Timestamp(reader.i64()?),
            TEXT => ValueRef::Text(reader.text()?),
            BYTES => ValueRef::Bytes(reader.bytes()?),
            JSON => ValueRef::Json(reader.text()?),
            _ => return Err(broken()),
        });
    }
    Ok(())
}

/// Appends a number, small ones in a byte.
pub(crate) fn put_u64(mut number: u64, to: &mut Vec<u8>) {
    while number >= 0x80 {
        to.push(number as u8 | 0x80);
        number >>= 7;
    }
    to.push(number as u8);
}

/// Appends a number, those near zero in a byte.
pub(crate) fn put_i64(number: i64, to: &mut Vec<u8>) {
    put_u64(((number << 1) ^ (number >> 63)) as u64, to);
}

/// Appends bytes and how many there are.
pub(crate) fn put_bytes(bytes: &[u8], to: &mut Vec<u8>) {
    put_u64(bytes.len() as u64, to);
    to.extend_from_slice(bytes);
}

/// Reads what the functions above have written. All methods fail when the bytes are something else.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Reader<'a>(pub(crate) &'a [u8]);

impl<'a> Reader<'a> {
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn byte(&mut self) -> Result<u8> {
        self.array::<1>().map(|[byte]| byte)
    }

    pub(crate) fn u64(&mut self) -> Result<u64> {
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

    pub(crate) fn i64(&mut self) -> Result<i64> {
        let number = self.u64()?;
        Ok((number >> 1) as i64 ^ -((number & 1) as i64))
    }

    pub(crate) fn f64(&mut self) -> Result<f64> {
        self.array().map(f64::from_le_bytes)
    }

    pub(crate) fn bytes(&mut self) -> Result<&'a [u8]> {
        let length = usize::try_from(self.u64()?).map_err(|_| broken())?;
        let (bytes, rest) = self.0.split_at_checked(length).ok_or_else(broken)?;
        self.0 = rest;
        Ok(bytes)
    }

    pub(crate) fn array<const N: usize>(&mut self) -> Result<[u8; N]> {
        let (bytes, rest) = self.0.split_first_chunk::<N>().ok_or_else(broken)?;
        self.0 = rest;
        Ok(*bytes)
    }

    fn text(&mut self) -> Result<&'a str> {
        std::str::from_utf8(self.bytes()?).map_err(|_| broken())
    }
}

pub(crate) fn broken() -> Error {
    Error::data("a state value is not what this version writes")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn values_come_back_as_they_were() {
        let row = [
            ValueRef::Null,
            ValueRef::Bool(false),
            ValueRef::Bool(true),
            ValueRef::Int(i64::MIN),
            ValueRef::Int(i64::MAX),
            ValueRef::Float(-0.5),
            ValueRef::Timestamp(-1),
            ValueRef::Text("é"),
            ValueRef::Bytes(b"\xff\x00"),
            ValueRef::Json("[1]"),
        ];
        let mut bytes = Vec::new();
        pack(row, &mut bytes);
        let mut back = Vec::new();
        unpack(&bytes, &mut back).unwrap();
        assert_eq!(back, row);
        for length in 0..bytes.len() {
            // What is cut short is an error or fewer values, and never a panic.
            let mut part = Vec::new();
            if unpack(&bytes[..length], &mut part).is_ok() {
                assert_eq!(part, row[..part.len()]);
            }
        }
    }

    proptest! {
        #[test]
        fn numbers_come_back(signed: i64, unsigned: u64) {
            let mut bytes = Vec::new();
            put_i64(signed, &mut bytes);
            put_u64(unsigned, &mut bytes);
            let mut reader = Reader(&bytes);
            prop_assert_eq!(reader.i64().unwrap(), signed);
            prop_assert_eq!(reader.u64().unwrap(), unsigned);
            prop_assert!(reader.is_empty());
        }

        #[test]
        fn any_bytes_are_read_or_refused(bytes: Vec<u8>) {
            let _ = unpack(&bytes, &mut Vec::new());
        }
    }
}
