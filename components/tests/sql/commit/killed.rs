//! Servers that are killed: the record and the rows are there together or not at all.

use std::{
    sync::atomic::{AtomicBool, Ordering},
    time::Instant,
};

use super::*;
use squall_test_support::{MariaDb, MySql8, SqlServer};

#[test]
fn mariadb() {
    if let Some(mut server) = MariaDb::start() {
        killed_between_the_steps(&mut server);
        killed_at_any_time(&mut server, 3);
    }
}

#[test]
fn mysql8() {
    if let Some(mut server) = MySql8::start() {
        killed_between_the_steps(&mut server);
        killed_at_any_time(&mut server, 1);
    }
}

fn restart(server: &mut SqlServer) {
    server.stop().unwrap();
    server.resume().unwrap();
}

fn killed_between_the_steps(server: &mut SqlServer) {
    let url = server.create_database().unwrap();
    let database = url.rsplit('/').next().unwrap().to_owned();
    let count =
        |server: &SqlServer| server.query(&format!("SELECT SUM(n) FROM {database}.t")).unwrap();
    let mut store = store_at(&url, "pages");
    store.claim(1).unwrap();
    let rows = commit_of(1, 1, &[("a", 1), ("b", 2)]);

    store.begin(&rows).unwrap();
    restart(server);
    words_of_retry(store.rows(&rows));
    store.begin(&rows).unwrap();
    store.rows(&rows).unwrap();
    restart(server);
    words_of_retry(store.commit());
    assert_eq!(store.look().unwrap().epoch, 0);
    assert_eq!(count(server), "NULL");
    commit(&mut store, &rows);
    restart(server);
    assert_eq!(store.look().unwrap().epoch, 1);
    assert_eq!(count(server), "3");
    let claimed = store_at(&url, "pages").claim(1).unwrap();
    assert_eq!((claimed.epoch, claimed.commit_id), (1, rows.commit_id));
}

/// A writer as the engine is one: it repeats what is lost and looks when it does not know.
fn killed_at_any_time(server: &mut SqlServer, times: usize) {
    let url = server.create_database().unwrap();
    let database = url.rsplit('/').next().unwrap().to_owned();
    let done = AtomicBool::new(false);
    let words: Vec<String> = (0..500).map(|n| format!("w{n}")).collect();
    let epoch = std::thread::scope(|scope| {
        let writer = scope.spawn(|| {
            let mut store = store_at(&url, "pages");
            store.claim(1).unwrap();
            let mut epoch = 0;
            while !done.load(Ordering::Acquire) {
                let rows: Vec<_> = words.iter().map(|word| (word.as_str(), 1)).collect();
                let next = commit_of(1, epoch + 1, &rows);
                let written = store.begin(&next).and_then(|()| {
                    assert_eq!(store.rows(&next)?, []);
                    store.commit()
                });
                match written {
                    Ok(()) => epoch += 1,
                    Err(StoreFault::Retry(_)) => {}
                    Err(StoreFault::Unknown(_)) => {
                        let found = store.look().unwrap();
                        let made = found.commit_id == next.commit_id;
                        assert_eq!(found.epoch, epoch + u64::from(made));
                        epoch = found.epoch;
                    }
                    Err(fault) => panic!("{fault:?}"),
                }
            }
            epoch
        });
        for _ in 0..times {
            // The point of time is of no matter, only that there are commits around it.
            let before = committed(server, &database);
            let started = Instant::now();
            while committed(server, &database) < before + 10 {
                assert!(started.elapsed() < Duration::from_secs(60) && !writer.is_finished());
            }
            restart(server);
        }
        done.store(true, Ordering::Release);
        writer.join().unwrap()
    });
    assert_eq!(committed(server, &database), epoch);
    let sums = format!("SELECT COUNT(*), MIN(n), MAX(n) FROM {database}.t");
    assert_eq!(server.query(&sums).unwrap(), format!("500\t{epoch}\t{epoch}"));
}

/// The last epoch; 0 while there is no table.
fn committed(server: &SqlServer, database: &str) -> u64 {
    let epoch = server.query(&format!("SELECT epoch FROM {database}.squall_commits"));
    epoch.ok().and_then(|epoch| epoch.parse().ok()).unwrap_or(0)
}
