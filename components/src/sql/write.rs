//! Rows into an open transaction, and which of them the database rejects.

use std::ops::Range;

use super::{
    backend::{Backend, Upsert},
    error::Failure,
    value::{Rows, Value},
};

/// Writes rows in statements as large as the database likes them. A statement with a row that is
/// rejected is taken back to the savepoint before it and halved until that row is alone.
///
/// Gives the rejected rows with the database's reasons.
pub(super) async fn write_rows(
    db: &mut Backend,
    upsert: &Upsert,
    rows: &Rows<'_>,
) -> Result<Vec<(usize, String)>, Failure> {
    let mut rejected = Vec::new();
    let mut next = 0;
    while next < rows.len() {
        let part = statement(db.statement_limits(), rows, next);
        next = part.end;
        let mut parts = vec![part];
        while let Some(part) = parts.pop() {
            match write_part(db, upsert, rows, part.clone()).await {
                Ok(()) => {}
                Err(Failure::Row(reason)) if part.len() == 1 => rejected.push((part.start, reason)),
                Err(Failure::Row(_)) => {
                    let middle = part.start + part.len() / 2;
                    parts.push(middle..part.end);
                    parts.push(part.start..middle);
                }
                Err(failure) => return Err(failure),
            }
        }
    }
    Ok(rejected)
}

/// Writes these rows, all or none.
pub(super) async fn write_part(
    db: &mut Backend,
    upsert: &Upsert,
    rows: &Rows<'_>,
    part: Range<usize>,
) -> Result<(), Failure> {
    db.mark().await?;
    let written = db.upsert(upsert, rows, part).await;
    if matches!(written, Err(Failure::Row(_))) {
        db.back_to_mark().await?;
    }
    written
}

/// The rows from `start` on that go into one statement; at least one.
fn statement(
    (most_rows, most_bytes): (usize, usize),
    rows: &Rows<'_>,
    start: usize,
) -> Range<usize> {
    let mut bytes = 0;
    let mut end = start;
    while end < rows.len() && end - start < most_rows {
        bytes += rows.row(end).iter().map(Value::size).sum::<usize>();
        if bytes > most_bytes && end > start {
            break;
        }
        end += 1;
    }
    start..end
}
