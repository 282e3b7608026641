//! A state that was lost is refused, and computed again; results are computed again beside the old.

use squall_tests::{Place, Store, project};

fn shares(from: u64, to: u64) -> String {
    let share =
        |n: u64| format!("{{\"restaurant\":\"r{}\",\"user\":\"u{}\"}}\n", n % 20, n * 7 % 300);
    (from..to).map(share).collect()
}

const TRUTH: &str = "SELECT restaurant, people, shares FROM totals ORDER BY restaurant";

#[test]
fn a_lost_state_is_refused_rebuilt_and_right() {
    let place = Place::new();
    for store in Store::all(&place) {
        let data = format!("--data=data-{}", store.kind());
        let topology = project("tests/topologies/totals.yaml").display().to_string();
        let set = format!("--set=STORE={}", store.url());
        let run = ["run", &topology, &data, &set, "--until-idle"];
        // Settled messages are kept, so that there is something to compute from.
        let create = ["queue", "create", "shares", "--rewind", "1h", &data];
        let _ = place.squall(&create).code(0);
        let send = |from, to| {
            place.write("shares.jsonl", shares(from, to));
            let _ = place.squall(&["send", "shares", "--file=shares.jsonl", &data]).code(0);
        };
        send(0, 3_000);
        let _ = place.squall(&run).code(0);
        let before = store.rows(TRUTH);
        let shown = place.squall(&["state", "show", &topology, &data, &set]).code(0);
        assert!(shown.out.contains("as of epoch") && shown.out.contains("totals"), "{}", shown.out);

        let state = place.path(&format!("data-{}/topologies/totals/state", store.kind()));
        std::fs::remove_dir_all(&state).unwrap();
        send(3_000, 3_500);
        let refused = place.squall(&run).code(1);
        assert!(refused.err.contains("squall state rebuild"), "{}", refused.err);
        assert_eq!(store.rows(TRUTH), before);

        let rebuilt = place.squall(&["state", "rebuild", &topology, &data, &set]).code(0);
        assert!(rebuilt.out.contains("3,000 messages"), "{}", rebuilt.out);
        assert_eq!(store.rows(TRUTH), before, "a rebuild writes no rows");
        let _ = place.squall(&run).code(0);
        assert_eq!(store.number("SELECT SUM(shares) FROM totals"), 3_500);
        assert_eq!(store.number("SELECT SUM(people) FROM totals"), distinct(3_500));

        // All of it once more, into a table beside the first.
        let again = ["replay", &topology, "--from=1h", "--suffix=again", &data, &set];
        let _ = place.squall(&again).code(0);
        let beside = TRUTH.replace("totals", "totals_again");
        assert_eq!(store.rows(&beside), store.rows(TRUTH));
        assert_eq!(store.number("SELECT SUM(shares) FROM totals"), 3_500);

        // Forgotten, it counts what is new from nothing.
        let _ = place.squall(&["state", "forget", &topology, &data, &set]).code(0);
        send(0, 20);
        let _ = place.squall(&run).code(0);
        assert_eq!(store.number("SELECT SUM(shares) FROM totals"), 20);
    }
}

fn distinct(shares: u64) -> u64 {
    let pairs: std::collections::BTreeSet<_> = (0..shares).map(|n| (n % 20, n * 7 % 300)).collect();
    pairs.len() as u64
}
