//! `lookup`: from files and databases, and tables that change meanwhile.

use std::{
    fs::OpenOptions,
    io::Write,
    os::unix::fs::OpenOptionsExt,
    path::Path,
    time::{Duration, Instant},
};

use squall_framework::{Kind, Value, testing::BoltHarness};
use squall_test_support::MariaDb;

use crate::harness::{bolt, factory, schema, text};

fn write(path: &Path, content: &str) {
    // As whoever replaces a file that others read should do it.
    let new = path.with_extension("new");
    std::fs::write(&new, content).unwrap();
    std::fs::rename(new, path).unwrap();
}

fn lookup(options: &str) -> BoltHarness {
    try_lookup(options).unwrap_or_else(|error| panic!("{error}"))
}

fn try_lookup(options: &str) -> Result<BoltHarness, String> {
    let input = schema(&[("id", Kind::Any), ("n", Kind::Int)]);
    let factory = factory(&format!("{{ type: lookup, {options} }}"));
    BoltHarness::of(factory, &[("input", input, &[])]).map_err(|error| error.to_string())
}

/// What is added to a tuple with this id; nothing if it ends here.
fn find(bolt: &mut BoltHarness, id: impl Into<Value>) -> Option<Vec<Value>> {
    bolt.execute(0, &[id.into(), Value::Int(0)]).unwrap();
    let mut rows = bolt.commit().unwrap();
    assert!(rows.len() < 2);
    rows.pop().map(|row| row[2..].to_vec())
}

const NONE: Value = Value::Null;
/// `O_NONBLOCK`, by which the opening of a pipe that nobody reads fails.
const NO_WAIT: i32 = 0o4000;

#[test]
fn tuples_without_a_row() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.csv");
    write(&path, "id,city\n1,Porto\n");
    let from = format!("from: {}, on: {{ id: id }}", path.display());
    let id = |id| Value::Int(id);
    let mut bolt = lookup(&format!("{from}, take: [city]"));
    assert_eq!(find(&mut bolt, id(1)), Some(vec![text("Porto")]));
    assert_eq!(find(&mut bolt, id(2)), Some(vec![NONE]));
    assert_eq!(find(&mut bolt, NONE), Some(vec![NONE]));
    // To keep those that are in a table nothing need be taken.
    let mut bolt = lookup(&format!("{from}, missing: drop"));
    assert_eq!(find(&mut bolt, id(1)), Some(vec![]));
    assert_eq!(find(&mut bolt, id(2)), None);
    let mut bolt = lookup(&format!("{from}, take: {{ town: city }}, missing: fail"));
    let error = bolt.execute(0, &[id(2), id(0)]).unwrap_err().to_string();
    assert!(error.ends_with("a.csv has no row for id = 2"), "{error}");
    let mut bolt = lookup(&format!("{from}, take: [city], missing: stream"));
    for n in [1, 2] {
        bolt.execute(0, &[id(n), id(0)]).unwrap();
    }
    let rows = bolt.end_epoch(false).unwrap();
    assert_eq!(rows[0], ("default".into(), vec![id(1), id(0), text("Porto")]));
    assert_eq!(rows[1], ("missing".into(), vec![id(2), id(0)]));
}

