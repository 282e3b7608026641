//! What an aggregate is of some of a window's rows, so that parts can be put together.

use std::cmp::Ordering;

use squall_framework::{Error, Kind, Result, Value, ValueRef};

use super::{
    aggregate::{Aggregate, Function},
    codec::{self, Reader},
};

/// What an aggregate is of some rows. Nulls never count.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Partial {
    /// How many. For distinct values: how many more than in the window before.
    Count(i64),
    /// For sums and averages.
    Sum(Sum),
    /// The smallest or largest.
    Extreme(Option<Value>),
    /// The first or last, with its time.
    Dated(Option<(i64, Value)>),
    /// A sketch, which is kept under keys of its own.
    Apart,
}

/// A sum, exact as long as there are only whole numbers.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(super) struct Sum {
    count: i64,
    /// How many of them have a fraction.
    floats: i64,
    whole: i128,
    fraction: f64,
}

impl Partial {
    /// Takes in the value that a row has at this time.
    pub(super) fn add(&mut self, of: &Aggregate, at: i64, value: ValueRef<'_>) -> Result<()> {
        if value.is_null() {
            return Ok(());
        }
        match self {
            Partial::Count(count) => *count += 1,
            Partial::Sum(sum) => sum.add(of, value)?,
            Partial::Extreme(old) => {
                if old.as_ref().is_none_or(|old| replaces(of, value, old.as_ref())) {
                    *old = Some(value.to_owned());
                }
            }
            Partial::Dated(old) => {
                if old.as_ref().is_none_or(|(then, _)| comes_first(of, at, *then)) {
                    *old = Some((at, value.to_owned()));
                }
            }
            Partial::Apart => {}
        }
        Ok(())
    }

    /// Takes in what later panes, or rows that came later, amount to.
    pub(super) fn merge(&mut self, of: &Aggregate, other: &Partial) {
        match (self, other) {
            (Partial::Count(a), Partial::Count(b)) => *a += b,
            (Partial::Sum(a), Partial::Sum(b)) => {
                a.count += b.count;
                a.floats += b.floats;
                a.whole = a.whole.saturating_add(b.whole);
                a.fraction += b.fraction;
            }
            (Partial::Extreme(old), Partial::Extreme(Some(new)))
                if old.as_ref().is_none_or(|old| replaces(of, new.as_ref(), old.as_ref())) =>
            {
                *old = Some(new.clone());
            }
            (Partial::Dated(old), Partial::Dated(Some((at, new))))
                if old.as_ref().is_none_or(|(then, _)| comes_first(of, *at, *then)) =>
            {
                *old = Some((*at, new.clone()));
            }
            _ => {}
        }
    }

    /// Takes away what was merged before; only of what [`Aggregate::slides`].
    pub(super) fn remove(&mut self, other: &Partial) {
        match (self, other) {
            (Partial::Count(a), Partial::Count(b)) => *a -= b,
            (Partial::Sum(a), Partial::Sum(b)) => {
                a.count -= b.count;
                a.whole = a.whole.saturating_sub(b.whole);
            }
            _ => {}
        }
    }

    /// So many of the distinct values are not in the next window.
    pub(super) fn leave(&mut self, leaves: i64) {
        if let Partial::Count(count) = self {
            *count -= leaves;
        }
    }

    /// Counts so many more, or fewer, distinct values.
    pub(super) fn enter(&mut self, enters: i64) {
        self.leave(-enters);
    }

    /// The aggregate.
    pub(super) fn result(&self, of: &Aggregate) -> Value {
        match self {
            Partial::Count(count) => Value::Int(*count),
            Partial::Sum(sum) if of.function == Function::Avg => sum.average(),
            Partial::Sum(sum) => sum.sum(of.of),
            Partial::Extreme(value) => value.clone().unwrap_or(Value::Null),
            Partial::Dated(value) => value.as_ref().map_or(Value::Null, |(_, value)| value.clone()),
            Partial::Apart => Value::Null,
        }
    }

    pub(super) fn encode(&self, to: &mut Vec<u8>) {
        match self {
            Partial::Count(count) => codec::signed(*count, to),
            Partial::Sum(sum) => {
                codec::signed(sum.count, to);
                codec::signed(sum.floats, to);
                codec::wide(sum.whole, to);
                if sum.floats != 0 {
                    to.extend_from_slice(&sum.fraction.to_le_bytes());
                }
            }
            Partial::Extreme(None) | Partial::Dated(None) => {
                codec::value(ValueRef::Null, to);
            }
            Partial::Extreme(Some(value)) => codec::value(value.as_ref(), to),
            Partial::Dated(Some((at, value))) => {
                codec::value(value.as_ref(), to);
                codec::signed(*at, to);
            }
            Partial::Apart => {}
        }
    }

