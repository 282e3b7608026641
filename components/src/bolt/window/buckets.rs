//! `quantile`: a histogram whose buckets grow by 2 %, as in DDSketch (Masson and others, 2019). The
//! result is within 1 % of the value that has the wanted rank, however large or small, and
//! histograms are put together without any loss.
//!
//! In the state a sketch is a list of the blocks of 64 buckets that have values, and each block
//! under a key of its own: a factor of 3.6 from its lowest to its highest value.

use std::collections::BTreeMap;

use squall_framework::{Error, Result, Value, ValueRef};

use super::{
    aggregate::Aggregate,
    codec::{self, Reader},
    partial::not_a_number,
    sketch::Place,
    store::Store,
};

/// How far a result may be from the value that has its rank, as a share of it.
const ERROR: f64 = 0.01;
/// The bucket of 0. Those of larger values follow, by size, those of negative ones precede it.
const ZERO: i64 = 0;
/// More than there are buckets from 1 down to the smallest number above 0.
const ONE: i64 = 40_000;
const BLOCK: i64 = 64;

/// The buckets that have values, of one sketch or of several put together.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Buckets(BTreeMap<i64, u64>);

impl Buckets {
    /// Puts in what the state holds.
    pub(super) fn merge(&mut self, store: &Store, place: Place<'_>) -> Result<()> {
        for block in blocks(store, place)? {
            let merge = |bytes: Option<&[u8]>| self.merge_block(block, bytes.unwrap_or_default());
            store.state().read(place.part(block), merge)??;
        }
        Ok(())
    }

    fn merge_block(&mut self, block: i64, bytes: &[u8]) -> Result<()> {
        let mut reader = Reader::new(bytes);
        while !reader.is_empty() {
            let bucket = block * BLOCK + i64::from(reader.byte()?);
            *self.0.entry(bucket).or_default() += reader.unsigned()?;
        }
        Ok(())
    }

    /// The value that this share of all values does not exceed.
    pub(super) fn quantile(&self, share: f64) -> Value {
        let count: u64 = self.0.values().sum();
        let rank = ((share * count as f64).ceil() as u64).clamp(1, count.max(1));
        let mut below = 0;
        for (bucket, count) in &self.0 {
            below += count;
            if below >= rank {
                return Value::Float(value_of(*bucket));
            }
        }
        Value::Null
    }
}

/// The logarithm of what a bucket's upper end is more than its lower one.
fn growth() -> f64 {
    ((1.0 + ERROR) / (1.0 - ERROR)).ln()
}

fn bucket_of(number: f64) -> i64 {
    if number == 0.0 {
        return ZERO;
    }
    let bucket = ONE + (number.abs().ln() / growth()).ceil() as i64;
    if number < 0.0 { -bucket } else { bucket }
}

fn value_of(bucket: i64) -> f64 {
    if bucket == ZERO {
        return 0.0;
    }
    let upper = ((bucket.abs() - ONE) as f64 * growth()).exp();
    let value = (upper * (1.0 - ERROR)).min(f64::MAX);
    if bucket < 0 { -value } else { value }
}

fn blocks(store: &Store, place: Place<'_>) -> Result<Vec<i64>> {
    store.state().read(place.key(), |bytes| {
        let mut reader = Reader::new(bytes.unwrap_or_default());
        let mut blocks = Vec::new();
        while !reader.is_empty() {
            blocks.push(reader.signed()?);
        }
        Ok(blocks)
    })?
}

/// Adds a value.
pub(super) fn add(
    store: &Store,
    place: Place<'_>,
    of: &Aggregate,
    value: ValueRef<'_>,
) -> Result<()> {
    let number = match value {
        ValueRef::Int(number) => number as f64,
        ValueRef::Float(number) if number.is_finite() => number,
        ValueRef::Float(number) => {
            return Err(Error::data(format!("`{number}` has no place among the quantiles")));
        }
        value => return Err(not_a_number(of, value)),
    };
    let bucket = bucket_of(number);
    let (block, bucket) = (bucket.div_euclid(BLOCK), bucket.rem_euclid(BLOCK) as u8);
    let key = place.part(block);
    let counted = store.state().read(key, |bytes| bytes.map(|bytes| one_more(bytes, bucket)))?;
    let bytes = match counted {
        Some(bytes) => bytes?,
        None => {
            let mut list = Vec::new();
            blocks(store, place)?
                .into_iter()
                .chain([block])
                .for_each(|b| codec::signed(b, &mut list));
            store.state().put_bytes(place.key(), &list)?;
            vec![bucket, 1]
        }
    };
    store.state().put_bytes(key, &bytes)
}

/// The block with one more value in a bucket.
fn one_more(bytes: &[u8], bucket: u8) -> Result<Vec<u8>> {
    let mut to = Vec::with_capacity(bytes.len() + 2);
    let mut reader = Reader::new(bytes);
    let mut counted = false;
    while !reader.is_empty() {
        let (found, mut count) = (reader.byte()?, reader.unsigned()?);
        if found == bucket {
            count += 1;
            counted = true;
        } else if found > bucket && !counted {
            to.extend_from_slice(&[bucket, 1]);
            counted = true;
        }
        to.push(found);
        codec::unsigned(count, &mut to);
    }
    if !counted {
        to.extend_from_slice(&[bucket, 1]);
    }
    Ok(to)
}

/// Forgets the sketch.
pub(super) fn forget(store: &Store, place: Place<'_>) -> Result<()> {
    for block in blocks(store, place)? {
        store.state().delete(place.part(block))?;
    }
    store.state().delete(place.key())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_bucket_stands_for_its_values(number in proptest::num::f64::NORMAL | proptest::num::f64::ZERO) {
            let value = value_of(bucket_of(number));
            prop_assert!((value - number).abs() <= number.abs() * (ERROR + 1e-6), "{number}: {value}");
        }

        #[test]
        fn buckets_are_in_the_order_of_their_values(a: i64, b: i64) {
            let (less, more) = (a.min(b) as f64, a.max(b) as f64);
            prop_assert!(bucket_of(less) <= bucket_of(more));
        }

        #[test]
        fn a_block_is_a_map(buckets in proptest::collection::vec(0u8..64, 1..300)) {
            let mut bytes = Vec::new();
            let mut model = BTreeMap::<u8, u64>::new();
            for bucket in buckets {
                bytes = one_more(&bytes, bucket).unwrap();
                *model.entry(bucket).or_default() += 1;
            }
            let mut reader = Reader::new(&bytes);
            for (bucket, count) in model {
                prop_assert_eq!((reader.byte().unwrap(), reader.unsigned().unwrap()), (bucket, count));
            }
            prop_assert!(reader.is_empty());
        }
    }

    #[test]
    fn the_extremes_of_all_numbers_have_buckets() {
        for number in [f64::MAX, f64::MIN, f64::MIN_POSITIVE, 5e-324, -5e-324] {
            assert!(bucket_of(number).abs() > 0 && bucket_of(number).abs() < 2 * ONE);
            assert!(value_of(bucket_of(number)).is_finite());
        }
    }
}
