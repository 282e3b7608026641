//! A topology with everything in it is killed at every named step of recovery and commit and at
//! random moments; the database as well. `squall bench crash` computes by itself what every table
//! and queue must hold, and compares.

use std::{thread, time::Duration};

use squall_test_support::MariaDb;
use squall_tests::{Place, Store};

use super::soak;

/// How often it is killed in each of the tests.
fn kills() -> u32 {
    if soak() { 400 } else { 66 }
}

fn bench(place: &Place, store: Option<&str>, more: &[&str]) -> u64 {
    let mut words: Vec<String> =
        ["bench", "crash", "--json"].iter().map(|word| (*word).to_owned()).collect();
    words.push(format!("--kills={}", kills()));
    words.extend(store.map(|store| format!("--store={store}")));
    words.extend(more.iter().map(|word| (*word).to_owned()));
    let crashed = place.squall(&words).code(0).json();
    assert_eq!(crashed["wrong"].as_array().map(Vec::len), Some(0), "{crashed}");
    let kills = crashed["kills"].as_u64().unwrap();
    assert_eq!(kills, u64::from(self::kills()));
    assert!(crashed["at_steps"].as_u64().unwrap() > kills / 3, "{crashed}");
    kills
}

#[test]
fn every_number_is_right_in_sqlite_however_often_it_is_killed() {
    bench(&Place::new(), None, &[]);
}

#[test]
fn every_number_is_right_with_a_state_larger_than_its_memory() {
    bench(&Place::new(), None, &["--memory=16KiB", "--seed=11"]);
}

#[test]
fn every_number_is_right_in_mariadb_however_often_it_is_killed() {
    let place = Place::new();
    let Some(store) = Store::all(&place).into_iter().find(|store| store.kind() == "mariadb") else {
        return;
    };
    bench(&place, Some(&store.url()), &["--seed=13"]);
}

#[test]
fn every_number_is_right_when_the_database_is_killed_as_well() {
    let Some(mut server) = MariaDb::start() else { return };
    let place = Place::new();
    let url = server.create_database().unwrap();
    let kills = if soak() { 100 } else { 20 };
    let words = ["bench", "crash", "--json", "--seed=17"].map(str::to_owned);
    let words: Vec<String> =
        words.into_iter().chain([format!("--kills={kills}"), format!("--store={url}")]).collect();
    let mut running = place.start(&words);
    let mut killed = 0;
    while running.is_alive() {
        thread::sleep(Duration::from_millis(fastrand::u64(200..1_500)));
        server.stop().unwrap();
        killed += 1;
        thread::sleep(Duration::from_millis(fastrand::u64(0..300)));
        server.resume().unwrap();
    }
    let crashed = running.end().code(0).json();
    assert_eq!(crashed["wrong"].as_array().map(Vec::len), Some(0), "{crashed}");
    assert!(killed > 5, "the server was killed {killed} times");
}
