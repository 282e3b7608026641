//! Rows of one batch that have the same key become one row, as if they had been written in order.

use std::{cmp::Ordering, ops::Range};

use super::{
    table::{Mode, Table},
    value::{Rows, Value},
};

/// A batch, checked, merged and sorted by key.
#[derive(Debug)]
pub(super) struct Merged<'a> {
    /// One row per key, in the order of the keys.
    pub(super) rows: Rows<'a>,
    /// The rows of the batch in the order of their keys, and for one key in the order of the batch.
    order: Vec<usize>,
    /// For each row here its part of `order`.
    sources: Vec<Range<usize>>,
    /// Rows that no database need be asked about, with the reason.
    pub(super) rejected: Vec<(usize, String)>,
}

impl Merged<'_> {
    /// The rows of the batch from which this row was made.
    pub(super) fn sources(&self, row: usize) -> &[usize] {
        &self.order[self.sources[row].clone()]
    }
}

pub(super) fn merge<'a>(table: &Table, batch: &Rows<'a>) -> Merged<'a> {
    let keys = table.key_columns();
    let mut rejected = Vec::new();
    let mut order = Vec::with_capacity(batch.len());
    for row in 0..batch.len() {
        match objection(table, &keys, batch.row(row)) {
            None => order.push(row),
            Some(reason) => rejected.push((row, reason)),
        }
    }
    if !keys.is_empty() {
        order.sort_by(|&a, &b| compare(&keys, batch.row(a), batch.row(b)));
    }
    let mut rows = Rows::new(table.columns.len());
    let mut sources: Vec<Range<usize>> = Vec::new();
    for (at, &row) in order.iter().enumerate() {
        let row = batch.row(row);
        let last = rows.len().wrapping_sub(1);
        if let Some(source) = sources.last_mut()
            && !keys.is_empty()
            && compare(&keys, rows.row(last), row).is_eq()
            && absorb(table, rows.row_mut(last), row)
        {
            source.end = at + 1;
        } else {
            rows.push(row.iter().copied());
            sources.push(at..at + 1);
        }
    }
    Merged { rows, order, sources, rejected }
}

fn compare(keys: &[usize], a: &[Value<'_>], b: &[Value<'_>]) -> Ordering {
    keys.iter()
        .map(|&key| a[key].order(&b[key]))
        .find(|order| order.is_ne())
        .unwrap_or(Ordering::Equal)
}

/// What speaks against a row. These are the cases where databases differ or say nothing.
fn objection(table: &Table, keys: &[usize], row: &[Value<'_>]) -> Option<String> {
    for (index, (column, value)) in table.columns.iter().zip(row).enumerate() {
        let name = &column.name;
        match value {
            Value::Null if keys.contains(&index) => {
                return Some(format!("key column `{name}` is null"));
            }
            Value::Float(number) if !number.is_finite() => {
                return Some(format!("column `{name}`: {number} cannot be stored"));
            }
            Value::Null | Value::Int(_) | Value::Float(_) => {}
            _ if column.mode == Mode::Add => {
                return Some(format!("column `{name}`: only a number can be added"));
            }
            _ => {}
        }
    }
    None
}

/// Takes `new` into `row`, which has the same key. False, and nothing has changed, if a sum would
/// be out of range; both rows then go to the database one after the other.
fn absorb<'a>(table: &Table, row: &mut [Value<'a>], new: &[Value<'a>]) -> bool {
    let sums = || {
        table.columns.iter().zip(row.iter().zip(new)).filter(|(column, _)| column.mode == Mode::Add)
    };
    if sums().any(|(_, (a, b))| sum(*a, *b).is_none()) {
        return false;
    }
    for (column, (old, new)) in table.columns.iter().zip(row.iter_mut().zip(new)) {
        if table.is_key(&column.name) {
            continue;
        }
        *old = match (column.mode, *old, *new) {
            (Mode::Set, _, new) => new,
            (Mode::Add, old, new) => sum(old, new).unwrap_or(old),
            (Mode::Keep, old, _) | (Mode::Max | Mode::Min, old, Value::Null) => old,
            (Mode::Max | Mode::Min, Value::Null, new) => new,
            (Mode::Max, old, new) => {
                if new.order(&old).is_gt() {
                    new
                } else {
                    old
                }
            }
            (Mode::Min, old, new) => {
                if new.order(&old).is_lt() {
                    new
                } else {
                    old
                }
            }
        };
    }
    true
}