    /// Reads what [`encode`](Self::encode) wrote of a part of the same kind.
    pub(super) fn decode(&mut self, from: &mut Reader<'_>) -> Result<()> {
        match self {
            Partial::Count(count) => *count = from.signed()?,
            Partial::Sum(sum) => {
                let (count, floats, whole) = (from.signed()?, from.signed()?, from.wide()?);
                let fraction = if floats != 0 { from.float()? } else { 0.0 };
                *sum = Sum { count, floats, whole, fraction };
            }
            Partial::Extreme(value) => *value = Some(from.value()?).filter(|v| *v != Value::Null),
            Partial::Dated(dated) => {
                *dated = match from.value()? {
                    Value::Null => None,
                    value => Some((from.signed()?, value)),
                };
            }
            Partial::Apart => {}
        }
        Ok(())
    }

    /// Back to no rows.
    pub(super) fn clear(&mut self) {
        match self {
            Partial::Count(count) => *count = 0,
            Partial::Sum(sum) => *sum = Sum::default(),
            Partial::Extreme(value) => *value = None,
            Partial::Dated(value) => *value = None,
            Partial::Apart => {}
        }
    }
}

impl Sum {
    fn add(&mut self, of: &Aggregate, value: ValueRef<'_>) -> Result<()> {
        match value {
            // An i128 holds the sum of more numbers than there will ever be rows.
            ValueRef::Int(number) => self.whole = self.whole.saturating_add(number.into()),
            ValueRef::Float(number) if of.of != Kind::Int => {
                self.fraction += number;
                self.floats += 1;
            }
            value => return Err(not_a_number(of, value)),
        }
        self.count += 1;
        Ok(())
    }

    fn sum(&self, kind: Kind) -> Value {
        match i64::try_from(self.whole) {
            _ if self.count == 0 => Value::Null,
            _ if self.floats != 0 || kind == Kind::Float => Value::Float(self.float()),
            Ok(sum) => Value::Int(sum),
            // A number of the wrong size would be believed.
            Err(_) => Value::Null,
        }
    }

    fn average(&self) -> Value {
        match self.count {
            0 => Value::Null,
            count => Value::Float(self.float() / count as f64),
        }
    }

    fn float(&self) -> f64 {
        self.whole as f64 + self.fraction
    }
}

pub(super) fn not_a_number(of: &Aggregate, value: ValueRef<'_>) -> Error {
    let field = of.field.as_deref().unwrap_or_default();
    let wanted = if of.of == Kind::Int { "a whole number" } else { "a number" };
    Error::data(format!("field `{field}` is not {wanted} but `{value}`"))
}

/// Whether a value takes the place of the extreme so far.
fn replaces(of: &Aggregate, new: ValueRef<'_>, old: ValueRef<'_>) -> bool {
    match of.function {
        Function::Min => order(new, old).is_lt(),
        _ => order(new, old).is_gt(),
    }
}

/// Whether a value of this time takes the place of one of that time that came before it.
fn comes_first(of: &Aggregate, at: i64, then: i64) -> bool {
    match of.function {
        Function::First => at < then,
        _ => at >= then,
    }
}

/// An order of all values: by kind, then by value; whole numbers and others are one kind.
fn order(a: ValueRef<'_>, b: ValueRef<'_>) -> Ordering {
    match (a, b) {
        (ValueRef::Bool(a), ValueRef::Bool(b)) => a.cmp(&b),
        (ValueRef::Int(a), ValueRef::Int(b)) => a.cmp(&b),
        (ValueRef::Float(a), ValueRef::Float(b)) => a.total_cmp(&b),
        (ValueRef::Int(a), ValueRef::Float(b)) => (a as f64).total_cmp(&b),
        (ValueRef::Float(a), ValueRef::Int(b)) => a.total_cmp(&(b as f64)),
        (ValueRef::Timestamp(a), ValueRef::Timestamp(b)) => a.cmp(&b),
        (ValueRef::Bytes(a), ValueRef::Bytes(b)) => a.cmp(b),
        _ => match (a.as_str(), b.as_str()) {
            (Some(a), Some(b)) => a.cmp(b),
            _ => rank(a).cmp(&rank(b)),
        },
    }
}

fn rank(value: ValueRef<'_>) -> u8 {
    match value {
        ValueRef::Null => 0,
        ValueRef::Bool(_) => 1,
        ValueRef::Int(_) | ValueRef::Float(_) => 2,
        ValueRef::Timestamp(_) => 3,
        ValueRef::Text(_) | ValueRef::Json(_) => 4,
        ValueRef::Bytes(_) => 5,
    }
}
