//! Values and rows on their way into a table.

use std::cmp::Ordering;

/// One value; texts and bytes are borrowed from whoever holds the batch.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Value<'a> {
    /// Nothing.
    Null,
    /// True or false.
    Bool(bool),
    /// An integer.
    Int(i64),
    /// A finite number; others are rejected, as SQL has none.
    Float(f64),
    /// Microseconds since 1970-01-01 UTC, stored as a date and time in UTC.
    Timestamp(i64),
    /// Text.
    Text(&'a str),
    /// Any bytes.
    Bytes(&'a [u8]),
}

impl Value<'_> {
    /// An order over all values, the same for every writer.
    pub(super) fn order(&self, other: &Self) -> Ordering {
        match (self, other) {
            (Self::Int(a), Self::Int(b)) | (Self::Timestamp(a), Self::Timestamp(b)) => a.cmp(b),
            (Self::Bool(a), Self::Bool(b)) => a.cmp(b),
            (Self::Float(a), Self::Float(b)) => a.total_cmp(b),
            (Self::Int(a), Self::Float(b)) => (*a as f64).total_cmp(b).then(Ordering::Less),
            (Self::Float(a), Self::Int(b)) => a.total_cmp(&(*b as f64)).then(Ordering::Greater),
            (Self::Text(a), Self::Text(b)) => a.cmp(b),
            (Self::Bytes(a), Self::Bytes(b)) => a.cmp(b),
            _ => self.rank().cmp(&other.rank()),
        }
    }

    fn rank(&self) -> u8 {
        match self {
            Self::Null => 0,
            Self::Bool(_) => 1,
            Self::Int(_) | Self::Float(_) => 2,
            Self::Timestamp(_) => 3,
            Self::Text(_) => 4,
            Self::Bytes(_) => 5,
        }
    }

    /// About how many bytes it takes in a statement.
    pub(super) fn size(&self) -> usize {
        match self {
            Self::Text(text) => text.len() + 3,
            Self::Bytes(bytes) => 2 * bytes.len() + 4,
            _ => 24,
        }
    }
}

/// A batch of rows, all with the columns of one table in its order.
///
/// ```
/// use squall_components::sql::{Rows, Value};
///
/// let mut rows = Rows::new(2);
/// rows.push([Value::Text("harbour"), Value::Int(3)]);
/// assert_eq!(rows.row(0), [Value::Text("harbour"), Value::Int(3)]);
/// ```
#[derive(Debug, Clone, Default)]
pub struct Rows<'a> {
    columns: usize,
    values: Vec<Value<'a>>,
}

impl<'a> Rows<'a> {
    /// No rows yet, of so many columns.
    pub fn new(columns: usize) -> Self {
        Self { columns, values: Vec::new() }
    }

    /// Adds a row. Values that it lacks are null, values that it has too many are left out; a
    /// caller that knows its table has neither.
    pub fn push(&mut self, row: impl IntoIterator<Item = Value<'a>>) {
        let end = self.values.len() + self.columns;
        self.values.extend(row.into_iter().take(self.columns));
        self.values.resize(end, Value::Null);
    }

    /// How many rows there are.
    pub fn len(&self) -> usize {
        self.values.len().checked_div(self.columns).unwrap_or(0)
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.values.is_empty()
    }

    /// The row of this number, below [`Rows::len`].
    pub fn row(&self, index: usize) -> &[Value<'a>] {
        &self.values[index * self.columns..(index + 1) * self.columns]
    }

    pub(super) fn row_mut(&mut self, index: usize) -> &mut [Value<'a>] {
        &mut self.values[index * self.columns..(index + 1) * self.columns]
    }
}
