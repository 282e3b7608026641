//! MariaDB, when it fails: every count must be right afterwards.

use std::{
    sync::atomic::{AtomicBool, Ordering},
    time::Instant,
};

use super::*;
use squall_test_support::MariaDb;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn writers_of_the_same_rows_do_not_lose_any() {
    let Some(server) = MariaDb::shared() else {
        return;
    };
    let url = server.create_database().unwrap();
    let database = url.rsplit('/').next().unwrap();
    open(&url, counts("t")).await;
    let tasks: Vec<_> = (0..4)
        .map(|_| {
            let url = url.clone();
            tokio::spawn(async move {
                let mut store = open(&url, counts("t")).await;
                let words: Vec<String> = (0..200).map(|n| format!("w{n}")).collect();
                for round in 0..20 {
                    let rows: Vec<_> = words
                        .iter()
                        .cycle()
                        .skip(round * 37)
                        .take(200)
                        .map(|word| (word.as_str(), 1))
                        .collect();
                    assert!(store.write(&pairs(&rows)).await.unwrap().rejected.is_empty());
                }
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
    assert_eq!(
        server.query(&format!("SELECT COUNT(*), MIN(n), MAX(n) FROM {database}.t")).unwrap(),
        "200\t80\t80"
    );
}

/// Another session locks rows in the opposite order, which is a deadlock by the book.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_deadlock_is_written_again() {
    let Some(server) = MariaDb::shared() else {
        return;
    };
    let url = server.create_database().unwrap();
    let database = url.rsplit('/').next().unwrap().to_owned();
    let mut store = open(&url, counts("t")).await;
    store.write(&pairs(&[("a", 0), ("z", 0)])).await.unwrap();
    let done = AtomicBool::new(false);
    let deadlocks = || -> u64 {
        let status = server.query("SELECT variable_value FROM information_schema.global_status WHERE variable_name = 'Innodb_deadlocks'");
        status.unwrap().parse().unwrap()
    };
    let before = deadlocks();
    let mut batches = 0;
    std::thread::scope(|scope| {
        scope.spawn(|| {
            // Many changes make this session the costlier victim, so that the store is chosen.
            let sql = format!(
                "USE {database}; CREATE TABLE IF NOT EXISTS ballast (n INT); START TRANSACTION;
                 INSERT INTO ballast SELECT seq FROM seq_1_to_500; UPDATE t SET n = n WHERE word = 'z';
                 DO SLEEP(0.02); UPDATE t SET n = n WHERE word = 'a'; COMMIT;"
            );
            let started = Instant::now();
            while deadlocks() == before && started.elapsed() < Duration::from_secs(30) {
                // The session may as well be the victim itself.
                let _ = server.query(&sql);
            }
            done.store(true, Ordering::Release);
        });
        let handle = tokio::runtime::Handle::current();
        let write = async {
            while !done.load(Ordering::Acquire) {
                assert!(
                    store.write(&pairs(&[("a", 1), ("z", 1)])).await.unwrap().rejected.is_empty()
                );
                batches += 1;
            }
        };
        tokio::task::block_in_place(|| handle.block_on(write));
    });
    assert!(deadlocks() > before, "no deadlock came about");
    assert_eq!(
        server.query(&format!("SELECT SUM(n) FROM {database}.t")).unwrap(),
        (2 * batches).to_string()
    );
}

#[tokio::test]
async fn a_killed_connection_is_replaced() {
    let Some(server) = MariaDb::shared() else {
        return;
    };
    let url = server.create_database().unwrap();
    let database = url.rsplit('/').next().unwrap();
    let mut store = open(&url, counts("t")).await;
    for _ in 0..5 {
        store.write(&pairs(&[("a", 1)])).await.unwrap();
        let kill = format!(
            "SELECT CONCAT('KILL ', id, ';') FROM information_schema.processlist WHERE db = '{database}'"
        );
        let kill = server.query(&kill).unwrap();
        assert!(kill.starts_with("KILL"));
        server.query(&kill).unwrap();
    }
    store.write(&pairs(&[("a", 1)])).await.unwrap();
    assert_eq!(server.query(&format!("SELECT n FROM {database}.t")).unwrap(), "6");
}

/// Only modes that bear a repetition, since a kill may fall into a commit.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_is_killed_and_comes_back_has_everything_that_was_confirmed() {
    let Some(mut server) = MariaDb::start() else {
        return;
    };
    let url = server.create_database().unwrap();
    let database = url.rsplit('/').next().unwrap().to_owned();
    let mut table = counts("t");
    table.columns[1].mode = Mode::Max;
    let writer = tokio::spawn({
        let url = url.clone();
        async move {
            let mut store = open(&url, table).await;
            let started = Instant::now();
            let mut last = 0;
            while started.elapsed() < Duration::from_secs(4) {
                last += 1;
                let outcome = store.write(&pairs(&[("a", last), ("b", last)])).await.unwrap();
                assert!(outcome.rejected.is_empty());
            }
            last
        }
    });
    let server = tokio::task::spawn_blocking(move || {
        for _ in 0..2 {
            // The point of time is of no matter, only that there are writes around it.
            std::thread::sleep(Duration::from_millis(700));
            server.stop().unwrap();
            server.resume().unwrap();
        }
        server
    })
    .await
    .unwrap();
    let last: i64 = writer.await.unwrap();
    assert!(last > 10);
    assert_eq!(
        server.query(&format!("SELECT MIN(n), MAX(n), COUNT(*) FROM {database}.t")).unwrap(),
        format!("{last}\t{last}\t2")
    );
}

#[tokio::test]
async fn a_server_that_stays_away_is_a_retryable_error_without_the_password() {
    let Some(mut server) = MariaDb::start() else {
        return;
    };
    server.query("CREATE DATABASE d; CREATE USER ann@'%' IDENTIFIED BY 'hunter2'; GRANT ALL ON d.* TO ann@'%'").unwrap();
    let url = server.url("d").replace("root@", "ann:hunter2@");
    let options =
        StoreOptions { patience: Duration::from_millis(200), timeout: Duration::from_secs(5) };
    let mut store = SqlStore::open(&url.parse().unwrap(), counts("t"), options).await.unwrap();
    store.write(&pairs(&[("a", 1)])).await.unwrap();
    server.stop().unwrap();
    let error = store.write(&pairs(&[("a", 1)])).await.unwrap_err();
    assert!(error.is_retryable());
    assert!(!format!("{error} {error:?}").contains("hunter2"), "{error}");
    server.resume().unwrap();
    store.write(&pairs(&[("a", 1)])).await.unwrap();
    assert_eq!(server.query("SELECT n FROM d.t").unwrap(), "2");
    let error =
        SqlStore::open(&url.replace("hunter2", "wrong").parse().unwrap(), counts("t"), options)
            .await
            .unwrap_err();
    assert!(error.to_string().contains("Access denied"), "{error}");
}
