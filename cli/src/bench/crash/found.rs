//! What the tables and the queue hold in the end.

use std::{path::Path, time::Duration};

use squall_components::{
    parse::sql_datetime,
    sql::{RowReader, Selection, StoreUrl, Value, read},
};

use super::truth::{Rows, Truth};
use crate::{failure::Failure, local::DataFolder};

const TIMEOUT: Duration = Duration::from_secs(30);

/// What is not as it must be, in words; nothing if all is right.
pub(super) fn wrong(truth: &Truth, store: &str, data: &Path) -> Result<Vec<String>, Failure> {
    let url: StoreUrl = store.parse().map_err(Failure::usage)?;
    let mut wrong = Vec::new();
    for (name, query, expected) in truth.tables() {
        let mut found = Found::default();
        read(&url, &Selection::Query(query.to_owned()), TIMEOUT, &mut found)
            .map_err(|error| Failure::failed(format!("{name}: {error}")))?;
        let missing = expected.difference(&found.0);
        wrong.extend(missing.take(2).map(|row| format!("{name}: missing {}", row.join(" | "))));
        let more = found.0.difference(&expected);
        wrong.extend(more.take(5).map(|row| format!("{name}: unexpected {}", row.join(" | "))));
    }
    wrong.extend(queue(truth, data)?);
    Ok(wrong)
}

fn queue(truth: &Truth, data: &Path) -> Result<Option<String>, Failure> {
    let expected = truth.firsts();
    let folder = DataFolder::open(data)?;
    let peeked = match folder.store().queue("firsts") {
        Ok(queue) => queue.peek(expected.len() * 2 + 1_000)?,
        Err(_) => Vec::new(),
    };
    let mut found: Vec<_> =
        peeked.iter().map(|message| String::from_utf8_lossy(&message.body).into_owned()).collect();
    found.sort_unstable();
    Ok((found != expected).then(|| {
        let first = found.iter().zip(&expected).find(|(found, expected)| found != expected);
        format!(
            "queue: {} messages, {} expected; the first difference: {first:?}",
            found.len(),
            expected.len()
        )
    }))
}

#[derive(Default)]
struct Found(Rows);

impl RowReader for Found {
    fn columns(&mut self, _: &[String]) -> Result<(), String> {
        Ok(())
    }

    fn row(&mut self, values: &[Value<'_>]) -> Result<(), String> {
        self.0.insert(values.iter().map(text).collect());
        Ok(())
    }
}

fn text(value: &Value<'_>) -> String {
    match value {
        Value::Null => "NULL".to_owned(),
        Value::Bool(value) => i64::from(*value).to_string(),
        Value::Int(number) => number.to_string(),
        Value::Float(number) => number.to_string(),
        Value::Timestamp(micros) => sql_datetime(*micros),
        Value::Text(text) => (*text).to_owned(),
        Value::Bytes(bytes) => String::from_utf8_lossy(bytes).into_owned(),
    }
}
