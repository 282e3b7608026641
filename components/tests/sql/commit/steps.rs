//! Claim, begin, rows, commit; and two runs that want the same.

use std::sync::mpsc;

use super::*;
use proptest::prelude::*;

on_every_store!(
    a_claim_finds_what_was_committed,
    the_older_of_two_runs_is_fenced,
    a_claim_waits_for_the_transaction_of_another_run,
    what_was_rolled_back_or_begun_anew_leaves_nothing,
    an_epoch_that_is_not_the_next_is_fenced,
    a_record_that_was_deleted_is_fenced,
    topologies_do_not_meet,
    rows_alone_leave_no_record,
    rows_without_a_transaction_are_not_written,
);

fn a_claim_finds_what_was_committed(place: &Place) {
    let mut first = store(place, "pages");
    let claimed = first.claim(1).unwrap();
    assert_eq!((claimed.incarnation, claimed.epoch), (1, 0));
    assert!(claimed.commit_id.is_empty() && claimed.positions.is_empty());
    commit(&mut first, &commit_of(1, 1, &[("a", 1), ("b", 2)]));
    let last = commit_of(1, 2, &[("b", 3), ("c", 4), ("b", 1)]);
    commit(&mut first, &last);
    let found = first.look().unwrap();
    assert_eq!((found.incarnation, found.epoch, &found.commit_id), (1, 2, &last.commit_id));

    let claimed = store(place, "pages").claim(1).unwrap();
    assert_eq!((claimed.incarnation, claimed.epoch), (2, 2));
    assert_eq!((claimed.commit_id, claimed.positions), (last.commit_id, last.positions));
    assert_eq!(place.query("SELECT word, n FROM t ORDER BY word"), "a\t1\nb\t6\nc\t4");
    let record = place.query("SELECT topology, incarnation, epoch, commit_id FROM squall_commits");
    assert_eq!(record, "pages\t2\t2\t1-2");
    assert!(place.query("SELECT positions FROM squall_commits").starts_with(r#"{"in":{"#));
}

fn the_older_of_two_runs_is_fenced(place: &Place) {
    let (mut older, mut newer) = (store(place, "pages"), store(place, "pages"));
    older.claim(1).unwrap();
    commit(&mut older, &commit_of(1, 1, &[("a", 1)]));
    assert_eq!(newer.claim(1).unwrap().incarnation, 2);
    let words = words_of_fence(older.begin(&commit_of(1, 2, &[("a", 1)])));
    assert!(words.contains("`pages` at epoch 1 of its run 2"), "{words}");
    assert!(words.contains("this is run 1") && words.contains("another run has taken over"));
    // There is no transaction in which anything could be written.
    words_of_retry(older.rows(&commit_of(1, 2, &[("a", 1)])));
    words_of_retry(older.commit());
    commit(&mut newer, &commit_of(2, 2, &[("a", 10)]));
    words_of_fence(older.begin(&commit_of(1, 2, &[("a", 1)])));
    assert_eq!(place.query("SELECT n FROM t"), "11");
}

fn a_claim_waits_for_the_transaction_of_another_run(place: &Place) {
    for keep in [true, false] {
        let mut older = store(place, "pages");
        let Committed { incarnation, epoch, .. } = older.claim(1).unwrap();
        let rows = commit_of(incarnation, epoch + 1, &[("a", 1)]);
        older.begin(&rows).unwrap();
        older.rows(&rows).unwrap();
        let (sender, claimed) = mpsc::channel();
        std::thread::scope(|scope| {
            scope.spawn(|| {
                let mut newer = store(place, "pages");
                sender.send(newer.claim(1).unwrap()).unwrap();
            });
            let early = claimed.recv_timeout(Duration::from_millis(200));
            assert_eq!(early, Err(mpsc::RecvTimeoutError::Timeout));
            if keep {
                older.commit().unwrap();
            } else {
                older.roll_back();
            }
            let claimed = claimed.recv().unwrap();
            assert_eq!(claimed.incarnation, incarnation + 1);
            assert_eq!(claimed.epoch, epoch + u64::from(keep));
        });
        let next = commit_of(incarnation, epoch + 1 + u64::from(keep), &[("a", 1)]);
        words_of_fence(older.begin(&next));
    }
    assert_eq!(place.query("SELECT n FROM t"), "1");
}

fn what_was_rolled_back_or_begun_anew_leaves_nothing(place: &Place) {
    let mut store = store(place, "pages");
    store.claim(1).unwrap();
    let rows = commit_of(1, 1, &[("a", 1)]);
    store.begin(&rows).unwrap();
    store.rows(&rows).unwrap();
    store.roll_back();
    words_of_retry(store.commit());
    assert_eq!(store.look().unwrap().epoch, 0);
    store.begin(&rows).unwrap();
    store.rows(&rows).unwrap();
    commit(&mut store, &rows);
    assert_eq!(place.query("SELECT n FROM t"), "1");
    assert_eq!(store.look().unwrap().epoch, 1);
}

fn an_epoch_that_is_not_the_next_is_fenced(place: &Place) {
    let mut store = store(place, "pages");
    store.claim(1).unwrap();
    commit(&mut store, &commit_of(1, 1, &[("a", 1)]));
    for epoch in [0, 1, 3] {
        let words = words_of_fence(store.begin(&commit_of(1, epoch, &[("a", 1)])));
        assert!(words.contains(&format!("about to commit epoch {epoch}")), "{words}");
        assert!(words.contains("not as this run has left it"), "{words}");
    }
    commit(&mut store, &commit_of(1, 2, &[("a", 1)]));
    assert_eq!(place.query("SELECT n FROM t"), "2");
}

fn a_record_that_was_deleted_is_fenced(place: &Place) {
    let mut store = store(place, "pages");
    store.claim(1).unwrap();
    place.query("DELETE FROM squall_commits");
    let words = words_of_fence(store.begin(&commit_of(1, 1, &[("a", 1)])));
    assert!(words.contains("no row for topology `pages`"), "{words}");
    words_of_fence(store.look());
}

fn topologies_do_not_meet(place: &Place) {
    let (mut one, mut other) = (store(place, "one"), store(place, "One"));
    one.claim(1).unwrap();
    assert_eq!(other.claim(1).unwrap().incarnation, 1);
    for epoch in 1..=3 {
        commit(&mut one, &commit_of(1, epoch, &[("a", 1)]));
    }
    commit(&mut other, &commit_of(1, 1, &[("a", 1)]));
    assert_eq!((one.look().unwrap().epoch, other.look().unwrap().epoch), (3, 1));
    assert_eq!(place.query("SELECT n FROM t"), "4");
}

fn rows_alone_leave_no_record(place: &Place) {
    let url = place.url.parse().unwrap();
    let mut store = SqlCommit::new(url, "pages", CommitMode::RowsOnly, CommitOptions::default());
    assert_eq!(store.claim(1).unwrap(), Committed::default());
    for epoch in [7, 7, 3] {
        commit(&mut store, &commit_of(1, epoch, &[("a", 1)]));
    }
    store.begin(&commit_of(1, 1, &[])).unwrap();
    store.roll_back();
    assert_eq!(store.look().unwrap(), Committed::default());
    assert_eq!(place.query("SELECT n FROM t"), "3");
    let kept = match place.url.starts_with("sqlite") {
        true => place.query("SELECT name FROM sqlite_schema"),
        false => place.query(
            "SELECT table_name FROM information_schema.tables WHERE table_schema = DATABASE()",
        ),
    };
    assert_eq!(kept, "t");
}

fn rows_without_a_transaction_are_not_written(place: &Place) {
    let mut store = store(place, "pages");
    let rows = commit_of(1, 1, &[("a", 1)]);
    words_of_retry(store.rows(&rows));
    store.claim(1).unwrap();
    words_of_retry(store.rows(&rows));
    words_of_retry(store.commit());
    commit(&mut store, &rows);
    words_of_retry(store.rows(&rows));
    words_of_retry(store.commit());
    assert_eq!(place.query("SELECT n FROM t"), "1");
}

#[derive(Debug, Clone)]
enum Step {
    Commit(Vec<(u8, i64)>),
    RollBack(Vec<(u8, i64)>),
    ClaimAnew,
}

fn step() -> impl Strategy<Value = Step> {
    let rows = || prop::collection::vec((0..5u8, -9..9i64), 0..20);
    prop_oneof![
        3 => rows().prop_map(Step::Commit),
        1 => rows().prop_map(Step::RollBack),
        1 => Just(Step::ClaimAnew),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// Whatever happens in between: the table is the sum of what was committed, and the record
    /// says how much that was.
    #[test]
    fn what_is_in_the_table_is_what_was_committed(steps in prop::collection::vec(step(), 1..20)) {
        let place = Place::sqlite().unwrap();
        let mut store = super::store(&place, "pages");
        let mut run = store.claim(1).unwrap().incarnation;
        let (mut epoch, mut sums) = (0, std::collections::BTreeMap::<String, i64>::new());
        for step in steps {
            let (rows, keep) = match step {
                Step::Commit(rows) => (rows, true),
                Step::RollBack(rows) => (rows, false),
                Step::ClaimAnew => {
                    store = super::store(&place, "pages");
                    let claimed = store.claim(1).unwrap();
                    prop_assert_eq!((claimed.incarnation, claimed.epoch), (run + 1, epoch));
                    run = claimed.incarnation;
                    continue;
                }
            };
            let rows: Vec<_> = rows.iter().map(|&(word, n)| (word.to_string(), n)).collect();
            let words: Vec<_> = rows.iter().map(|(word, n)| (word.as_str(), *n)).collect();
            let part = words.len() / 2;
            let mut commit = commit_of(run, epoch + 1, &words[..part]);
            commit.rows.push(rows_for(super::counts("t"), words[part..].iter().copied()));
            store.begin(&commit).unwrap();
            prop_assert_eq!(store.rows(&commit).unwrap(), []);
            if keep {
                store.commit().unwrap();
                epoch += 1;
                for (word, n) in rows {
                    *sums.entry(word).or_default() += n;
                }
            } else {
                store.roll_back();
            }
        }
        prop_assert_eq!(store.look().unwrap().epoch, epoch);
        let expected: Vec<_> = sums.iter().map(|(word, n)| format!("{word}\t{n}")).collect();
        if !expected.is_empty() {
            prop_assert_eq!(place.query("SELECT word, n FROM t ORDER BY word"), expected.join("\n"));
        }
    }
}
