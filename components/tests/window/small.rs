//! A small bolt to play with: rows of a shop, a time in seconds, a user and a price.

use squall_framework::{Kind, Schema, Value, testing::BoltHarness};

use crate::{rows::SECOND, table::harness};

pub fn schema() -> Schema {
    Schema::new([
        ("shop", Kind::Text),
        ("at", Kind::Timestamp),
        ("user", Kind::Text),
        ("price", Kind::Any),
    ])
}

pub fn bolt(yaml: &str) -> BoltHarness {
    harness(yaml, &schema(), &["shop"])
}

pub fn text(text: &str) -> Value {
    Value::Text(text.to_owned())
}

pub fn time(second: i64) -> Value {
    Value::Timestamp(second * SECOND)
}

/// A row at this second.
pub fn row(shop: &str, second: i64, user: &str, price: impl Into<Option<Value>>) -> [Value; 4] {
    [text(shop), time(second), text(user), price.into().unwrap_or(Value::Null)]
}

/// Emitted rows in a few words, in order.
pub fn told(mut rows: Vec<Vec<Value>>) -> Vec<String> {
    let word = |value: &Value| match value {
        Value::Timestamp(at) => (at / SECOND).to_string(),
        Value::Null => "-".to_owned(),
        value => value.to_string(),
    };
    rows.sort_by_key(|row| match row[0] {
        Value::Timestamp(at) | Value::Int(at) => at,
        _ => 0,
    });
    rows.iter().map(|row| row.iter().map(word).collect::<Vec<_>>().join(" ")).collect()
}
