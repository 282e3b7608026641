//! The database is killed again and again while Squall runs on and waits for it.

use std::{thread, time::Duration};

use squall_test_support::MariaDb;
use squall_tests::{Place, wait_until};

use super::{
    shares::{run, send, totals},
    soak,
};

#[test]
fn a_run_waits_for_a_database_that_was_killed() {
    let Some(mut server) = MariaDb::start() else { return };
    let (kills, shares) = if soak() { (50, 600_000) } else { (4, 60_000) };
    let place = Place::new();
    let url = server.create_database().unwrap();
    let database = url.rsplit('/').next().unwrap().to_owned();
    send(&place, "data", shares);
    let words =
        run("tests/topologies/totals.yaml", "data", &url, &["--until-idle", "--patience=100s"]);
    let mut running = place.start(&words);
    let mut last = 0;
    for kill in 0..kills {
        let added = format!("SELECT SUM(shares) FROM {database}.added");
        let now = || server.query(&added).ok().and_then(|sum| sum.parse().ok()).unwrap_or(0);
        // Something was committed since the last time, and it is not over.
        wait_until("the next commit", || now() > last);
        last = now();
        assert!(running.is_alive(), "over before kill {kill}");
        thread::sleep(Duration::from_millis(fastrand::u64(0..40)));
        server.stop().unwrap();
        assert!(running.is_alive(), "over at kill {kill}");
        server.resume().unwrap();
    }
    let _ = running.end().code(0);

    let rows = |sql: &str| -> Vec<Vec<String>> {
        let text = server.query(&format!("USE {database}; {sql}")).unwrap();
        text.lines().map(|line| line.split('\t').map(str::to_owned).collect()).collect()
    };
    let mut expected: Vec<_> = totals(shares).into_iter().collect();
    expected.sort();
    assert_eq!(rows("SELECT restaurant, people, shares FROM totals ORDER BY restaurant"), expected);
    expected.iter_mut().for_each(|row| drop(row.remove(1)));
    assert_eq!(rows("SELECT restaurant, shares FROM added ORDER BY restaurant"), expected);
}
