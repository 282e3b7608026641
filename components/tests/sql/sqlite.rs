//! SQLite.

use super::*;
use rusqlite::Connection;

fn folder() -> (tempfile::TempDir, String) {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite://{}/deep/er/results.db", folder.path().display());
    (folder, url)
}

fn look<T: rusqlite::types::FromSql>(url: &str, sql: &str) -> Vec<T> {
    let connection = Connection::open(url.strip_prefix("sqlite://").unwrap()).unwrap();
    let mut statement = connection.prepare(sql).unwrap();
    statement.query_map([], |row| row.get(0)).unwrap().collect::<Result<_, _>>().unwrap()
}

#[tokio::test]
async fn every_mode_and_kind() {
    let (_folder, url) = folder();
    let mut store = open(&url, all_modes("t")).await;
    write_all_modes(&mut store).await;
    let sql = "SELECT k1 || '|' || k2 || '|' || text || '|' || flag || '|' || at || '|' || total || '|' || least || '|' || first || '|' || hex(raw) FROM t";
    assert_eq!(
        look::<String>(&url, sql),
        [
            "Käse 🧀 'x' \\ \"y\"|-9223372036854775808|; DROP TABLE t; --|0|2015-05-17 10:05:03.000001|2.5|7|one|00FF27"
        ]
    );
}

#[tokio::test]
async fn a_rejected_row_is_named_and_the_rest_goes_on() {
    let (_folder, url) = folder();
    let mut store = open(&url, counts("t")).await;
    let mut rows = pairs(&[("a", 1), ("b", i64::MAX), ("b", 1), ("a", 2)]);
    rows.push([Value::Null, Value::Int(1)]);
    rows.push([Value::Text("c"), Value::Float(0.5)]);
    let rejected = store.write(&rows).await.unwrap().rejected;
    let numbers: Vec<_> = rejected.iter().map(|(row, _)| *row).collect();
    assert_eq!(numbers, [2, 4, 5], "{rejected:?}");
    assert!(
        rejected[2].1.contains("cannot store REAL value in INTEGER column t.n"),
        "{rejected:?}"
    );
    assert_eq!(look::<i64>(&url, "SELECT n FROM t ORDER BY word"), [3, i64::MAX]);
}

#[tokio::test]
async fn two_writers_wait_for_each_other() {
    let (_folder, url) = folder();
    let writer = |url: String| {
        std::thread::spawn(move || {
            let runtime =
                tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async {
                let mut store = open(&url, counts("t")).await;
                for _ in 0..100 {
                    assert!(
                        store
                            .write(&pairs(&[("x", 1), ("y", 2)]))
                            .await
                            .unwrap()
                            .rejected
                            .is_empty()
                    );
                }
            });
        })
    };
    for thread in [writer(url.clone()), writer(url.clone())] {
        thread.join().unwrap();
    }
    assert_eq!(look::<i64>(&url, "SELECT n FROM t ORDER BY word"), [200, 400]);
}

#[tokio::test]
async fn a_lock_that_stays_is_retryable_and_leaves_nothing_behind() {
    let (_folder, url) = folder();
    let options = StoreOptions { patience: Duration::ZERO, timeout: Duration::from_millis(50) };
    let mut store = SqlStore::open(&url.parse().unwrap(), counts("t"), options).await.unwrap();
    let other = Connection::open(url.strip_prefix("sqlite://").unwrap()).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let error = store.write(&pairs(&[("a", 1)])).await.unwrap_err();
    assert!(error.is_retryable());
    assert!(error.to_string().contains("database is locked"), "{error}");
    other.execute_batch("ROLLBACK").unwrap();
    store.write(&pairs(&[("a", 1)])).await.unwrap();
    assert_eq!(look::<i64>(&url, "SELECT n FROM t"), [1]);
}

#[tokio::test]
async fn a_table_that_vanished_is_retryable() {
    let (_folder, url) = folder();
    let mut store = open(&url, counts("t")).await;
    let other = Connection::open(url.strip_prefix("sqlite://").unwrap()).unwrap();
    other.execute_batch("ALTER TABLE t RENAME TO away").unwrap();
    let error = store.write(&pairs(&[("a", 1)])).await.unwrap_err();
    assert!(error.is_retryable());
    assert!(error.to_string().contains("no such table: t"), "{error}");
    other.execute_batch("ALTER TABLE away RENAME TO t").unwrap();
    store.write(&pairs(&[("a", 1)])).await.unwrap();
    assert_eq!(look::<i64>(&url, "SELECT n FROM t"), [1]);
}

#[tokio::test]
async fn wrong_tables_are_found_when_opened() {
    let (_folder, url) = folder();
    let missing = try_open(&url, Table { create: false, ..counts("t") }).await.unwrap_err();
    assert!(missing.contains("no such table: t") && missing.contains("create: true"), "{missing}");
    open(&url, counts("t")).await;
    let mut other = counts("t");
    other.columns.push(Column::new("more", ColumnKind::Int));
    let error = try_open(&url, other).await.unwrap_err();
    assert!(error.contains("no column named more"), "{error}");
    let mut other = counts("t");
    other.keys = vec!["word".into(), "n".into()];
    other.columns[1].mode = Mode::Set;
    let error = try_open(&url, other).await.unwrap_err();
    assert!(error.contains("ON CONFLICT"), "{error}");
}

#[tokio::test]
async fn without_keys_rows_are_added_and_with_keep_only_new_ones() {
    let (_folder, url) = folder();
    let mut log = counts("log");
    log.keys.clear();
    log.columns[1].mode = Mode::Set;
    let mut store = open(&url, log).await;
    store.write(&pairs(&[("a", 1), ("a", 1)])).await.unwrap();
    assert_eq!(look::<i64>(&url, "SELECT count(*) FROM log"), [2]);
    let mut seen = counts("seen");
    seen.columns[1].mode = Mode::Keep;
    let mut store = open(&url, seen).await;
    store.write(&pairs(&[("a", 1), ("a", 2)])).await.unwrap();
    store.write(&pairs(&[("a", 3), ("b", 4)])).await.unwrap();
    assert_eq!(look::<i64>(&url, "SELECT n FROM seen ORDER BY word"), [1, 4]);
}
