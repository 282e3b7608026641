//! Sinks: what they leave behind outside.

use squall_framework::{CommitMode, Factory, Resources, Role};
use squall_test_support::MariaDb;

use crate::{
    documentation::docs,
    harness::{Fixed, factory, run_bolt},
};

fn sqlite_rows(path: &std::path::Path, sql: &str) -> Vec<String> {
    let connection = rusqlite::Connection::open(path).unwrap();
    let mut statement = connection.prepare(sql).unwrap();
    statement.query_map([], |row| row.get(0)).unwrap().collect::<Result<_, _>>().unwrap()
}

#[test]
fn a_table_as_documented() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("results.db");
    let blocks = docs(Role::Bolt, "sql");
    let yaml = blocks[0].1.replace("results.db", path.to_str().unwrap());
    let ran = run_bolt(&yaml, Fixed::from_json(&blocks[1].1), false, Resources::default());
    assert!(ran.dead.is_empty(), "{:?}", ran.dead);
    let sql =
        "SELECT json_object('page', page, 'visits', visits, 'last', last) FROM pages ORDER BY page";
    let rows: Vec<serde_json::Value> =
        sqlite_rows(&path, sql).iter().map(|row| serde_json::from_str(row).unwrap()).collect();
    let expected: Vec<serde_json::Value> =
        blocks[2].1.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(rows, expected);
}

#[test]
fn rows_that_mariadb_rejects_are_dead_letters_with_its_words() {
    let Some(server) = MariaDb::shared() else { return };
    let url = server.create_database().unwrap();
    let database = url.rsplit('/').next().unwrap();
    let lines: Vec<_> = (0..10_000)
        .map(|n| {
            let word = if n == 4_321 { "x".repeat(30) } else { format!("w{}", n % 100) };
            format!(r#"{{"word": "{word}", "n": 1}}"#)
        })
        .collect();
    let yaml = format!(
        "{{ type: sql, store: '{url}', table: t, keys: [word], add: [n], lengths: {{ word: 20 }} }}"
    );
    let ran = run_bolt(&yaml, Fixed::from_json(&lines.join("\n")), false, Resources::default());
    assert_eq!(ran.dead.len(), 1);
    assert!(
        ran.dead[0].contains("it: ERROR 1406 (22001): Data too long for column 'word'"),
        "{:?}",
        ran.dead
    );
    let total = server.query(&format!("SELECT COUNT(*), SUM(n) FROM {database}.t")).unwrap();
    assert_eq!(total, "100\t9999");
}

#[test]
fn a_table_says_which_store_its_rows_can_be_committed_to() {
    let folder = tempfile::tempdir().unwrap();
    let sqlite = format!("sqlite://{}/results.db", folder.path().display());
    let target = |store: &str| {
        let yaml = format!("{{ type: sql, store: '{store}', table: t }}");
        let Ok(Factory::Bolt(make)) = factory(Role::Bolt, &yaml) else { panic!("not a bolt") };
        make().unwrap().commits_to()
    };
    assert_eq!(
        target("mysql://ann:hunter2@db/shop").unwrap().name(),
        "mysql://ann:***@db:3306/shop"
    );
    assert!(target("nowhere").is_none());
    let target = target(&sqlite).unwrap();
    assert_eq!(target.name(), sqlite);
    let claimed = target.open("pages", CommitMode::WithRecord).claim(1).unwrap();
    assert_eq!((claimed.incarnation, claimed.epoch), (1, 0));
    let topologies =
        sqlite_rows(&folder.path().join("results.db"), "SELECT topology FROM squall_commits");
    assert_eq!(topologies, ["pages"]);
}

#[test]
fn a_file_as_documented() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("new/out.csv");
    let blocks = docs(Role::Bolt, "file");
    let yaml = blocks[0].1.replace("out.csv", path.to_str().unwrap());
    run_bolt(&yaml, Fixed::from_json(&blocks[1].1), false, Resources::default());
    assert_eq!(std::fs::read_to_string(&path).unwrap(), format!("{}\n", blocks[2].1));
    // A second run goes on behind the first, without a second header.
    run_bolt(&yaml, Fixed::from_json(&blocks[1].1), false, Resources::default());
    assert_eq!(std::fs::read_to_string(&path).unwrap().lines().count(), 5);
}

#[test]
fn a_file_of_json() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("out.json");
    let input = "{\"at\": \"2015-05-17T10:05:03Z\", \"text\": \"a\\n\\\"b\\\"\", \"f\": 1.5, \"nothing\": null}";
    run_bolt(
        &format!("{{ type: file, path: {} }}", path.display()),
        Fixed::from_json(input),
        false,
        Resources::default(),
    );
    let written: serde_json::Value =
        serde_json::from_str(&std::fs::read_to_string(&path).unwrap()).unwrap();
    assert_eq!(written, serde_json::from_str::<serde_json::Value>(input).unwrap());
}
