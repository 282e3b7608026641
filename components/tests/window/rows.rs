//! Rows for tests: a place, something else to group by, a time and values.

use proptest::prelude::*;
use squall_framework::{Kind, Schema, Value};

/// A row.
#[derive(Debug, Clone, PartialEq)]
pub struct Row {
    pub sender: usize,
    pub place: i64,
    pub other: i64,
    pub at: i64,
    pub user: Option<i64>,
    pub number: Option<i64>,
    pub text: &'static str,
}

/// The unit of `at`, so that options can be written in seconds.
pub const SECOND: i64 = 1_000_000;

pub fn schema() -> Schema {
    Schema::new([
        ("place", Kind::Int),
        ("other", Kind::Text),
        ("at", Kind::Timestamp),
        ("user", Kind::Int),
        ("number", Kind::Int),
        ("float", Kind::Float),
        ("text", Kind::Text),
    ])
}

impl Row {
    pub fn values(&self) -> Vec<Value> {
        let int = |value: Option<i64>| value.map_or(Value::Null, Value::Int);
        vec![
            Value::Int(self.place),
            // Long enough to be known by its hash.
            Value::Text(format!("{:>40}", self.other)),
            Value::Timestamp(self.at * SECOND),
            int(self.user),
            int(self.number),
            self.number.map_or(Value::Null, |number| Value::Float(number as f64 / 2.0)),
            Value::Text(self.text.to_owned()),
        ]
    }
}

/// Rows whose times are mostly near `around`.
pub fn row() -> impl Strategy<Value = Row> {
    let number = proptest::option::weighted(0.9, -20i64..20);
    let text = prop_oneof![Just("a"), Just("b"), Just("é")];
    let user = proptest::option::weighted(0.9, 0i64..6);
    let at = prop_oneof![8 => 0i64..120, 2 => 100i64..400, 1 => -50i64..2_000];
    (0usize..3, 0i64..3, 0i64..3, at, user, number, text).prop_map(
        |(sender, place, other, at, user, number, text)| Row {
            sender,
            place,
            other,
            at,
            user,
            number,
            text,
        },
    )
}
