//! Tables that do not fit, and stores that cannot be used as they are.

use super::*;

on_every_store!(
    a_table_that_does_not_fit_is_refused_until_somebody_mends_it,
    a_record_that_nobody_can_read_is_refused,
);

/// What only servers can have.
mod servers {
    use super::*;

    on_every_store!(on mariadb: a_table_that_cannot_roll_back_is_refused, an_account_that_may_make_no_tables_needs_none);
    on_every_store!(on mysql8: a_table_that_cannot_roll_back_is_refused, an_account_that_may_make_no_tables_needs_none);
}

fn a_table_that_does_not_fit_is_refused_until_somebody_mends_it(place: &Place) {
    let mut store = store(place, "pages");
    store.claim(1).unwrap();
    let mut commit = commit_of(1, 1, &[("a", 1)]);
    commit.rows[0].table = Arc::new(Table { create: false, ..counts("t") });
    let refused = |store: &mut SqlCommit| words_of_refusal(store.begin(&commit));

    let words = refused(&mut store);
    assert!(words.contains("table `t`") && words.contains("`create: true` creates it"), "{words}");
    place.query("CREATE TABLE t (word VARCHAR(50) NOT NULL)");
    let words = refused(&mut store);
    assert!(words.contains("no column") && words.contains("n"), "{words}");
    place.query("ALTER TABLE t ADD COLUMN n INT");
    let words = refused(&mut store);
    assert!(words.to_lowercase().contains("unique"), "{words}");
    place.query("CREATE UNIQUE INDEX words ON t (word)");
    super::commit(&mut store, &commit);

    // Somebody else's idea while the topology runs.
    place.query("ALTER TABLE t RENAME COLUMN n TO m");
    let next = Commit { epoch: 2, ..commit.clone() };
    store.begin(&next).unwrap();
    words_of_refusal(store.rows(&next));
    let words = words_of_refusal(store.begin(&next));
    assert!(words.contains("no column"), "{words}");
    place.query("ALTER TABLE t RENAME COLUMN m TO n");
    super::commit(&mut store, &next);
    assert_eq!(place.query("SELECT n FROM t"), "2");
}

fn a_record_that_nobody_can_read_is_refused(place: &Place) {
    let mut store = store(place, "pages");
    store.claim(1).unwrap();
    place.query("UPDATE squall_commits SET positions = 'nowhere'");
    let words = words_of_refusal(store.claim(1));
    assert!(words.contains("positions of topology `pages` cannot be read"), "{words}");
    place.query("UPDATE squall_commits SET positions = '{}'");
    assert_eq!(store.claim(1).unwrap().incarnation, 2);
}

fn a_table_that_cannot_roll_back_is_refused(place: &Place) {
    place.query("CREATE TABLE t (word VARCHAR(50) PRIMARY KEY, n INT) ENGINE=MyISAM");
    let mut store = store(place, "pages");
    store.claim(1).unwrap();
    let words = words_of_refusal(store.begin(&commit_of(1, 1, &[("a", 1)])));
    assert!(words.contains("MyISAM") && words.contains("use InnoDB"), "{words}");
    place.query("ALTER TABLE squall_commits ENGINE=MyISAM");
    let words = words_of_refusal(store.claim(1));
    assert!(words.contains("squall_commits") && words.contains("use InnoDB"), "{words}");
}

/// Where somebody else makes the tables, rights on rows are enough.
fn an_account_that_may_make_no_tables_needs_none(place: &Place) {
    let database = place.url.rsplit('/').next().unwrap();
    place.query(&format!(
        "CREATE USER {database} IDENTIFIED BY 'hunter2'; GRANT SELECT, INSERT, UPDATE ON {database}.* TO {database}"
    ));
    let url = place.url.replace("root@", &format!("{database}:hunter2@"));
    let mut store = store_at(&url, "pages");
    let words = words_of_refusal(store.claim(1));
    assert!(words.contains("CREATE command denied"), "{words}");
    assert!(!words.contains("hunter2") && !store.name().contains("hunter2"), "{words}");
    assert!(!format!("{store:?}").contains("hunter2"));
    let mut allowed = super::store(place, "pages");
    allowed.claim(1).unwrap();
    super::commit(&mut allowed, &commit_of(1, 1, &[("a", 1)]));
    assert_eq!(store.claim(1).unwrap().incarnation, 2);
    assert!(!format!("{store:?}").contains("hunter2"));
    super::commit(&mut store, &commit_of(2, 2, &[("a", 1)]));
    assert_eq!(place.query("SELECT n FROM t"), "2");
}
