//! Where a candidate stands.

use std::cmp::Ordering;

use squall_framework::{Error, Result, ValueRef};

use super::config::Order;
use crate::pack::{Reader, put_i64};

/// What a candidate is ranked by.
///
/// Without decay that is a number: `value`, and in `rest` what a double cannot hold of a large
/// whole number. With decay it is the sum of weights as of the candidate's `time`. How far two such
/// sums are apart, in halvings, is the same at any later time, because all of them decay alike: so
/// nothing need be worked out anew as time goes by.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Standing {
    value: f64,
    rest: i64,
    /// The newest time of the candidate's tuples, in microseconds; 0 where time does not matter.
    pub(super) time: i64,
}

impl Standing {
    /// By a number or time; nothing for a null.
    pub(super) fn of(value: ValueRef<'_>, time: i64) -> Result<Option<Self>> {
        Ok(Some(match value {
            ValueRef::Null => return Ok(None),
            ValueRef::Int(number) | ValueRef::Timestamp(number) => {
                let near = number as f64;
                Self { value: near, rest: (i128::from(number) - near as i128) as i64, time }
            }
            ValueRef::Float(number) if !number.is_nan() => {
                Self { value: number + 0.0, rest: 0, time }
            }
            value => return Err(Error::data(format!("`{value}` is no number to rank by"))),
        }))
    }

    /// By the weight of one tuple; nothing for a null.
    pub(super) fn of_weight(value: ValueRef<'_>, time: i64) -> Result<Option<Self>> {
        let weight = match value {
            ValueRef::Null => return Ok(None),
            ValueRef::Int(number) => number as f64,
            ValueRef::Float(number) => number,
            value => return Err(Error::data(format!("`{value}` is no weight"))),
        };
        if !weight.is_finite() || weight < 0.0 {
            return Err(Error::data(format!("a weight of `{value}` cannot be added up")));
        }
        Ok(Some(Self { value: weight + 0.0, rest: 0, time }))
    }

    /// The same, with a time that is no earlier than this one.
    pub(super) fn not_before(self, time: i64) -> Self {
        Self { time: self.time.max(time), ..self }
    }

    /// The sum of both, as of the later time.
    pub(super) fn plus(self, other: Self, half_life: i64) -> Self {
        let time = self.time.max(other.time);
        let value = self.score(time, half_life) + other.score(time, half_life);
        Self { value, rest: 0, time }
    }

    /// The sum of weights at a time that is not before the candidate's.
    pub(super) fn score(self, at: i64, half_life: i64) -> f64 {
        self.value * (-self.halvings(at, half_life)).exp2()
    }

    fn halvings(self, at: i64, half_life: i64) -> f64 {
        at.abs_diff(self.time) as f64 / half_life as f64
    }

    /// What to sort by. With decay it is the logarithm of the score `at` a time, for the score
    /// itself soon is too small for a double.
    pub(super) fn sort_key(self, decay: Option<(i64, i64)>) -> SortKey {
        match decay {
            None => SortKey(self.value, self.rest),
            Some((at, half_life)) => SortKey(self.value.log2() - self.halvings(at, half_life), 0),
        }
    }

    pub(super) fn write(self, to: &mut Vec<u8>) {
        to.extend_from_slice(&self.value.to_le_bytes());
        put_i64(self.rest, to);
        put_i64(self.time, to);
    }

    pub(super) fn read(from: &mut Reader<'_>) -> Result<Self> {
        Ok(Self { value: from.f64()?, rest: from.i64()?, time: from.i64()? })
    }
}

#[derive(Debug, Clone, Copy)]
pub(super) struct SortKey(f64, i64);

impl SortKey {
    /// The better one first.
    pub(super) fn compare(self, other: Self, order: Order) -> Ordering {
        let ascending = self.0.total_cmp(&other.0).then(self.1.cmp(&other.1));
        match order {
            Order::Asc => ascending,
            Order::Desc => ascending.reverse(),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use proptest::prelude::*;

    const HOUR: i64 = 3_600_000_000;

    fn numbers() -> impl Strategy<Value = i64> {
        prop_oneof![any::<i64>(), (-3i64..3).prop_map(|n| i64::MAX - 3 + n), -3i64..3]
    }

    proptest! {
        #[test]
        fn whole_numbers_are_ranked_exactly(a in numbers(), b in numbers()) {
            let key = |n| Standing::of(ValueRef::Int(n), 0).unwrap().unwrap().sort_key(None);
            prop_assert_eq!(key(a).compare(key(b), Order::Asc), a.cmp(&b));
            prop_assert_eq!(key(a).compare(key(b), Order::Desc), b.cmp(&a));
        }

        /// The sum that is kept is the sum of the formula, whatever the order of the tuples.
        #[test]
        fn weights_decay(tuples in proptest::collection::vec((0i64..100, 0u32..50), 1..20)) {
            let at = 120 * HOUR;
            let half_life = 5 * HOUR;
            let naive: f64 = tuples.iter().map(|(hour, weight)| {
                f64::from(*weight) * (-((at - hour * HOUR) as f64) / half_life as f64).exp2()
            }).sum();
            let standings = tuples.iter().map(|(hour, weight)| {
                Standing::of_weight(ValueRef::Int(i64::from(*weight)), hour * HOUR).unwrap().unwrap()
            });
            let sum = standings.reduce(|a, b| a.plus(b, half_life)).unwrap();
            prop_assert!((sum.score(at, half_life) - naive).abs() <= naive * 1e-12);
        }
    }

    #[test]
    fn ranks_do_not_depend_on_the_time_of_asking() {
        let standing = |weight, hour| {
            Standing::of_weight(ValueRef::Float(weight), hour * HOUR).unwrap().unwrap()
        };
        // Half as much two half-lives later is worth twice as much, ten years on as well.
        let (old, new) = (standing(1.0, 0), standing(0.5, 2));
        for at in [2, 100, 87_600] {
            let key = |standing: Standing| standing.sort_key(Some((at * HOUR, HOUR)));
            assert_eq!(key(new).compare(key(old), Order::Desc), Ordering::Less);
        }
        assert_eq!(new.score(4 * HOUR, HOUR), 0.125);
    }
}
