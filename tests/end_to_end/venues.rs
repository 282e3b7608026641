//! Real check-ins: popular is what many people visit, not what one visits often.

use squall_tests::{Place, Store, project, real_data};

use crate::{rows, run};

#[test]
fn people_are_counted_once_however_often_they_come() {
    let Some(file) = real_data("checkins_nyc.csv") else { return };
    let place = Place::new();
    for store in Store::all(&place) {
        let topology = project("tests/topologies/venues.yaml");
        let summary = run(&place, &topology, "checkins", &file, &store).code(0).json();
        assert_eq!(summary["acked"], 95_373, "{summary}");

        let by_people = store.rows(
            "SELECT venue, COUNT(*) AS people FROM people GROUP BY venue
             ORDER BY people DESC, venue LIMIT 5",
        );
        let expected =
            [["68", "23"], ["2407", "21"], ["2859", "21"], ["2368", "20"], ["619", "19"]];
        assert_eq!(by_people, rows(&expected));

        // The three with the most check-ins have them from one person each.
        let by_checkins = store.rows(
            "SELECT checkins.venue, checkins, COUNT(person) FROM checkins
             JOIN people ON people.venue = checkins.venue
             GROUP BY checkins.venue, checkins ORDER BY checkins DESC LIMIT 3",
        );
        let expected = [["2171", "155", "1"], ["3652", "152", "1"], ["2593", "132", "1"]];
        assert_eq!(by_checkins, rows(&expected));

        assert_eq!(store.number("SELECT SUM(checkins) FROM checkins"), 11_832);
        assert_eq!(store.number("SELECT COUNT(*) FROM checkins"), 696);
    }
}