fn sum<'a>(a: Value<'a>, b: Value<'a>) -> Option<Value<'a>> {
    Some(match (a, b) {
        (Value::Null, other) | (other, Value::Null) => other,
        (Value::Int(a), Value::Int(b)) => Value::Int(a.checked_add(b)?),
        (Value::Float(a), Value::Float(b)) => Value::Float(a + b),
        (Value::Int(a), Value::Float(b)) | (Value::Float(b), Value::Int(a)) => {
            Value::Float(a as f64 + b)
        }
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::sql::{Column, ColumnKind};
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    fn table() -> Table {
        let column = |name: &str, mode| Column::new(name, ColumnKind::Int).mode(mode);
        Table {
            name: "t".into(),
            columns: vec![
                column("sum", Mode::Add),
                column("k", Mode::Set),
                column("last", Mode::Set),
                column("top", Mode::Max),
                column("low", Mode::Min),
                column("first", Mode::Keep),
            ],
            keys: vec!["k".into()],
            create: false,
        }
    }

    #[test]
    fn rows_that_no_database_may_see_are_rejected() {
        let mut rows = Rows::new(6);
        rows.push([Value::Int(1), Value::Null]);
        rows.push([Value::Text("1"), Value::Int(1)]);
        rows.push([Value::Float(f64::NAN), Value::Int(1)]);
        rows.push([Value::Int(1), Value::Int(1)]);
        let merged = merge(&table(), &rows);
        assert_eq!(merged.rows.len(), 1);
        let reasons: Vec<_> =
            merged.rejected.iter().map(|(row, reason)| format!("{row}: {reason}")).collect();
        assert_eq!(
            reasons,
            [
                "0: key column `k` is null",
                "1: column `sum`: only a number can be added",
                "2: column `sum`: NaN cannot be stored"
            ]
        );
    }

    #[test]
    fn a_sum_out_of_range_is_left_to_the_database() {
        let mut rows = Rows::new(6);
        rows.push([Value::Int(i64::MAX), Value::Int(1)]);
        rows.push([Value::Int(1), Value::Int(1)]);
        let merged = merge(&table(), &rows);
        assert_eq!(merged.rows.len(), 2);
        assert_eq!((merged.sources(0), merged.sources(1)), (&[0][..], &[1][..]));
    }

    #[test]
    fn without_keys_every_row_stays() {
        let table = Table { keys: Vec::new(), ..table() };
        let mut rows = Rows::new(6);
        rows.push([Value::Int(2)]);
        rows.push([Value::Int(1)]);
        rows.push([Value::Int(1)]);
        assert_eq!(merge(&table, &rows).rows.len(), 3);
    }

    proptest! {
        #[test]
        fn merging_is_writing_in_order(batch in prop::collection::vec((0i64..5, prop::option::of(-9i64..9)), 0..40)) {
            let mut rows = Rows::new(6);
            let mut expected: BTreeMap<i64, [Option<i64>; 5]> = BTreeMap::new();
            for &(key, value) in &batch {
                let cell = value.map_or(Value::Null, Value::Int);
                rows.push([cell, Value::Int(key), cell, cell, cell, cell]);
                let row = expected.entry(key);
                if let std::collections::btree_map::Entry::Occupied(mut row) = row {
                    let [sum, last, top, low, _] = row.get_mut();
                    *sum = match (*sum, value) { (Some(a), Some(b)) => Some(a + b), (a, b) => a.or(b) };
                    *last = value;
                    *top = (*top).max(value);
                    *low = match (*low, value) { (Some(a), Some(b)) => Some(a.min(b)), (a, b) => a.or(b) };
                } else {
                    row.or_insert([value; 5]);
                }
            }
            let merged = merge(&table(), &rows);
            let number = |value: &Value<'_>| match value { Value::Int(number) => Some(*number), _ => None };
            let ours: BTreeMap<i64, [Option<i64>; 5]> = (0..merged.rows.len())
                .map(|index| {
                    let row = merged.rows.row(index);
                    (number(&row[1]).unwrap(), [0, 2, 3, 4, 5].map(|column| number(&row[column])))
                })
                .collect();
            prop_assert_eq!(ours, expected);
            let mut sources: Vec<_> = (0..merged.rows.len()).flat_map(|row| merged.sources(row)).copied().collect();
            sources.sort_unstable();
            prop_assert!(sources.into_iter().eq(0..batch.len()));
        }
    }
}
