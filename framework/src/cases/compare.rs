//! What came, beside what was expected.

use super::{
    Expected, FieldDifference, ShownTuple, TestCase, TestFailure,
    notes::Noted,
    values::{alike, shown},
};
use crate::tuple::Value;

/// An expected tuple: the fields that matter.
type Row = [(String, Value)];

/// Everything that came otherwise than expected.
pub(super) fn compare(expected: &Expected, found: &[&Noted], case: &TestCase) -> Vec<TestFailure> {
    let fits = |row: usize, tuple: usize| fits(&expected.tuples[row], found[tuple]);
    let sizes = (expected.tuples.len(), found.len());
    let pairs = if case.in_order { in_order(sizes, fits) } else { in_any_order(sizes, fits) };
    let mut missing: Vec<usize> =
        (0..sizes.0).filter(|row| !pairs.iter().any(|pair| pair.0 == *row)).collect();
    let mut others: Vec<usize> =
        (0..sizes.1).filter(|tuple| !pairs.iter().any(|pair| pair.1 == *tuple)).collect();
    let of = || expected.of.clone();
    let mut failures = Vec::new();
    // Only the order can keep apart what fits.
    missing.retain(|row| {
        let elsewhere = others.iter().position(|tuple| fits(*row, *tuple));
        if let Some(place) = elsewhere {
            let (at, came) = (row + 1, others.remove(place) + 1);
            let expected = show_row(&expected.tuples[*row]);
            failures.push(TestFailure::Misplaced { of: of(), expected, at, came });
        }
        elsewhere.is_none()
    });
    let single = missing.len() == 1 && others.len() == 1;
    for row in missing {
        let row = &expected.tuples[row];
        let same = |tuple: &usize| row.len() - differences(row, found[*tuple]).len();
        // Of several that are as near, the first.
        let nearest = others.iter().copied().rev().max_by_key(same);
        let nearest = nearest.filter(|tuple| single || same(tuple) > 0);
        failures.push(match nearest {
            Some(tuple) => {
                others.retain(|other| *other != tuple);
                TestFailure::Different {
                    of: of(),
                    expected: show_row(row),
                    nearest: show(found[tuple]),
                    fields: differences(row, found[tuple]),
                }
            }
            None => TestFailure::Missing { of: of(), expected: show_row(row) },
        });
    }
    if !case.more {
        let unexpected = |tuple| TestFailure::Unexpected { of: of(), found: show(found[tuple]) };
        failures.extend(others.into_iter().map(unexpected));
    }
    failures
}

/// As many pairs as possible of an expected tuple and one that fits it. An expected tuple that names
/// few fields fits many, so that taking the first would leave nothing for one that names more.
pub(super) fn in_any_order(
    (rows, tuples): (usize, usize),
    fits: impl Fn(usize, usize) -> bool,
) -> Vec<(usize, usize)> {
    /// Finds a tuple for a row; whoever has it takes another, if there is one (Kuhn's algorithm).
    fn find(
        row: usize,
        taken: &mut [Option<usize>],
        seen: &mut [bool],
        fits: &impl Fn(usize, usize) -> bool,
    ) -> bool {
        for tuple in 0..taken.len() {
            if seen[tuple] || !fits(row, tuple) {
                continue;
            }
            seen[tuple] = true;
            if taken[tuple].is_none_or(|other| find(other, taken, seen, fits)) {
                taken[tuple] = Some(row);
                return true;
            }
        }
        false
    }
    let mut taken = vec![None; tuples];
    for row in 0..rows {
        find(row, &mut taken, &mut vec![false; tuples], &fits);
    }
    taken.iter().enumerate().filter_map(|(tuple, row)| Some(((*row)?, tuple))).collect()
}

/// As many pairs as possible whose rows and whose tuples both ascend: the longest common
/// subsequence.
fn in_order(
    (rows, tuples): (usize, usize),
    fits: impl Fn(usize, usize) -> bool,
) -> Vec<(usize, usize)> {
    // The most pairs from a row and a tuple on.
    let mut most = vec![vec![0; tuples + 1]; rows + 1];
    for row in (0..rows).rev() {
        for tuple in (0..tuples).rev() {
            let skipped = most[row + 1][tuple].max(most[row][tuple + 1]);
            let taken = if fits(row, tuple) { most[row + 1][tuple + 1] + 1 } else { 0 };
            most[row][tuple] = skipped.max(taken);
        }
    }
    let (mut row, mut tuple, mut pairs) = (0, 0, Vec::new());
    while row < rows && tuple < tuples {
        if fits(row, tuple) && most[row][tuple] == most[row + 1][tuple + 1] + 1 {
            pairs.push((row, tuple));
            (row, tuple) = (row + 1, tuple + 1);
        } else if most[row + 1][tuple] == most[row][tuple] {
            row += 1;
        } else {
            tuple += 1;
        }
    }
    pairs
}

fn fits(row: &Row, tuple: &Noted) -> bool {
    row.iter().all(|(field, value)| alike(value, value_of(tuple, field)))
}

fn differences(row: &Row, tuple: &Noted) -> Vec<FieldDifference> {
    let different = row.iter().filter(|(field, value)| !alike(value, value_of(tuple, field)));
    let difference = |(field, value): &(String, Value)| FieldDifference {
        field: field.clone(),
        expected: shown(value),
        found: shown(value_of(tuple, field)),
    };
    different.map(difference).collect()
}

/// The value of a field; null if the tuple does not have it, as of another input of the same bolt.
fn value_of<'a>(tuple: &'a Noted, field: &str) -> &'a Value {
    let place = tuple.schema.index(field);
    place.and_then(|place| tuple.values.get(place)).unwrap_or(&Value::Null)
}

fn show_row(row: &Row) -> ShownTuple {
    ShownTuple(row.iter().map(|(field, value)| (field.clone(), shown(value))).collect())
}

fn show(tuple: &Noted) -> ShownTuple {
    let fields = tuple.schema.names().map(str::to_owned);
    ShownTuple(fields.zip(tuple.values.iter().map(shown)).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Rows and tuples as numbers; a row of 0 fits everything.
    fn pairs(order: bool, rows: &[u8], tuples: &[u8]) -> Vec<(usize, usize)> {
        let fits = |row: usize, tuple: usize| rows[row] == 0 || rows[row] == tuples[tuple];
        let sizes = (rows.len(), tuples.len());
        if order { in_order(sizes, fits) } else { in_any_order(sizes, fits) }
    }

    #[test]
    fn a_tuple_that_fits_all_leaves_the_others_what_they_need() {
        assert_eq!(pairs(false, &[0, 1], &[1, 2]), [(1, 0), (0, 1)]);
        assert_eq!(pairs(false, &[0, 0, 1, 2], &[1, 2, 1, 3]).len(), 4);
        assert_eq!(pairs(false, &[1, 1], &[1]), [(0, 0)]);
    }

    #[test]
    fn in_order_as_much_as_possible_stands_at_its_place() {
        assert_eq!(pairs(true, &[1, 2, 3], &[1, 3, 2]).len(), 2);
        assert_eq!(pairs(true, &[1, 0, 3], &[1, 2, 3]), [(0, 0), (1, 1), (2, 2)]);
        assert_eq!(pairs(true, &[2], &[1, 2, 2]), [(0, 1)]);
    }
}
