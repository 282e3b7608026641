//! Shares for `totals.yaml`, and what its tables must hold of them.

use std::{
    collections::{BTreeMap, BTreeSet},
    ops::Range,
};

use squall_tests::{Place, Store, project};

/// The person of a share and the restaurant.
fn share(n: u64) -> (u64, u64) {
    (n * 7 % 20_011, n % 40)
}

/// Sends the first shares to the queue, settled by nobody yet.
pub(super) fn send(place: &Place, data: &str, count: u64) {
    send_more(place, data, 0..count);
}

/// Sends these shares to the queue.
pub(super) fn send_more(place: &Place, data: &str, shares: Range<u64>) {
    let line = |n| {
        let (person, restaurant) = share(n);
        format!("{{\"restaurant\":\"r{restaurant}\",\"user\":\"u{person}\"}}\n")
    };
    place.write("shares.jsonl", shares.map(line).collect::<String>());
    let words = ["send", "shares", "--create", "--file=shares.jsonl", "--data", data];
    let _ = place.squall(&words).code(0);
}

/// `squall run` of one of the topologies that count shares.
pub(super) fn run(topology: &str, data: &str, store: &str, more: &[&str]) -> Vec<String> {
    let topology = project(topology).display().to_string();
    let words =
        ["run".to_owned(), topology, format!("--data={data}"), format!("--set=STORE={store}")];
    words.into_iter().chain(more.iter().map(|word| (*word).to_owned())).collect()
}

/// The rows of `restaurant, people, shares`, from nothing but the shares.
pub(super) fn totals(count: u64) -> BTreeSet<Vec<String>> {
    let mut of: BTreeMap<u64, (BTreeSet<u64>, u64)> = BTreeMap::new();
    for (person, restaurant) in (0..count).map(share) {
        let (people, shares) = of.entry(restaurant).or_default();
        people.insert(person);
        *shares += 1;
    }
    let row = |(restaurant, (people, shares)): (u64, (BTreeSet<u64>, u64))| {
        vec![format!("r{restaurant}"), people.len().to_string(), shares.to_string()]
    };
    of.into_iter().map(row).collect()
}

/// What is set from the state is right.
#[track_caller]
pub(super) fn assert_set(store: &Store, count: u64) {
    let set = store.rows("SELECT restaurant, people, shares FROM totals");
    assert_eq!(set.into_iter().collect::<BTreeSet<_>>(), totals(count), "{}", store.kind());
}

/// So is what is added up, which would show a commit that happened twice.
#[track_caller]
pub(super) fn assert_exact(store: &Store, count: u64) {
    assert_set(store, count);
    let added = store.rows("SELECT restaurant, shares FROM added");
    let expected: BTreeSet<_> =
        totals(count).into_iter().map(|row| vec![row[0].clone(), row[2].clone()]).collect();
    assert_eq!(added.into_iter().collect::<BTreeSet<_>>(), expected, "{}", store.kind());
}
