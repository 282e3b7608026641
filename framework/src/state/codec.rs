//! How values are written into a state. Unlike keys, they come back exactly as they were.

use crate::{
    error::{Error, Result},
    tuple::{Value, ValueRef},
};

/// Appends the values of a row.
pub(crate) fn encode_row(row: &[ValueRef<'_>], to: &mut Vec<u8>) {
    for value in row {
        match *value {
            ValueRef::Null => to.push(0),
            ValueRef::Bool(v) => to.extend_from_slice(&[1, u8::from(v)]),
            ValueRef::Int(v) => number(2, v.to_le_bytes(), to),
            ValueRef::Float(v) => number(3, v.to_le_bytes(), to),
            ValueRef::Timestamp(v) => number(4, v.to_le_bytes(), to),
            ValueRef::Text(v) => bytes(5, v.as_bytes(), to),
            ValueRef::Bytes(v) => bytes(6, v, to),
            ValueRef::Json(v) => bytes(7, v.as_bytes(), to),
        }
    }
}

fn number(tag: u8, bytes: [u8; 8], to: &mut Vec<u8>) {
    to.push(tag);
    to.extend_from_slice(&bytes);
}

fn bytes(tag: u8, bytes: &[u8], to: &mut Vec<u8>) {
    to.push(tag);
    to.extend_from_slice(&(bytes.len() as u32).to_le_bytes());
    to.extend_from_slice(bytes);
}

/// The values of a row.
///
/// # Errors
/// The bytes were not written by `encode_row`.
pub(crate) fn decode_row(mut from: &[u8]) -> Result<Vec<Value>> {
    let mut row = Vec::with_capacity(1);
    while !from.is_empty() {
        row.push(decode(&mut from)?);
    }
    Ok(row)
}

/// The first value of a row.
///
/// # Errors
/// As [`decode_row`].
pub(super) fn decode_first(mut from: &[u8]) -> Result<Value> {
    if from.is_empty() { Ok(Value::Null) } else { decode(&mut from) }
}

fn decode(from: &mut &[u8]) -> Result<Value> {
    let [tag] = take(from)?;
    Ok(match tag {
        0 => Value::Null,
        1 => Value::Bool(take::<1>(from)?[0] != 0),
        2 => Value::Int(i64::from_le_bytes(take(from)?)),
        3 => Value::Float(f64::from_le_bytes(take(from)?)),
        4 => Value::Timestamp(i64::from_le_bytes(take(from)?)),
        5 => Value::Text(text(from)?),
        6 => Value::Bytes(piece(from)?.to_vec()),
        7 => Value::Json(text(from)?),
        _ => return Err(broken()),
    })
}

fn take<const N: usize>(from: &mut &[u8]) -> Result<[u8; N]> {
    let (piece, rest) = from.split_first_chunk::<N>().ok_or_else(broken)?;
    *from = rest;
    Ok(*piece)
}

fn piece<'a>(from: &mut &'a [u8]) -> Result<&'a [u8]> {
    let length = u32::from_le_bytes(take(from)?) as usize;
    let (piece, rest) = from.split_at_checked(length).ok_or_else(broken)?;
    *from = rest;
    Ok(piece)
}

fn text(from: &mut &[u8]) -> Result<String> {
    String::from_utf8(piece(from)?.to_vec()).map_err(|_| broken())
}

fn broken() -> Error {
    Error::data("a state value is not what this version writes")
}
