//! `approx_distinct`: HyperLogLog with 4,096 registers, which counts any number of distinct values
//! with a standard error of 1.6 %.
//!
//! In the state a sketch is a list of its registers that are not zero, three bytes each, and from
//! [`MOST_LISTED`] on all of them, a byte each, which is as much as a state value can be.

use squall_framework::{Result, StateKey, Value, ValueRef};
use xxhash_rust::xxh3::xxh3_64;

use super::{codec::broken, keys::Key, store::Store};

/// The logarithm of the number of registers.
const BITS: u32 = 12;
const REGISTERS: usize = 1 << BITS;
/// The bits of a hash that make up the rank, of which the largest is one more.
const RANK_BITS: usize = 64 - BITS as usize;
const LISTED: usize = 3;
const MOST_LISTED: usize = 680;

/// The registers of one sketch, or of several put together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Registers(Vec<u8>);

impl Registers {
    pub(super) fn new() -> Self {
        Self(vec![0; REGISTERS])
    }

    /// Puts in what the state holds under a key.
    pub(super) fn merge(&mut self, store: &Store, key: Key<'_>) -> Result<()> {
        store.state().read(key, |bytes| self.merge_bytes(bytes.unwrap_or_default()))?
    }

    fn merge_bytes(&mut self, bytes: &[u8]) -> Result<()> {
        if bytes.len() == REGISTERS {
            self.0
                .iter_mut()
                .zip(bytes)
                .for_each(|(register, rank)| *register = (*register).max(*rank));
            return Ok(());
        }
        for entry in bytes.chunks(LISTED) {
            let &[low, high, rank] = entry else { return Err(broken()) };
            let number = usize::from(u16::from_le_bytes([low, high]));
            let register = self.0.get_mut(number).ok_or_else(broken)?;
            *register = (*register).max(rank);
        }
        Ok(())
    }

    /// About how many distinct values were added, by Otmar Ertl's estimator ("New cardinality
    /// estimation algorithms for HyperLogLog sketches", 2017), which is as good for few as for many
    /// and needs no tables.
    pub(super) fn estimate(&self) -> Value {
        let m = REGISTERS as f64;
        let mut with_rank = [0_u32; RANK_BITS + 2];
        for rank in &self.0 {
            with_rank[usize::from(*rank).min(RANK_BITS + 1)] += 1;
        }
        let mut z = m * tau(1.0 - f64::from(with_rank[RANK_BITS + 1]) / m);
        for count in with_rank[1..=RANK_BITS].iter().rev() {
            z = 0.5 * (z + f64::from(*count));
        }
        z += m * sigma(f64::from(with_rank[0]) / m);
        Value::Int((m * m / (2.0 * std::f64::consts::LN_2 * z)).round() as i64)
    }
}

fn sigma(mut x: f64) -> f64 {
    if x == 1.0 {
        return f64::INFINITY;
    }
    let (mut y, mut z) = (1.0, x);
    loop {
        x *= x;
        let before = z;
        z += x * y;
        y += y;
        if z == before {
            return z;
        }
    }
}

fn tau(mut x: f64) -> f64 {
    if x == 0.0 || x == 1.0 {
        return 0.0;
    }
    let (mut y, mut z) = (1.0, 1.0 - x);
    loop {
        x = x.sqrt();
        let before = z;
        y *= 0.5;
        z -= (1.0 - x) * (1.0 - x) * y;
        if z == before {
            return z / 3.0;
        }
    }
}

/// Adds a value to the sketch under a key.
pub(super) fn add(store: &Store, key: Key<'_>, value: ValueRef<'_>) -> Result<()> {
    let mut encoded = Vec::with_capacity(32);
    value.encode_key(&mut encoded);
    let (number, rank) = place_of(xxh3_64(&encoded));
    let changed = store.state().read(key, |bytes| with(bytes.unwrap_or_default(), number, rank))?;
    match changed {
        Some(bytes) => store.state().put_bytes(key, &bytes),
        None => Ok(()),
    }
}

fn place_of(hash: u64) -> (u16, u8) {
    let number = (hash >> RANK_BITS) as u16;
    let rank = (hash << BITS).leading_zeros().min(RANK_BITS as u32) + 1;
    (number, rank as u8)
}

/// The sketch with this rank in a register, if that changes it.
fn with(bytes: &[u8], number: u16, rank: u8) -> Option<Vec<u8>> {
    if bytes.len() == REGISTERS {
        let register = bytes.get(usize::from(number))?;
        return (*register < rank).then(|| {
            let mut bytes = bytes.to_vec();
            bytes[usize::from(number)] = rank;
            bytes
        });
    }
    let (mut low, mut high) = (0, bytes.len() / LISTED);
    let number_at =
        |entry: usize| u16::from_le_bytes([bytes[entry * LISTED], bytes[entry * LISTED + 1]]);
    while low < high {
        let middle = usize::midpoint(low, high);
        if number_at(middle) < number { low = middle + 1 } else { high = middle }
    }
    let (before, after) = bytes.split_at(low * LISTED);
    let known = after.len() >= LISTED && number_at(low) == number;
    if known && after[2] >= rank {
        return None;
    }
    let [low, high] = number.to_le_bytes();
    let after = if known { &after[LISTED..] } else { after };
    let bytes = [before, &[low, high, rank], after].concat();
    if bytes.len() <= MOST_LISTED * LISTED {
        return Some(bytes);
    }
    let mut all = Registers::new();
    all.merge_bytes(&bytes).ok()?;
    Some(all.0)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn the_error_is_small_for_few_and_for_many() {
        let mut bytes = Vec::new();
        let mut worst: f64 = 0.0;
        for count in 1..=200_000_u64 {
            let (number, rank) = place_of(xxh3_64(&count.to_le_bytes()));
            if let Some(changed) = with(&bytes, number, rank) {
                bytes = changed;
            }
            if count < 10 || count % 997 == 0 {
                let mut registers = Registers::new();
                registers.merge_bytes(&bytes).unwrap();
                let Value::Int(estimate) = registers.estimate() else { panic!() };
                worst = worst.max((estimate as f64 / count as f64 - 1.0).abs());
                assert!(count >= 10 || estimate as u64 == count, "{count}: {estimate}");
            }
        }
        // Three standard errors.
        assert!(worst < 3.0 * 1.04 / 64.0, "{worst}");
        assert_eq!(bytes.len(), squall_framework::MAX_STATE_VALUE);
    }

    #[test]
    fn nothing_is_none() {
        assert_eq!(Registers::new().estimate(), Value::Int(0));
    }
}
