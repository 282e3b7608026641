//! How a new value is put together with an old one.

use crate::{
    error::{Error, Result},
    tuple::{Value, ValueRef},
};

/// How a new value is put together with the one that is there. A null changes nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Merge {
    /// The sum of both; whole numbers stay whole.
    Add,
    /// The larger.
    Max,
    /// The smaller.
    Min,
    /// The old one.
    First,
}

impl Merge {
    /// The value that comes of both.
    ///
    /// # Errors
    /// A sum of what is no number or out of range, or values that cannot be compared.
    pub fn apply(self, old: Option<ValueRef<'_>>, new: ValueRef<'_>) -> Result<Value> {
        let old = match old {
            None | Some(ValueRef::Null) => return Ok(new.to_owned()),
            Some(old) if new.is_null() => return Ok(old.to_owned()),
            Some(old) => old,
        };
        let less = || {
            compare(old, new)
                .ok_or_else(|| Error::data(format!("`{old}` and `{new}` cannot be compared")))
        };
        Ok(match self {
            Merge::Add => return add(old, new),
            Merge::First => old,
            Merge::Max if less()?.is_lt() => new,
            Merge::Min if less()?.is_gt() => new,
            Merge::Max | Merge::Min => old,
        }
        .to_owned())
    }
}

fn add(a: ValueRef<'_>, b: ValueRef<'_>) -> Result<Value> {
    Ok(match (a, b) {
        (ValueRef::Int(a), ValueRef::Int(b)) => Value::Int(
            a.checked_add(b)
                .ok_or_else(|| Error::data(format!("the sum of {a} and {b} is out of range")))?,
        ),
        _ => match (number(a), number(b)) {
            (Some(a), Some(b)) => Value::Float(a + b),
            _ => return Err(Error::data(format!("`{a}` and `{b}` cannot be added"))),
        },
    })
}

fn number(value: ValueRef<'_>) -> Option<f64> {
    match value {
        ValueRef::Int(v) => Some(v as f64),
        ValueRef::Float(v) => Some(v),
        _ => None,
    }
}

fn compare(a: ValueRef<'_>, b: ValueRef<'_>) -> Option<std::cmp::Ordering> {
    match (a, b) {
        (ValueRef::Int(a), ValueRef::Int(b)) => Some(a.cmp(&b)),
        (ValueRef::Timestamp(a), ValueRef::Timestamp(b)) => Some(a.cmp(&b)),
        (ValueRef::Bool(a), ValueRef::Bool(b)) => Some(a.cmp(&b)),
        (ValueRef::Bytes(a), ValueRef::Bytes(b)) => Some(a.cmp(b)),
        _ => match (a.as_str(), b.as_str()) {
            (Some(a), Some(b)) => Some(a.cmp(b)),
            _ => Some(number(a)?.total_cmp(&number(b)?)),
        },
    }
}