#[test]
fn files_of_all_sorts() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.csv");
    let from = format!("from: {}, on: {{ id: id }}", path.display());
    write(
        &path,
        "\u{feff}stars;id;\"na;me\"\r\n4.5;a;\"two\nlines; \"\"x\"\"\"\r\n\r\n;b;\r\n1;a;second\r\n",
    );
    let mut bolt = lookup(&format!(
        "{from}, delimiter: ';', take: {{ stars: stars, name: 'na;me' }}, types: {{ stars: float? }}"
    ));
    assert_eq!(
        find(&mut bolt, text("a")),
        Some(vec![Value::Float(4.5), text("two\nlines; \"x\"")])
    );
    assert_eq!(find(&mut bolt, text("b")), Some(vec![NONE, text("")]));
    // A key with a type is found by what it is worth.
    write(&path, "id,city\n007,Porto\n");
    assert_eq!(
        find(&mut lookup(&format!("{from}, take: [city]")), Value::Int(7)),
        Some(vec![NONE])
    );
    let mut bolt = lookup(&format!("{from}, take: [city], types: {{ id: int }}"));
    assert_eq!(find(&mut bolt, Value::Float(7.0)), Some(vec![text("Porto")]));
    for (content, options, expected) in [
        ("id,city\n", "take: [town]", "no column `town`; the columns are id, city"),
        (
            "id,city\n1,x\n\"2,\n\",y\n3,z\n",
            "take: [city], types: { id: int }",
            "line 3: field `id`: \"2,\\n\" is not an int",
        ),
        ("id,city\n1\n", "take: [city]", "line 2: not a CSV record: 1 columns instead of 2"),
        (
            "id,city\n1,\"x\n",
            "take: [city]",
            "line 2: not a CSV record: a quote that is never closed",
        ),
        (
            "id,city\n1,x\n2,y\n",
            "take: [city], memory: 120",
            "the table takes more than 120B in memory, with 1 rows so far; raise `memory`",
        ),
    ] {
        write(&path, content);
        let error = try_lookup(&format!("{from}, {options}")).err().unwrap();
        assert!(error.contains("a.csv") && error.contains(expected), "{error}");
    }
    std::fs::remove_file(&path).unwrap();
    let error = try_lookup(&format!("{from}, take: [city]")).err().unwrap();
    assert!(
        error.contains("the table cannot be read") && error.contains("No such file"),
        "{error}"
    );
}

fn wait_for(what: &str, mut done: impl FnMut() -> bool) {
    let start = Instant::now();
    while !done() {
        assert!(start.elapsed() < Duration::from_secs(20), "{what}");
        std::thread::sleep(Duration::from_millis(2));
    }
}

#[test]
fn a_table_that_changes_is_read_again() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.csv");
    write(&path, "id,city\n1,Porto\n");
    let yaml = format!(
        "{{ type: lookup, from: {}, on: {{ id: id }}, take: [city], refresh: 10ms }}",
        path.display()
    );
    let factory = factory(&yaml);
    let input = || schema(&[("id", Kind::Any), ("n", Kind::Int)]);
    // Two tasks of one component share the table.
    let open = || BoltHarness::of(factory.clone(), &[("input", input(), &[])]).unwrap();
    let (mut one, mut two) = (open(), open());
    let one_is = |bolt: &mut BoltHarness| find(bolt, Value::Int(1));
    assert_eq!(one_is(&mut one), Some(vec![text("Porto")]));
    write(&path, "id,city\n1,Braga\n2,Faro\n");
    for bolt in [&mut one, &mut two] {
        wait_for("the new table", || one_is(bolt) == Some(vec![text("Braga")]));
        assert_eq!(find(bolt, Value::Int(2)), Some(vec![text("Faro")]));
    }
    // In place of the file comes a pipe, and when the bolt has opened it another one: so each table
    // is opened only when the bolt is done with the one before.
    let put_pipe = || {
        let pipe = folder.path().join("pipe");
        assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
        std::fs::rename(&pipe, &path).unwrap();
    };
    put_pipe();
    for table in ["id,town\n1,x\n", "id,city\n1\n", "id,city\n1,Faro\n"] {
        let mut pipe = OpenOptions::new().write(true).open(&path).unwrap();
        assert_eq!(one_is(&mut one), Some(vec![text("Braga")]), "a bad table leaves the old one");
        put_pipe();
        pipe.write_all(table.as_bytes()).unwrap();
    }
    wait_for("the good table", || one_is(&mut one) == Some(vec![text("Faro")]));
    // With the last task the reading ends.
    let threads = || {
        let tasks = std::fs::read_dir("/proc/self/task").unwrap();
        let name = |task: std::io::Result<std::fs::DirEntry>| {
            std::fs::read_to_string(task.ok()?.path().join("comm")).ok()
        };
        tasks.filter_map(name).filter(|name| name.trim() == "squall-lookup").count()
    };
    assert_eq!(threads(), 1);
    drop((one, two));
    wait_for("the end of the thread", || {
        // It may wait for somebody to write into the pipe.
        let _ = OpenOptions::new().write(true).custom_flags(NO_WAIT).open(&path);
        threads() == 0
    });
}

