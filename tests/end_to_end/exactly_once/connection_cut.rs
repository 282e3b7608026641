//! Connections to the database break: anywhere, and above all in the middle of a COMMIT, when
//! nobody knows whether it was made.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
};

use squall_test_support::MariaDb;
use squall_tests::{Fate, Place, Proxy, Sent, Store};

use super::{
    shares::{assert_exact, run, send},
    soak,
};

#[test]
fn a_commit_of_which_nobody_knows_happens_once() {
    let Some(server) = MariaDb::shared() else { return };
    let shares = if soak() { 600_000 } else { 60_000 };
    let place = Place::new();
    let url = server.create_database().unwrap();
    let cuts: Arc<Mutex<BTreeMap<&str, u32>>> = Arc::default();
    let counted = cuts.clone();
    let mut rng = fastrand::Rng::with_seed(23);
    let proxy = Proxy::start(server.port(), move |sent| {
        let (name, fate) = match (sent, rng.u32(..100)) {
            (Sent::Commit, 0..6) => ("before COMMIT", Fate::CutBefore),
            (Sent::Commit, 6..12) => ("behind COMMIT", Fate::CutBehind),
            (Sent::Commit, 12..18) => ("its answer", Fate::LoseAnswer),
            (Sent::Other, 0..1) => ("elsewhere", Fate::CutBehind),
            _ => return Fate::Pass,
        };
        *counted.lock().unwrap().entry(name).or_default() += 1;
        fate
    });
    let through = url.replace(&format!(":{}/", server.port()), &format!(":{}/", proxy.port()));
    assert_ne!(through, url);

    send(&place, "data", shares);
    let words =
        run("tests/topologies/totals.yaml", "data", &through, &["--until-idle", "--patience=100s"]);
    let _ = place.squall(&words).code(0);
    assert_exact(&Store::MariaDb(server, url), shares);
    let cuts = cuts.lock().unwrap();
    for kind in ["before COMMIT", "behind COMMIT", "its answer", "elsewhere"] {
        assert!(cuts.get(kind).is_some_and(|cuts| *cuts > 0), "never {kind}: {cuts:?}");
    }
}
