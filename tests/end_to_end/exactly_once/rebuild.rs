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

const FORWARD: &str = "
name: forward
config: { commit_interval: 20ms, commit_messages: 500 }
spouts:
  - { id: shares, type: queue, queue: shares }
bolts:
  - { id: parse, type: json, inputs: [shares], fields: { restaurant: string } }
  - id: totals
    type: window
    inputs: [{ from: parse, grouping: fields, fields: [restaurant] }]
    aggregates: { shares: count() }
  - { id: save, type: sql, inputs: [totals], store: \"${STORE}\", table: totals, keys: [restaurant], lengths: { restaurant: 40 } }
  - { id: on, type: queue, inputs: [parse], queue: passed }
";

/// Somebody deletes the table's database and wants to begin anew: what is sent on to another queue
/// from then on is not taken for what the epochs of the same numbers have sent before.
#[test]
fn with_an_empty_store_everything_begins_anew() {
    let place = Place::new();
    let topology = place.write("forward.yaml", FORWARD).display().to_string();
    for kind in [0, 1] {
        let Some(old) = Store::all(&place).into_iter().nth(kind) else { continue };
        let Some(new) = Store::all(&place).into_iter().nth(kind) else { continue };
        let data = format!("--data=data-{kind}");
        let send = |from, to| {
            place.write("shares.jsonl", shares(from, to));
            let _ =
                place.squall(&["send", "shares", "--create", "--file=shares.jsonl", &data]).code(0);
        };
        let run = |store: &Store, code| {
            let set = format!("--set=STORE={}", store.url());
            place.squall(&["run", &topology, &data, &set, "--until-idle"]).code(code)
        };
        send(0, 3_000);
        let _ = run(&old, 0);
        if let Store::Sqlite(path) = &old {
            std::fs::remove_file(path).unwrap();
        }
        send(3_000, 4_000);
        let refused = run(&new, 1);
        assert!(refused.err.contains("squall state forget"), "{}", refused.err);
        let set = format!("--set=STORE={}", new.url());
        let _ = place.squall(&["state", "forget", &topology, &data, &set]).code(0);
        let _ = run(&new, 0);
        assert_eq!(new.number("SELECT SUM(shares) FROM totals"), 1_000);
        let stats = place.squall(&["queue", "stats", "passed", "--json", &data]).code(0).json();
        assert_eq!(stats["active"], 4_000, "{stats}");
    }
}
