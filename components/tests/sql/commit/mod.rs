//! Rows and the record of the commit in one transaction, on every kind of store.

mod deadlock;
mod full_disk;
mod killed;
mod lost;
mod place;
mod proxy;
mod rejected;
mod steps;
mod tables;

use std::{sync::Arc, time::Duration};

use squall_components::sql::{Column, ColumnKind, CommitOptions, Mode, SqlCommit, Table};
use squall_framework::{
    Commit, CommitMode, CommitStore, Committed, Rejected, SourcePosition, StoreFault, TableRows,
    Value,
};

use place::{Place, on_every_store};

/// A store of a topology, impatient enough for tests.
fn store(place: &Place, topology: &str) -> SqlCommit {
    store_at(&place.url, topology)
}

fn store_at(url: &str, topology: &str) -> SqlCommit {
    let options =
        CommitOptions { timeout: Duration::from_secs(6), patience: Duration::from_secs(30) };
    SqlCommit::new(url.parse().unwrap(), topology, CommitMode::WithRecord, options)
}

/// Words and how often they came, in a table where they are added up.
fn counts(table: &str) -> Table {
    Table {
        name: table.into(),
        columns: vec![
            Column::new("word", ColumnKind::Text),
            Column::new("n", ColumnKind::Int).mode(Mode::Add),
        ],
        keys: vec!["word".into()],
        create: true,
    }
}

fn rows_for<'a>(table: Table, rows: impl IntoIterator<Item = (&'a str, i64)>) -> TableRows {
    let values = rows.into_iter().flat_map(|(word, n)| [Value::Text(word.into()), Value::Int(n)]);
    TableRows {
        names: None,
        component: "save".into(),
        table: Arc::new(table),
        columns: 2,
        values: values.collect(),
    }
}

/// A commit of words into the table `t`.
fn commit_of(incarnation: u64, epoch: u64, rows: &[(&str, i64)]) -> Commit {
    let read = SourcePosition {
        identity: "queue/uuid/group".into(),
        ranges: vec![0..epoch * 100, 1_000 * epoch..1_000 * epoch + 1],
    };
    Commit {
        incarnation,
        epoch,
        commit_id: format!("{incarnation}-{epoch}"),
        positions: [("in".to_owned(), read)].into(),
        rows: vec![rows_for(counts("t"), rows.iter().copied())],
    }
}

/// The whole of a commit that nothing stands in the way of.
#[track_caller]
fn commit(store: &mut SqlCommit, commit: &Commit) {
    store.begin(commit).unwrap();
    assert_eq!(store.rows(commit).unwrap(), []);
    store.commit().unwrap();
}

#[track_caller]
fn words_of_retry<T: std::fmt::Debug>(result: Result<T, StoreFault>) -> String {
    match result {
        Err(StoreFault::Retry(words)) => words,
        other => panic!("not to be tried again: {other:?}"),
    }
}

#[track_caller]
fn words_of_refusal<T: std::fmt::Debug>(result: Result<T, StoreFault>) -> String {
    match result {
        Err(StoreFault::Refused(words)) => words,
        other => panic!("not refused: {other:?}"),
    }
}

#[track_caller]
fn words_of_fence<T: std::fmt::Debug>(result: Result<T, StoreFault>) -> String {
    match result {
        Err(StoreFault::Fenced(words)) => words,
        other => panic!("not fenced: {other:?}"),
    }
}