#[test]
fn tables_and_queries_of_sqlite() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.db");
    let store = format!("store: 'sqlite://{}', on: {{ id: ID }}", path.display());
    let error = try_lookup(&format!("{store}, table: t, take: [x]")).err().unwrap();
    assert!(error.contains("unable to open database file"), "{error}");
    assert!(!path.exists(), "a file that is not there is not made");
    let db = rusqlite::Connection::open(&path).unwrap();
    db.execute_batch(
        "CREATE TABLE t (id INTEGER, city TEXT, stars REAL, raw BLOB, since TEXT);
         INSERT INTO t VALUES (1, 'Porto', 4.5, x'ff', '2026-01-01 00:00:01'), (2, NULL, NULL, NULL, NULL);",
    )
    .unwrap();
    let mut bolt = lookup(&format!(
        "{store}, table: t, take: [city, stars, raw, since], types: {{ since: timestamp? }}"
    ));
    let since = Value::Timestamp(1_767_225_601_000_000);
    let porto = vec![text("Porto"), Value::Float(4.5), Value::Bytes(vec![255]), since];
    assert_eq!(find(&mut bolt, text("1")), Some(porto));
    assert_eq!(find(&mut bolt, Value::Int(2)), Some(vec![NONE; 4]));
    let mut bolt = lookup(&format!(
        "{store}, query: 'SELECT id, count(*) AS n2 FROM t GROUP BY id', take: [n2]"
    ));
    assert_eq!(find(&mut bolt, Value::Int(1)), Some(vec![Value::Int(1)]));
    for (options, expected) in [
        ("table: t, take: [town]", "no such column"),
        ("table: u, take: [town]", "no such table: u"),
        ("query: 'SELECT id FROM t', take: [town]", "no column `town`; the columns are id"),
        ("table: t, take: [city], types: { city: int? }", "field `city`: \"Porto\" is not an int"),
    ] {
        let error = try_lookup(&format!("{store}, {options}")).err().unwrap();
        assert!(error.contains("a.db") && error.contains(expected), "{error}");
    }
}

#[test]
fn tables_of_mariadb() {
    let Some(server) = MariaDb::shared() else { return };
    let url = server.create_database().unwrap();
    let database = url.rsplit('/').next().unwrap();
    for sql in [
        "CREATE TABLE {}.t (id BIGINT UNSIGNED, city VARCHAR(20) CHARACTER SET utf8mb4, stars DOUBLE, price DECIMAL(6,2),
         raw BLOB, since DATETIME(6), open TIME, few TINYINT, tree JSON, day DATE)",
        "INSERT INTO {}.t VALUES (7, 'Évora 🧀', 4.5, 12.50, x'ff00', '2026-01-01 00:00:00.000001', '08:30:00', -3, '[1]', '1970-01-02')",
        "INSERT INTO {}.t (id) VALUES (18446744073709551615)",
    ] {
        server.query(&sql.replace("{}", database)).unwrap();
    }
    let store = format!(
        "store: '{url}', on: {{ id: id }}, take: [city, stars, price, raw, since, open, few, tree, day]"
    );
    let expected = vec![
        text("Évora 🧀"),
        Value::Float(4.5),
        Value::Float(12.5),
        Value::Bytes(vec![255, 0]),
        Value::Timestamp(1_767_225_600_000_001),
        text("08:30:00"),
        Value::Int(-3),
        text("[1]"),
        Value::Timestamp(86_400_000_000),
    ];
    for what in ["table: t", "query: 'SELECT * FROM t WHERE id > 0'"] {
        let mut bolt = lookup(&format!("{store}, {what}"));
        assert_eq!(find(&mut bolt, Value::Int(7)), Some(expected.clone()), "{what}");
        assert_eq!(find(&mut bolt, text("18446744073709551615")), Some(vec![NONE; 9]));
    }
    let error = try_lookup(&format!("{store}, table: nowhere")).err().unwrap();
    assert!(error.contains("ERROR 1146") && error.contains("nowhere"), "{error}");
}

#[test]
fn a_bolt_that_is_made_again_finds_its_table() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.csv");
    write(&path, "id,city\n1,Porto\n");
    let input = schema(&[("id", Kind::Any), ("n", Kind::Int)]);
    let yaml =
        format!("{{ type: lookup, from: {}, on: {{ id: id }}, take: [city] }}", path.display());
    let mut bolt = bolt(&yaml, &[("input", input, &[])]);
    bolt.restart().unwrap();
    assert_eq!(find(&mut bolt, Value::Int(1)), Some(vec![text("Porto")]));
}
