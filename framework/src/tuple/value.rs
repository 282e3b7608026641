//! One value of a tuple: borrowed from a batch, or owned.

use std::fmt;

use super::Kind;

/// A value borrowed from a tuple, or about to be emitted.
///
/// Timestamps are microseconds since 1970-01-01 UTC. `Json` is the text of a
/// JSON value that nobody has taken apart yet.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum ValueRef<'a> {
    /// No value.
    Null,
    /// True or false.
    Bool(bool),
    /// A whole number.
    Int(i64),
    /// A number with a fraction.
    Float(f64),
    /// Microseconds since 1970-01-01 UTC.
    Timestamp(i64),
    /// UTF-8 text.
    Text(&'a str),
    /// Bytes that need not be text.
    Bytes(&'a [u8]),
    /// The text of a JSON value.
    Json(&'a str),
}

/// A value that owns its text: what a bolt keeps beyond `execute`.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// No value.
    Null,
    /// True or false.
    Bool(bool),
    /// A whole number.
    Int(i64),
    /// A number with a fraction.
    Float(f64),
    /// Microseconds since 1970-01-01 UTC.
    Timestamp(i64),
    /// UTF-8 text.
    Text(String),
    /// Bytes that need not be text.
    Bytes(Vec<u8>),
    /// The text of a JSON value.
    Json(String),
}

impl<'a> ValueRef<'a> {
    /// The kind of this value; `None` for a null, which fits every field.
    #[must_use]
    pub fn kind(self) -> Option<Kind> {
        Some(match self {
            ValueRef::Null => return None,
            ValueRef::Bool(_) => Kind::Bool,
            ValueRef::Int(_) => Kind::Int,
            ValueRef::Float(_) => Kind::Float,
            ValueRef::Timestamp(_) => Kind::Timestamp,
            ValueRef::Text(_) => Kind::Text,
            ValueRef::Bytes(_) => Kind::Bytes,
            ValueRef::Json(_) => Kind::Json,
        })
    }

    /// A copy that owns its text.
    #[must_use]
    pub fn to_owned(self) -> Value {
        match self {
            ValueRef::Null => Value::Null,
            ValueRef::Bool(v) => Value::Bool(v),
            ValueRef::Int(v) => Value::Int(v),
            ValueRef::Float(v) => Value::Float(v),
            ValueRef::Timestamp(v) => Value::Timestamp(v),
            ValueRef::Text(v) => Value::Text(v.into()),
            ValueRef::Bytes(v) => Value::Bytes(v.into()),
            ValueRef::Json(v) => Value::Json(v.into()),
        }
    }

    /// The text, when this is `Text` or `Json`.
    #[must_use]
    pub fn as_str(self) -> Option<&'a str> {
        match self {
            ValueRef::Text(v) | ValueRef::Json(v) => Some(v),
            _ => None,
        }
    }

    /// Whether this is the absence of a value.
    #[must_use]
    pub fn is_null(self) -> bool {
        matches!(self, ValueRef::Null)
    }

    /// Appends a canonical encoding of the value to `key`: a tag, then the
    /// value's bytes. Numbers that are equal are encoded alike whatever their
    /// kind, so `1` and `1.0` of two upstreams meet at one task. State is
    /// found by this encoding, so it must never change.
    pub(crate) fn encode(self, key: &mut Vec<u8>) {
        let mut tagged = |tag: u8, bytes: &[u8]| {
            key.push(tag);
            key.extend_from_slice(bytes);
        };
        match self {
            ValueRef::Null => tagged(0, &[]),
            ValueRef::Bool(v) => tagged(1, &[u8::from(v)]),
            ValueRef::Int(v) => tagged(2, &v.to_le_bytes()),
            ValueRef::Float(v) => match whole(v) {
                Some(whole) => tagged(2, &whole.to_le_bytes()),
                None => tagged(3, &v.to_bits().to_le_bytes()),
            },
            ValueRef::Timestamp(v) => tagged(4, &v.to_le_bytes()),
            ValueRef::Text(v) | ValueRef::Json(v) => {
                tagged(5, &(v.len() as u32).to_le_bytes());
                key.extend_from_slice(v.as_bytes());
            }
            ValueRef::Bytes(v) => {
                tagged(6, &(v.len() as u32).to_le_bytes());
                key.extend_from_slice(v);
            }
        }
    }
}

/// `v` as a whole number, if it is one that an `i64` holds exactly.
fn whole(v: f64) -> Option<i64> {
    const LIMIT: f64 = 9_007_199_254_740_992.0; // 2^53, above which f64 skips integers
    (v.fract() == 0.0 && v.abs() <= LIMIT).then_some(v as i64)
}

impl Value {
    /// This value, borrowed.
    #[must_use]
    pub fn as_ref(&self) -> ValueRef<'_> {
        match self {
            Value::Null => ValueRef::Null,
            Value::Bool(v) => ValueRef::Bool(*v),
            Value::Int(v) => ValueRef::Int(*v),
            Value::Float(v) => ValueRef::Float(*v),
            Value::Timestamp(v) => ValueRef::Timestamp(*v),
            Value::Text(v) => ValueRef::Text(v),
            Value::Bytes(v) => ValueRef::Bytes(v),
            Value::Json(v) => ValueRef::Json(v),
        }
    }
}

impl fmt::Display for ValueRef<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ValueRef::Null => f.write_str("null"),
            ValueRef::Bool(v) => v.fmt(f),
            ValueRef::Int(v) => v.fmt(f),
            ValueRef::Float(v) => v.fmt(f),
            ValueRef::Timestamp(v) => write!(f, "@{v}us"),
            ValueRef::Text(v) | ValueRef::Json(v) => f.write_str(v),
            ValueRef::Bytes(v) => f.write_str(&String::from_utf8_lossy(v)),
        }
    }
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.as_ref().fmt(f)
    }
}

macro_rules! from {
    ($($type:ty => $variant:ident($convert:expr)),* $(,)?) => {$(
        impl From<$type> for ValueRef<'_> {
            fn from(value: $type) -> Self {
                let convert: fn($type) -> _ = $convert;
                ValueRef::$variant(convert(value))
            }
        }
    )*};
}

from! {
    bool => Bool(|v| v),
    i64 => Int(|v| v),
    i32 => Int(i64::from),
    u32 => Int(i64::from),
    u16 => Int(i64::from),
    u8 => Int(i64::from),
    f64 => Float(|v| v),
}

impl<'a> From<&'a str> for ValueRef<'a> {
    fn from(value: &'a str) -> Self {
        ValueRef::Text(value)
    }
}

impl<'a> From<&'a String> for ValueRef<'a> {
    fn from(value: &'a String) -> Self {
        ValueRef::Text(value)
    }
}

impl<'a> From<&'a [u8]> for ValueRef<'a> {
    fn from(value: &'a [u8]) -> Self {
        ValueRef::Bytes(value)
    }
}

impl<'a> From<&'a Value> for ValueRef<'a> {
    fn from(value: &'a Value) -> Self {
        value.as_ref()
    }
}

impl<'a, T: Into<ValueRef<'a>>> From<Option<T>> for ValueRef<'a> {
    fn from(value: Option<T>) -> Self {
        value.map_or(ValueRef::Null, Into::into)
    }
}
