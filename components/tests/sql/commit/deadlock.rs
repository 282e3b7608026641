//! Locks of others: waited for, and when that takes too long the whole transaction is repeated.

use super::*;

on_every_store!(on mariadb: a_lock_that_stays_loses_the_whole_transaction, a_deadlock_loses_the_whole_transaction);
on_every_store!(on mysql8: a_lock_that_stays_loses_the_whole_transaction, a_deadlock_loses_the_whole_transaction);

/// The server itself rolls back only the statement that waited.
fn a_lock_that_stays_loses_the_whole_transaction(place: &Place) {
    let (mut store, mut other) = (store(place, "pages"), store(place, "other"));
    store.claim(1).unwrap();
    other.claim(1).unwrap();
    let held = commit_of(1, 1, &[("z", 1)]);
    other.begin(&held).unwrap();
    other.rows(&held).unwrap();

    let mut wanted = commit_of(1, 1, &[("z", 1)]);
    wanted.rows.insert(0, rows_for(counts("before"), [("a", 1)]));
    store.begin(&wanted).unwrap();
    let words = words_of_retry(store.rows(&wanted));
    assert!(words.contains("1205") && words.contains("Lock wait timeout"), "{words}");
    words_of_retry(store.commit());
    assert_eq!(place.query("SELECT COUNT(*) FROM `before`"), "0");
    assert_eq!(store.look().unwrap().epoch, 0);

    other.commit().unwrap();
    commit(&mut store, &wanted);
    assert_eq!(place.query("SELECT n FROM t"), "2");
    assert_eq!(place.query("SELECT n FROM `before`"), "1");
}

fn a_deadlock_loses_the_whole_transaction(place: &Place) {
    let (mut one, mut other) = (store(place, "one"), store(place, "other"));
    for store in [&mut one, &mut other] {
        store.claim(1).unwrap();
    }
    commit(&mut one, &commit_of(1, 1, &[("a", 0), ("z", 0)]));
    let of = |epoch, rows: &[(&str, i64)]| commit_of(1, epoch, rows);
    // Each has a row and then wants the other's.
    one.begin(&of(2, &[("a", 1)])).unwrap();
    one.rows(&of(2, &[("a", 1)])).unwrap();
    other.begin(&of(1, &[("z", 1)])).unwrap();
    other.rows(&of(1, &[("z", 1)])).unwrap();
    let (first, second) = std::thread::scope(|scope| {
        let first = scope.spawn(|| one.rows(&of(2, &[("z", 1)])));
        let second = other.rows(&of(1, &[("a", 1)]));
        (first.join().unwrap(), second)
    });
    let both = [("a", 1), ("z", 1)];
    let (lost, victim, epoch) = match (first, second) {
        (Ok(_), lost) => {
            one.commit().unwrap();
            (lost, &mut other, 1)
        }
        (lost, Ok(_)) => {
            other.commit().unwrap();
            (lost, &mut one, 2)
        }
        both => panic!("both lost: {both:?}"),
    };
    let words = words_of_retry(lost);
    assert!(words.contains("1213"), "{words}");
    words_of_retry(victim.commit());
    assert_eq!(place.query("SELECT word, n FROM t ORDER BY word"), "a\t1\nz\t1");
    commit(victim, &of(epoch, &both));
    assert_eq!(place.query("SELECT word, n FROM t ORDER BY word"), "a\t2\nz\t2");
}
