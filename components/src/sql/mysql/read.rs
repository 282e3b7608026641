//! Rows out of MySQL and MariaDB.

use std::time::Duration;

use chrono::NaiveDate;
use mysql_async::{
    Column, Conn, Opts, OptsBuilder, Value as Sent, consts::ColumnType, prelude::Queryable,
};

use super::{
    limit, prepare,
    statement::{quote, quote_path},
};
use crate::sql::{
    error::Failure,
    read::{ReadError, RowReader, Selection},
    value::Value,
};

/// The character set of columns that hold bytes and no text.
const BINARY: u16 = 63;

pub(in crate::sql) async fn read(
    opts: &Opts,
    url: &str,
    selection: &Selection,
    timeout: Duration,
    reader: &mut dyn RowReader,
) -> Result<(), ReadError> {
    let opts: Opts = OptsBuilder::from_opts(opts.clone())
        .prefer_socket(false)
        .tcp_nodelay(true)
        .init(prepare::session(timeout))
        .into();
    let mut conn = limit(timeout, url, Conn::new(opts)).await.map_err(failed)?;
    // As a prepared statement, whose values come with their types.
    let sql = selection.sql(quote, quote_path);
    let mut rows = limit(timeout, url, conn.exec_iter(sql, ())).await.map_err(failed)?;
    let columns = rows.columns().unwrap_or_else(|| [].into());
    let names: Vec<_> = columns.iter().map(|column| column.name_str().into_owned()).collect();
    reader.columns(&names).map_err(ReadError::Rows)?;
    while let Some(row) = limit(timeout, url, rows.next()).await.map_err(failed)? {
        let sent = row.unwrap();
        let texts: Vec<_> = sent.iter().map(written).collect();
        let values = sent.iter().zip(&texts).zip(columns.iter());
        let values: Vec<_> =
            values.map(|((sent, text), column)| value(sent, text.as_deref(), column)).collect();
        reader.row(&values).map_err(ReadError::Rows)?;
    }
    drop(rows);
    // All rows are here; how the connection ends is no matter.
    if let Err(error) = conn.disconnect().await {
        tracing::debug!(store = url, %error, "disconnecting failed");
    }
    Ok(())
}

fn failed(failure: Failure) -> ReadError {
    match failure {
        Failure::Row(reason) => ReadError::Rows(reason),
        Failure::Again(error) | Failure::Store(error) | Failure::Unknown(error) => {
            ReadError::Store(error)
        }
    }
}

/// The text of a value that has no kind of its own here.
fn written(value: &Sent) -> Option<String> {
    match value {
        Sent::UInt(number) if i64::try_from(*number).is_err() => Some(number.to_string()),
        Sent::Time(negative, days, hours, minutes, seconds, micros) => {
            let sign = if *negative { "-" } else { "" };
            let hours = u32::from(*hours) + 24 * days;
            let fraction = if *micros > 0 { format!(".{micros:06}") } else { String::new() };
            Some(format!("{sign}{hours:02}:{minutes:02}:{seconds:02}{fraction}"))
        }
        _ => None,
    }
}

fn value<'a>(sent: &'a Sent, written: Option<&'a str>, column: &Column) -> Value<'a> {
    if let Some(text) = written {
        return Value::Text(text);
    }
    match sent {
        Sent::NULL | Sent::Time(..) => Value::Null,
        Sent::Int(number) => Value::Int(*number),
        Sent::UInt(number) => i64::try_from(*number).map_or(Value::Null, Value::Int),
        Sent::Float(number) => Value::Float(f64::from(*number)),
        Sent::Double(number) => Value::Float(*number),
        Sent::Date(year, month, day, hour, minute, second, micros) => {
            let (month, day) = (u32::from(*month), u32::from(*day));
            let (hour, minute, second) = (u32::from(*hour), u32::from(*minute), u32::from(*second));
            // The date of all zeros is MySQL's way to say that there is none.
            NaiveDate::from_ymd_opt(i32::from(*year), month, day)
                .and_then(|date| date.and_hms_micro_opt(hour, minute, second, *micros))
                .map_or(Value::Null, |time| Value::Timestamp(time.and_utc().timestamp_micros()))
        }
        Sent::Bytes(bytes) => {
            let Ok(text) = std::str::from_utf8(bytes) else { return Value::Bytes(bytes) };
            match column.column_type() {
                ColumnType::MYSQL_TYPE_DECIMAL | ColumnType::MYSQL_TYPE_NEWDECIMAL => {
                    text.parse().map_or(Value::Text(text), Value::Float)
                }
                ColumnType::MYSQL_TYPE_JSON => Value::Text(text),
                _ if column.character_set() == BINARY => Value::Bytes(bytes),
                _ => Value::Text(text),
            }
        }
    }
}
