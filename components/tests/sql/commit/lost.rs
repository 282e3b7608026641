//! Connections that break, most of all inside of COMMIT.

use std::sync::mpsc;

use super::{
    proxy::{Cut, Proxy},
    *,
};

on_every_store!(on mariadb:
    a_commit_whose_answer_is_lost_was_made,
    a_commit_that_did_not_arrive_was_not_made,
    a_look_waits_for_the_transaction_that_was_left_behind,
    a_look_has_an_end,
    a_run_whose_connection_broke_is_fenced_by_the_next,
    idle_connections_may_end,
);
on_every_store!(on mysql8:
    a_commit_whose_answer_is_lost_was_made,
    a_commit_that_did_not_arrive_was_not_made,
    a_look_waits_for_the_transaction_that_was_left_behind,
    a_look_has_an_end,
    a_run_whose_connection_broke_is_fenced_by_the_next,
    idle_connections_may_end,
);

/// A store behind a proxy, claimed, with one commit made.
fn behind(place: &Place) -> (Proxy, SqlCommit) {
    let proxy = Proxy::to(place.address());
    let mut store = store_at(&place.url_through(proxy.port), "pages");
    store.claim(1).unwrap();
    commit(&mut store, &commit_of(1, 1, &[("a", 1)]));
    (proxy, store)
}

/// Makes all of a commit but the last step, of which nobody knows.
#[track_caller]
fn lose(proxy: &Proxy, store: &mut SqlCommit, cut: Cut) -> Commit {
    let next = commit_of(1, 2, &[("a", 10)]);
    store.begin(&next).unwrap();
    store.rows(&next).unwrap();
    proxy.cut(cut);
    let lost = store.commit();
    assert!(matches!(lost, Err(StoreFault::Unknown(_))), "{lost:?}");
    next
}

fn a_commit_whose_answer_is_lost_was_made(place: &Place) {
    let (proxy, mut store) = behind(place);
    let lost = lose(&proxy, &mut store, Cut::After);
    let found = store.look().unwrap();
    assert_eq!(
        (found.epoch, found.commit_id, found.positions),
        (2, lost.commit_id, lost.positions)
    );
    commit(&mut store, &commit_of(1, 3, &[("a", 100)]));
    assert_eq!(place.query("SELECT n FROM t"), "111");
}

fn a_commit_that_did_not_arrive_was_not_made(place: &Place) {
    let (proxy, mut store) = behind(place);
    let lost = lose(&proxy, &mut store, Cut::Before);
    let found = store.look().unwrap();
    assert_eq!((found.epoch, found.commit_id.as_str()), (1, "1-1"));
    commit(&mut store, &lost);
    assert_eq!(place.query("SELECT n FROM t"), "11");
}

fn a_look_waits_for_the_transaction_that_was_left_behind(place: &Place) {
    for arrives in [true, false] {
        let topology = if arrives { "arrives" } else { "ends" };
        let proxy = Proxy::to(place.address());
        let mut store = store_at(&place.url_through(proxy.port), topology);
        store.claim(1).unwrap();
        let next = commit_of(1, 1, &[(topology, 10)]);
        store.begin(&next).unwrap();
        store.rows(&next).unwrap();
        proxy.cut(Cut::Held);
        assert!(matches!(store.commit(), Err(StoreFault::Unknown(_))));
        let mut left = proxy.held();
        let (sender, looked) = mpsc::channel();
        std::thread::scope(|scope| {
            scope.spawn(|| sender.send(store.look()).unwrap());
            // Longer than the server lets one statement wait for a lock.
            let early = looked.recv_timeout(Duration::from_millis(2_500));
            assert_eq!(early, Err(mpsc::RecvTimeoutError::Timeout));
            if arrives {
                left.deliver()
            } else {
                left.end()
            }
            let found = looked.recv().unwrap().unwrap();
            assert_eq!(found.epoch, u64::from(arrives));
        });
        if !arrives {
            commit(&mut store, &next);
        }
        assert_eq!(place.query(&format!("SELECT n FROM t WHERE word = '{topology}'")), "10");
    }
}

fn a_look_has_an_end(place: &Place) {
    let proxy = Proxy::to(place.address());
    let url = place.url_through(proxy.port).parse().unwrap();
    let options =
        CommitOptions { timeout: Duration::from_secs(3), patience: Duration::from_millis(100) };
    let mut store = SqlCommit::new(url, "pages", CommitMode::WithRecord, options);
    store.claim(1).unwrap();
    store.begin(&commit_of(1, 1, &[])).unwrap();
    proxy.cut(Cut::Held);
    assert!(matches!(store.commit(), Err(StoreFault::Unknown(_))));
    let mut left = proxy.held();
    let words = words_of_retry(store.look());
    assert!(words.contains("1205"), "{words}");
    left.end();
    let looked = std::iter::repeat_with(|| store.look()).find_map(Result::ok).unwrap();
    assert_eq!(looked.epoch, 0);
}

fn a_run_whose_connection_broke_is_fenced_by_the_next(place: &Place) {
    let (_proxy, mut older) = behind(place);
    let next = commit_of(1, 2, &[("a", 10)]);
    older.begin(&next).unwrap();
    older.rows(&next).unwrap();
    let database = place.url.rsplit('/').next().unwrap();
    let kill = place.query(&format!(
        "SELECT CONCAT('KILL ', id, ';') FROM information_schema.processlist
         WHERE db = '{database}' AND id <> CONNECTION_ID()"
    ));
    place.query(&kill);
    let mut newer = store(place, "pages");
    let claimed = newer.claim(1).unwrap();
    assert_eq!((claimed.incarnation, claimed.epoch), (2, 1));
    // The server was gone before COMMIT was sent, so there is nothing that nobody knows.
    words_of_retry(older.commit());
    words_of_fence(older.begin(&next));
    assert_eq!(place.query("SELECT n FROM t"), "1");
}

fn idle_connections_may_end(place: &Place) {
    let mut store = store(place, "pages");
    store.claim(1).unwrap();
    for epoch in 1..4 {
        commit(&mut store, &commit_of(1, epoch, &[("a", 1)]));
        let database = place.url.rsplit('/').next().unwrap();
        let kill = place.query(&format!(
            "SELECT CONCAT('KILL ', id, ';') FROM information_schema.processlist
             WHERE db = '{database}' AND id <> CONNECTION_ID()"
        ));
        assert!(kill.starts_with("KILL"));
        place.query(&kill);
    }
    commit(&mut store, &commit_of(1, 4, &[("a", 1)]));
    assert_eq!(place.query("SELECT n FROM t"), "4");
}
