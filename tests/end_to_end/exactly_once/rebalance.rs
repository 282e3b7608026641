//! Another number of tasks for a bolt with state, while it counts.

use squall_tests::{Place, Store, wait_until};

use super::shares::{assert_exact, run, send_more};

const SHARES: u64 = 2_000;

#[test]
fn a_bolt_with_state_is_rebalanced_while_it_counts() {
    let place = Place::new();
    for store in Store::all(&place) {
        let data = format!("data-{}", store.kind());
        send_more(&place, &data, 0..SHARES);
        let words = run("tests/topologies/totals.yaml", &data, &store.url(), &[]);
        let mut running = place.start(&words);
        let counted = || store.number("SELECT SUM(shares) FROM totals");
        let mut sent = SHARES;
        for tasks in ["totals=5", "totals=1", "totals=3"] {
            wait_until("some to be counted", || counted() > sent - SHARES);
            let rebalance = ["rebalance", "totals", "-p", tasks, "--data", &data];
            let said = place.squall(&rebalance).code(0).out;
            assert!(said.contains("totals has"), "{said}");
            send_more(&place, &data, sent..sent + SHARES);
            sent += SHARES;
        }
        let unknown = ["rebalance", "totals", "-p", "total=2", "--data", &data];
        let said = place.squall(&unknown).code(1).err;
        assert!(said.contains("`total`"), "{said}");

        wait_until("all to be counted", || counted() == sent);
        assert!(running.is_alive());
        running.interrupt();
        let _ = running.end().code(0);
        assert_exact(&store, sent);
    }
}
