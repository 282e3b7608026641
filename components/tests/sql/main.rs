//! Rows into real databases: SQLite and a private MariaDB, judged by the databases' own words.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, unreachable_pub)]

mod commit;
mod faults;
mod mariadb;
mod mysql8;
mod sqlite;

use std::time::Duration;

use squall_components::sql::{
    Column, ColumnKind, Mode, Rows, SqlStore, StoreOptions, Table, Value,
};

/// `name` counted: a key and a sum.
fn counts(name: &str) -> Table {
    Table {
        name: name.into(),
        columns: vec![
            Column::new("word", ColumnKind::Text),
            Column::new("n", ColumnKind::Int).mode(Mode::Add),
        ],
        keys: vec!["word".into()],
        create: true,
    }
}

fn pairs<'a>(pairs: &[(&'a str, i64)]) -> Rows<'a> {
    let mut rows = Rows::new(2);
    for &(word, n) in pairs {
        rows.push([Value::Text(word), Value::Int(n)]);
    }
    rows
}

async fn open(url: &str, table: Table) -> SqlStore {
    try_open(url, table).await.unwrap()
}

async fn try_open(url: &str, table: Table) -> Result<SqlStore, String> {
    let options =
        StoreOptions { patience: Duration::from_secs(30), timeout: Duration::from_secs(20) };
    SqlStore::open(&url.parse().unwrap(), table, options).await.map_err(|error| error.to_string())
}

/// Every mode and every kind, the same for all databases.
fn all_modes(name: &str) -> Table {
    let column = Column::new;
    Table {
        name: name.into(),
        columns: vec![
            column("k1", ColumnKind::Text),
            column("k2", ColumnKind::Int),
            column("text", ColumnKind::Text),
            column("flag", ColumnKind::Bool),
            column("at", ColumnKind::Timestamp).mode(Mode::Max),
            column("total", ColumnKind::Float).mode(Mode::Add),
            column("least", ColumnKind::Int).mode(Mode::Min),
            column("first", ColumnKind::Text).mode(Mode::Keep),
            column("raw", ColumnKind::Bytes),
        ],
        keys: vec!["k1".into(), "k2".into()],
        create: true,
    }
}

/// Two batches for [`all_modes`]; the second meets the first's row.
async fn write_all_modes(store: &mut SqlStore) {
    let row = |text: &'static str, flag, at, total, least, first: &'static str| {
        [
            Value::Text("Käse 🧀 'x' \\ \"y\""),
            Value::Int(i64::MIN),
            Value::Text(text),
            Value::Bool(flag),
            at,
            total,
            least,
            Value::Text(first),
            Value::Bytes(b"\x00\xff'"),
        ]
    };
    let mut rows = Rows::new(9);
    rows.push(row(
        "a\0b",
        true,
        Value::Timestamp(1_431_857_103_000_001),
        Value::Float(0.5),
        Value::Null,
        "one",
    ));
    assert!(store.write(&rows).await.unwrap().rejected.is_empty());
    let mut rows = Rows::new(9);
    rows.push(row("new\nline", false, Value::Timestamp(0), Value::Null, Value::Int(7), "two"));
    rows.push(row(
        "; DROP TABLE t; --",
        false,
        Value::Null,
        Value::Float(2.0),
        Value::Int(9),
        "three",
    ));
    assert!(store.write(&rows).await.unwrap().rejected.is_empty());
}
