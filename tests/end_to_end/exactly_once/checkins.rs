//! Real check-ins, against counts that others made.

use std::time::Duration;

use squall_tests::{Place, Store, project, real_data};

use super::run_and_kill;
use crate::rows;

fn run_words(place: &Place, topology: &str, store: &Store) -> Vec<String> {
    vec![
        "run".to_owned(),
        project(topology).display().to_string(),
        format!("--data={}", place.path(&format!("data-{}", store.kind())).display()),
        format!("--set=STORE={}", store.url()),
    ]
}

fn send(place: &Place, store: &Store, queue: &str, file: &std::path::Path) {
    let data = place.path(&format!("data-{}", store.kind()));
    let words = ["send", queue, "--create"].map(str::to_owned);
    let more = [format!("--file={}", file.display()), format!("--data={}", data.display())];
    let words: Vec<String> = words.into_iter().chain(more).collect();
    let _ = place.squall(&words).code(0);
}

#[test]
fn popular_venues_busy_hours_and_pairs() {
    let Some(file) = real_data("checkins_nyc.csv") else { return };
    let place = Place::new();
    for store in Store::all(&place) {
        send(&place, &store, "checkins", &file);
        let words = run_words(&place, "tests/topologies/checkins.yaml", &store);
        for _ in 0..3 {
            run_and_kill(&place, &words, Duration::from_millis(fastrand::u64(300..900)));
        }
        let mut last = words.clone();
        last.push("--until-idle".to_owned());
        let _ = place.squall(&last).code(0);

        let popular = store.rows("SELECT venue, people FROM popular ORDER BY `rank`");
        let expected =
            [["68", "23"], ["2407", "21"], ["2859", "21"], ["2368", "20"], ["619", "19"]];
        assert_eq!(popular, rows(&expected));

        let frequent = store.rows("SELECT venue, checkins, people FROM frequent ORDER BY `rank`");
        let expected = [["2171", "155", "1"], ["3652", "152", "1"], ["2593", "132", "1"]];
        assert_eq!(frequent, rows(&expected));

        assert_eq!(store.number("SELECT SUM(checkins) FROM venues"), 11_832);
        assert_eq!(store.number("SELECT COUNT(*) FROM venues"), 696);

        let busiest =
            store.rows("SELECT checkins FROM hours WHERE window_start = '2012-07-05 08:00:00'");
        assert_eq!(busiest, rows(&[["20"]]));
        assert_eq!(store.number("SELECT MAX(checkins) FROM hours"), 20);
        assert_eq!(store.number("SELECT SUM(checkins) FROM hours"), 11_832);

        let pair = store.rows("SELECT one, other, people FROM best_pair");
        assert_eq!(pair, rows(&[["2617", "3628", "5"]]));
    }
}

#[test]
fn venues_that_friends_share() {
    let (Some(edges), Some(checkins)) =
        (real_data("friends_nyc.csv"), real_data("friends_nyc_checkins.csv"))
    else {
        return;
    };
    let place = Place::new();
    let store = Store::sqlite(&place);
    send(&place, &store, "edges", &edges);
    send(&place, &store, "checkins", &checkins);
    let words = run_words(&place, "tests/topologies/friends.yaml", &store);
    for _ in 0..2 {
        run_and_kill(&place, &words, Duration::from_millis(fastrand::u64(500..2_500)));
    }
    let mut last = words;
    last.push("--until-idle".to_owned());
    let _ = place.squall(&last).code(0);
    let shared = store.rows("SELECT venue, pairs FROM shared_venues ORDER BY pairs DESC LIMIT 3");
    assert_eq!(shared, rows(&[["513", "1105"], ["1643", "829"], ["445", "313"]]));
}
