//! One tuple, seen through its batch, and what can be emitted as one.

use super::{Schema, TupleBatch, Value, ValueRef};
use crate::error::{Error, Result};

/// A tuple as a bolt sees it: a row of a batch. It borrows the batch, so what
/// is kept beyond `execute` must be copied, with
/// [`ValueRef::to_owned`] or `to_string`.
#[derive(Debug, Clone, Copy)]
pub struct Tuple<'a> {
    batch: &'a TupleBatch,
    row: usize,
}

impl<'a> Tuple<'a> {
    pub(super) fn new(batch: &'a TupleBatch, row: usize) -> Self {
        debug_assert!(row < batch.len());
        Tuple { batch, row }
    }

    /// The fields of this tuple.
    #[must_use]
    pub fn schema(&self) -> &'a Schema {
        self.batch.schema()
    }

    /// The batch that this tuple is in.
    #[must_use]
    pub fn batch(&self) -> &'a TupleBatch {
        self.batch
    }

    /// The number of this tuple's row in its batch.
    #[must_use]
    pub fn row(&self) -> usize {
        self.row
    }

    /// The value at this position, in the order of the schema; null beyond its end.
    #[inline]
    #[must_use]
    pub fn at(&self, column: usize) -> ValueRef<'a> {
        if column < self.batch.schema().len() {
            self.batch.value(self.row, column)
        } else {
            ValueRef::Null
        }
    }

    /// All values in order.
    pub fn values(&self) -> impl ExactSizeIterator<Item = ValueRef<'a>> + use<'a> {
        let (batch, row) = (self.batch, self.row);
        (0..batch.schema().len()).map(move |column| batch.value(row, column))
    }

    /// The value of this field.
    ///
    /// # Errors
    /// The stream has no such field.
    pub fn get(&self, field: &str) -> Result<ValueRef<'a>> {
        match self.schema().index(field) {
            Some(column) => Ok(self.batch.value(self.row, column)),
            None => Err(self.no_field(field)),
        }
    }

    /// The text of this field.
    ///
    /// # Errors
    /// There is no such field, or its value is not text.
    pub fn str(&self, field: &str) -> Result<&'a str> {
        let value = self.get(field)?;
        value.as_str().ok_or_else(|| wrong(field, "text", value))
    }

    /// The whole number in this field.
    ///
    /// # Errors
    /// There is no such field, or its value is not a whole number.
    pub fn int(&self, field: &str) -> Result<i64> {
        match self.get(field)? {
            ValueRef::Int(v) | ValueRef::Timestamp(v) => Ok(v),
            value => Err(wrong(field, "a whole number", value)),
        }
    }

    /// The number in this field.
    ///
    /// # Errors
    /// There is no such field, or its value is not a number.
    pub fn float(&self, field: &str) -> Result<f64> {
        match self.get(field)? {
            ValueRef::Float(v) => Ok(v),
            ValueRef::Int(v) => Ok(v as f64),
            value => Err(wrong(field, "a number", value)),
        }
    }

    fn no_field(&self, field: &str) -> Error {
        let names: Vec<_> = self.schema().names().collect();
        Error::data(format!("the tuple has no field `{field}`; it has {}", names.join(", ")))
    }
}

fn wrong(field: &str, expected: &str, value: ValueRef<'_>) -> Error {
    Error::data(format!("field `{field}` is not {expected} but `{value}`"))
}

/// What can be emitted as a tuple: an array, a slice or a tuple of values.
///
/// ```
/// use squall_framework::{IntoRow, ValueRef};
/// ("harbour", 3_i64, 4.5).with(|row| assert_eq!(row[1], ValueRef::Int(3)));
/// ["a", "b"].with(|row| assert_eq!(row.len(), 2));
/// ```
pub trait IntoRow {
    /// Hands the values to `emit`.
    fn with<R>(&self, emit: impl FnOnce(&[ValueRef<'_>]) -> R) -> R;
}

impl IntoRow for &[ValueRef<'_>] {
    #[inline]
    fn with<R>(&self, emit: impl FnOnce(&[ValueRef<'_>]) -> R) -> R {
        emit(self)
    }
}

impl IntoRow for &Vec<ValueRef<'_>> {
    fn with<R>(&self, emit: impl FnOnce(&[ValueRef<'_>]) -> R) -> R {
        emit(self)
    }
}

impl IntoRow for &[Value] {
    fn with<R>(&self, emit: impl FnOnce(&[ValueRef<'_>]) -> R) -> R {
        let row: Vec<_> = self.iter().map(Value::as_ref).collect();
        emit(&row)
    }
}

impl IntoRow for Tuple<'_> {
    fn with<R>(&self, emit: impl FnOnce(&[ValueRef<'_>]) -> R) -> R {
        let row: Vec<_> = self.values().collect();
        emit(&row)
    }
}

/// A value of a row that owns or borrows what it shows.
pub trait Show {
    /// The value, borrowed.
    fn show(&self) -> ValueRef<'_>;
}

macro_rules! show {
    ($($type:ty: $self:ident => $value:expr),* $(,)?) => {$(
        impl Show for $type {
            #[inline]
            fn show(&self) -> ValueRef<'_> { let $self = self; $value }
        }
    )*};
}

show! {
    bool: v => ValueRef::Bool(*v),
    i64: v => ValueRef::Int(*v),
    i32: v => ValueRef::Int(i64::from(*v)),
    u32: v => ValueRef::Int(i64::from(*v)),
    f64: v => ValueRef::Float(*v),
    str: v => ValueRef::Text(v),
    String: v => ValueRef::Text(v),
    Value: v => v.as_ref(),
    ValueRef<'_>: v => *v,
}

impl<T: Show + ?Sized> Show for &T {
    #[inline]
    fn show(&self) -> ValueRef<'_> {
        (**self).show()
    }
}

impl<T: Show> Show for Option<T> {
    #[inline]
    fn show(&self) -> ValueRef<'_> {
        self.as_ref().map_or(ValueRef::Null, Show::show)
    }
}

impl<T: Show, const N: usize> IntoRow for [T; N] {
    #[inline]
    fn with<R>(&self, emit: impl FnOnce(&[ValueRef<'_>]) -> R) -> R {
        emit(&std::array::from_fn::<_, N, _>(|i| self[i].show()))
    }
}

macro_rules! row {
    ($($name:ident $index:tt),*) => {
        impl<$($name: Show),*> IntoRow for ($($name,)*) {
            #[inline]
            fn with<R>(&self, emit: impl FnOnce(&[ValueRef<'_>]) -> R) -> R {
                emit(&[$(self.$index.show()),*])
            }
        }
    };
}

row!(A 0);
row!(A 0, B 1);
row!(A 0, B 1, C 2);
row!(A 0, B 1, C 2, D 3);
row!(A 0, B 1, C 2, D 3, E 4);
row!(A 0, B 1, C 2, D 3, E 4, F 5);
row!(A 0, B 1, C 2, D 3, E 4, F 5, G 6);
row!(A 0, B 1, C 2, D 3, E 4, F 5, G 6, H 7);
