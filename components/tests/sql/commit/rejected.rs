//! Rows that the database does not take.

use super::*;

on_every_store!(
    bad_rows_are_found_among_thousands,
    a_merged_row_takes_its_sources_along,
    what_no_database_may_see_is_rejected_as_well,
);

fn guarded(place: &Place) {
    place.query("CREATE TABLE t (word VARCHAR(50) PRIMARY KEY, n INT CHECK (n < 1000))");
}

fn bad_rows_are_found_among_thousands(place: &Place) {
    guarded(place);
    let words: Vec<String> = (0..5_000).map(|n| format!("w{n:05}")).collect();
    let bad = [0, 1, 777, 2_500, 4_998, 4_999];
    let n = |index: usize| if bad.contains(&index) { 1_000 + index as i64 } else { 1 };
    let rows: Vec<_> =
        words.iter().enumerate().map(|(index, word)| (word.as_str(), n(index))).collect();
    let mut store = store(place, "pages");
    store.claim(1).unwrap();
    // Two tasks of a sink, out of step, and a table of another sink between them.
    let mut commit = commit_of(1, 1, &rows[..3_000]);
    commit.rows.push(rows_for(counts("other"), [("a", 5_000)]));
    commit.rows.push(rows_for(counts("t"), rows[3_000..].iter().rev().copied()));
    store.begin(&commit).unwrap();
    let rejected = store.rows(&commit).unwrap();
    store.commit().unwrap();
    let found: Vec<_> = rejected.iter().map(|rejected| (rejected.table, rejected.row)).collect();
    assert_eq!(found, [(0, 0), (0, 1), (0, 777), (0, 2_500), (2, 0), (2, 1)]);
    for Rejected { reason, .. } in &rejected {
        assert!(reason.to_lowercase().contains("constraint"), "{reason}");
    }
    assert_eq!(place.query("SELECT COUNT(*), SUM(n) FROM t"), "4994\t4994");
    assert_eq!(place.query("SELECT n FROM other"), "5000");
    assert_eq!(store.look().unwrap().epoch, 1);
}

/// The sum is too large and no row of it alone: nobody knows which of them would be in.
fn a_merged_row_takes_its_sources_along(place: &Place) {
    guarded(place);
    let mut store = store(place, "pages");
    store.claim(1).unwrap();
    let commit = commit_of(1, 1, &[("a", 600), ("b", 1), ("a", 300), ("c", 1), ("a", 100)]);
    store.begin(&commit).unwrap();
    let rejected = store.rows(&commit).unwrap();
    store.commit().unwrap();
    let rows: Vec<_> = rejected.iter().map(|rejected| rejected.row).collect();
    assert_eq!(rows, [0, 2, 4]);
    assert_eq!(place.query("SELECT word, n FROM t ORDER BY word"), "b\t1\nc\t1");
}

fn what_no_database_may_see_is_rejected_as_well(place: &Place) {
    let mut store = store(place, "pages");
    store.claim(1).unwrap();
    let mut commit = commit_of(1, 1, &[("a", 1), ("b", 1), ("c", 1)]);
    commit.rows[0].values[0] = Value::Null;
    commit.rows[0].values[3] = Value::Float(f64::NAN);
    store.begin(&commit).unwrap();
    let rejected = store.rows(&commit).unwrap();
    store.commit().unwrap();
    let reasons: Vec<_> = rejected.iter().map(|r| format!("{} {}", r.row, r.reason)).collect();
    assert_eq!(reasons, ["0 key column `word` is null", "1 column `n`: NaN cannot be stored"]);
    assert_eq!(place.query("SELECT word FROM t"), "c");
}

/// SQLite may be told to roll back more than the row; what follows must not stand alone.
#[test]
fn a_table_that_rolls_back_the_transaction_is_refused() {
    let place = Place::sqlite().unwrap();
    place.query("CREATE TABLE t (word TEXT PRIMARY KEY, n INT)");
    let trigger = "CREATE TRIGGER guard BEFORE INSERT ON t WHEN NEW.n >= 1000 BEGIN SELECT RAISE(ROLLBACK, 'too many'); END";
    place.query(trigger);
    let mut store = store(&place, "pages");
    store.claim(1).unwrap();
    let commit = commit_of(1, 1, &[("a", 1), ("b", 1_000), ("c", 1)]);
    store.begin(&commit).unwrap();
    let words = words_of_refusal(store.rows(&commit));
    assert!(words.contains("RAISE(ROLLBACK)"), "{words}");
    words_of_retry(store.commit());
    assert_eq!(store.look().unwrap().epoch, 0);
    assert_eq!(place.query("SELECT COUNT(*) FROM t"), "0");
}

/// A constraint that only COMMIT checks tells no row.
#[test]
fn a_constraint_that_waits_for_commit_is_refused() {
    let place = Place::sqlite().unwrap();
    place.query(
        "CREATE TABLE words (word TEXT PRIMARY KEY);
         CREATE TABLE t (word TEXT PRIMARY KEY REFERENCES words DEFERRABLE INITIALLY DEFERRED, n INT)",
    );
    let mut store = store(&place, "pages");
    store.claim(1).unwrap();
    let commit = commit_of(1, 1, &[("a", 1)]);
    store.begin(&commit).unwrap();
    store.rows(&commit).unwrap();
    let words = words_of_refusal(store.commit());
    assert!(words.contains("FOREIGN KEY"), "{words}");
    place.query("INSERT INTO words VALUES ('a')");
    super::commit(&mut store, &commit);
    assert_eq!(place.query("SELECT n FROM t"), "1");
}
