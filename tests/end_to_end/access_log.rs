//! A real web server's log, through the topology that comes with the project. The expected numbers
//! were counted with awk.

use squall_tests::{Place, Store, project, real_data};

use crate::{rows, run};

#[test]
fn a_real_log_is_counted_by_status_method_path_and_day() {
    let Some(log) = real_data("apache_access_10k.log") else { return };
    let place = Place::new();
    for store in Store::all(&place) {
        let topology = project("topologies/access-log/topology.yaml");
        let summary = run(&place, &topology, "access", &log, &store).code(0).json();
        assert_eq!(summary["acked"], 10_000, "{summary}");

        let statuses = store.rows(
            "SELECT status, SUM(requests) AS n FROM requests_by_status
             GROUP BY status ORDER BY n DESC, status",
        );
        let expected = [
            ["200", "9126"],
            ["304", "445"],
            ["404", "213"],
            ["301", "164"],
            ["206", "45"],
            ["500", "3"],
            ["403", "2"],
            ["416", "2"],
        ];
        assert_eq!(statuses, rows(&expected));

        let methods = store.rows(
            "SELECT method, SUM(requests) AS n FROM requests_by_method GROUP BY method ORDER BY n DESC",
        );
        assert_eq!(
            methods,
            rows(&[["GET", "9952"], ["HEAD", "42"], ["POST", "5"], ["OPTIONS", "1"]])
        );

        let paths = store.rows(
            "SELECT path, SUM(requests) AS n FROM requests_by_path
             GROUP BY path ORDER BY n DESC LIMIT 3",
        );
        let expected = [["/favicon.ico", "807"], ["/style2.css", "546"], ["/reset.css", "538"]];
        assert_eq!(paths, rows(&expected));

        let days = store
            .rows("SELECT day, SUM(requests) FROM requests_by_status GROUP BY day ORDER BY day");
        let expected = [
            ["2015-05-17", "1632"],
            ["2015-05-18", "2893"],
            ["2015-05-19", "2896"],
            ["2015-05-20", "2579"],
        ];
        assert_eq!(days, rows(&expected));

        assert_eq!(store.number("SELECT SUM(bytes) FROM requests_by_status"), 2_747_282_740);
    }
}
