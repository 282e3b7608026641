//! Two workers of one topology on one store: the older one writes nothing any more.

use squall_tests::{Place, Store, project, wait_until};

const SHARES: u64 = 6_000;

fn shares() -> String {
    let share =
        |n: u64| format!("{{\"restaurant\":\"r{}\",\"user\":\"u{}\"}}\n", n % 40, n * 7 % 900);
    (0..SHARES).map(share).collect()
}

fn words(topology: &str, data: &str, store: &Store) -> Vec<String> {
    let topology = project(topology).display().to_string();
    vec!["run".into(), topology, format!("--data={data}"), format!("--set=STORE={}", store.url())]
}

#[test]
fn the_older_worker_is_fenced() {
    let place = Place::new();
    for store in Store::all(&place) {
        let (one, two) = (format!("one-{}", store.kind()), format!("two-{}", store.kind()));
        place.write("shares.jsonl", shares());
        let send = ["send", "shares", "--create", "--file=shares.jsonl", "--data"];
        let send: Vec<String> =
            send.iter().map(|word| (*word).to_owned()).chain([one.clone()]).collect();
        let _ = place.squall(&send).code(0);
        // It has committed something, and is stopped in the middle.
        let mut first = place.command(&words("tests/topologies/totals.yaml", &one, &store));
        let died = first.env("SQUALL_DIE_AT", "commit.redo:4").output().unwrap();
        assert_eq!(died.status.code(), None, "{}", String::from_utf8_lossy(&died.stderr));
        copy(&place.path(&one), &place.path(&two));

        // The older one claims the store, and comes to its first commit only later.
        let mut slow = words("tests/topologies/totals.yaml", &one, &store);
        slow.extend(["--set=INTERVAL=4s", "--set=MESSAGES=1000000"].map(str::to_owned));
        let incarnation = || store.number("SELECT incarnation FROM squall_commits");
        let first = incarnation();
        let older = place.start(&slow);
        wait_until("the older one to claim the store", || incarnation() > first);
        let mut newer = words("tests/topologies/totals.yaml", &two, &store);
        newer.push("--until-idle".to_owned());
        let _ = place.squall(&newer).code(0);
        let older = older.end();
        assert_eq!(older.code, Some(4), "{}", older.err);
        assert!(older.err.contains("another run has taken over"), "{}", older.err);

        assert_eq!(store.number("SELECT SUM(shares) FROM totals"), SHARES, "{}", store.kind());
        assert_eq!(store.number("SELECT SUM(shares) FROM added"), SHARES, "{}", store.kind());
        assert_eq!(store.number("SELECT COUNT(*) FROM totals"), 40);
    }
}

fn copy(from: &std::path::Path, to: &std::path::Path) {
    let status = std::process::Command::new("cp").arg("-r").arg(from).arg(to).status().unwrap();
    assert!(status.success());
}
