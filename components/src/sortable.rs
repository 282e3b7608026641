//! Values as bytes that sort as the values do, and are equal where the values are.

use memchr::memchr;
use squall_framework::ValueRef;

const NULL: u8 = 0;
const BOOL: u8 = 1;
const NUMBER: u8 = 2;
const TIMESTAMP: u8 = 3;
const TEXT: u8 = 4;
const BYTES: u8 = 5;

/// From here on a double no longer tells neighbouring whole numbers apart.
const EXACT: f64 = 9_007_199_254_740_992.0;

/// Appends a value's encoding; several in a row sort as the values do, one after the other. Nulls
/// come first, then true and false, numbers whatever their kind, times, texts, bytes. It is kept in
/// states, so it must never change.
pub(crate) fn sortable(value: ValueRef<'_>, to: &mut Vec<u8>) {
    match value {
        ValueRef::Null => to.push(NULL),
        ValueRef::Bool(value) => to.extend_from_slice(&[BOOL, u8::from(value)]),
        ValueRef::Int(number) => {
            let near = number as f64;
            put_number(near, (i128::from(number) - near as i128) as i64, to);
        }
        ValueRef::Float(number) => put_number(number, 0, to),
        ValueRef::Timestamp(micros) => {
            to.push(TIMESTAMP);
            put_whole(micros, to);
        }
        ValueRef::Text(text) | ValueRef::Json(text) => put_text(TEXT, text.as_bytes(), to),
        ValueRef::Bytes(bytes) => put_text(BYTES, bytes, to),
    }
}

/// A number is `near` and, where doubles are too coarse, what is between them.
fn put_number(near: f64, rest: i64, to: &mut Vec<u8>) {
    to.push(NUMBER);
    // Zero has two signs in a double.
    let bits = (near + 0.0).to_bits();
    let flipped = if bits >> 63 == 1 { !bits } else { bits | 1 << 63 };
    to.extend_from_slice(&flipped.to_be_bytes());
    if near.abs() >= EXACT || near.is_nan() {
        put_whole(rest, to);
    }
}

fn put_whole(number: i64, to: &mut Vec<u8>) {
    to.extend_from_slice(&((number as u64) ^ 1 << 63).to_be_bytes());
}

/// Ends with a zero; a zero within is followed by a byte that sorts behind all others.
fn put_text(tag: u8, bytes: &[u8], to: &mut Vec<u8>) {
    to.push(tag);
    let mut rest = bytes;
    while let Some(at) = memchr(0, rest) {
        to.extend_from_slice(&rest[..=at]);
        to.push(0xFF);
        rest = &rest[at + 1..];
    }
    to.extend_from_slice(rest);
    to.push(0);
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn bytes(values: &[ValueRef<'_>]) -> Vec<u8> {
        let mut bytes = Vec::new();
        values.iter().for_each(|value| sortable(*value, &mut bytes));
        bytes
    }

    #[test]
    fn equal_numbers_are_equal_whatever_their_kind() {
        for number in [0, 1, -7, 1 << 53, 1 << 60, -(1 << 62)] {
            let float = ValueRef::Float(number as f64);
            assert_eq!(bytes(&[ValueRef::Int(number)]), bytes(&[float]), "{number}");
        }
        assert_eq!(bytes(&[ValueRef::Float(-0.0)]), bytes(&[ValueRef::Int(0)]));
    }

    proptest! {
        #[test]
        fn whole_numbers_sort(a: i64, b: i64, near in -3i64..3) {
            for b in [b, a.saturating_add(near)] {
                let order = bytes(&[ValueRef::Int(a)]).cmp(&bytes(&[ValueRef::Int(b)]));
                prop_assert_eq!(order, a.cmp(&b));
                let order = bytes(&[ValueRef::Timestamp(a)]).cmp(&bytes(&[ValueRef::Timestamp(b)]));
                prop_assert_eq!(order, a.cmp(&b));
            }
        }

        #[test]
        fn fractions_sort(a: f64, b: f64, c: i32) {
            for b in [b, f64::from(c)] {
                let order = bytes(&[ValueRef::Float(a)]).cmp(&bytes(&[ValueRef::Float(b)]));
                prop_assert_eq!(Some(order), a.partial_cmp(&b));
            }
        }

        #[test]
        fn texts_sort_and_do_not_run_into_each_other(
            a in proptest::collection::vec("[a-b\0]{0,4}", 2),
            b in proptest::collection::vec("[a-b\0]{0,4}", 2),
        ) {
            let texts = |of: &[String]| bytes(&[ValueRef::Text(&of[0]), ValueRef::Text(&of[1])]);
            prop_assert_eq!(texts(&a).cmp(&texts(&b)), a.cmp(&b));
        }
    }
}
