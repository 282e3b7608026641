//! Messages that kill the process: each becomes a dead letter, and all others count once.

use squall_tests::{Place, Store, project};

const SHARES: u64 = 2_000;
/// The second is found while the limit that found the first still grows.
const POISON: [u64; 2] = [700, 711];
/// Halving a hundred messages takes some ten starts, each message alone a few more.
const STARTS: usize = 100;

fn share(n: u64) -> String {
    match POISON.contains(&n) {
        true => format!("{{\"restaurant\":\"poison{n}\"}}\n"),
        false => format!("{{\"restaurant\":\"r{}\"}}\n", n % 40),
    }
}

#[test]
fn a_message_that_kills_the_process_becomes_a_dead_letter() {
    let place = Place::new();
    let topology = project("tests/topologies/fragile.yaml").display().to_string();
    for store in Store::all(&place) {
        let data = format!("--data=data-{}", store.kind());
        place.write("shares.jsonl", (0..SHARES).map(share).collect::<String>());
        let sent = ["send", "shares", "--create", "--file=shares.jsonl", &data];
        let _ = place.squall(&sent).code(0);
        let set = format!("--set=STORE={}", store.url());
        let run = ["run", &topology, &data, &set, "--until-idle"];

        // Somebody starts it again whenever it is gone, and needs to do no more than that.
        let mut kills = 0;
        loop {
            let mut command = place.command_of(env!("CARGO_BIN_EXE_squall-fragile"), &run);
            let output = command.output().unwrap();
            match output.status.code() {
                Some(code) => {
                    assert_eq!(code, 3, "{}", String::from_utf8_lossy(&output.stderr));
                    break;
                }
                None => kills += 1,
            }
            assert!(kills < STARTS, "started {kills} times, and it is killed still");
        }
        assert!(kills > 2 * POISON.len(), "{kills}");

        let rows = store.rows("SELECT restaurant, shares FROM totals");
        assert_eq!(rows.len(), 40, "{rows:?}");
        let shares = store.number("SELECT SUM(shares) FROM totals");
        assert_eq!(shares, SHARES - POISON.len() as u64, "after {kills} kills");
        let dead = place.squall(&["queue", "peek", "shares.dead", &data]).code(0).out;
        for n in POISON {
            assert!(dead.contains(&format!("poison{n}")), "{dead}");
        }
        assert_eq!(dead.matches("killed the worker").count(), POISON.len(), "{dead}");
    }
}
