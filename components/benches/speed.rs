//! How fast the parsers, the expressions and the stores are: `cargo bench -p squall-components`.
//!
//! With a part's name behind it (`-- mariadb`) only that part. Each line is the median of five runs. MariaDB is measured where it is installed, on a private
//! server that flushes the disk at every commit.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    missing_docs
)]

use std::{
    sync::{Arc, Barrier},
    time::{Duration, Instant},
};

use squall_components::{
    generate::{AccessLines, Events, Rides, Shares},
    parse::{AccessLog, CsvFields, CsvOptions, Field, JsonFields, RegexFields, Scalar},
    sql::{
        Column, ColumnKind, CommitOptions, Mode, Rows, SqlCommit, SqlStore, StoreOptions, Table,
        Value,
    },
};
use squall_framework::{
    Commit, CommitMode, CommitStore, Factory, Grouping, Lent, Role, Source, TableRows, Topology,
    start,
};
use squall_test_support::MariaDb;

const LINES: usize = 200_000;

fn main() {
    let only = std::env::args().skip(1).find(|argument| !argument.starts_with('-'));
    let parts: [(&str, fn()); 5] = [
        ("parsers", parsers),
        ("topologies", topologies),
        ("sqlite", sqlite),
        ("mariadb", mariadb),
        ("commit", commit),
    ];
    for (name, part) in parts {
        if only.as_deref().is_none_or(|only| only == name) {
            part();
        }
    }
}

/// Prints the median of five runs of `work`, which does `count` things.
fn measure(name: &str, unit: &str, count: usize, mut work: impl FnMut() -> Duration) {
    let mut times: Vec<_> = (0..5).map(|_| work()).collect();
    times.sort();
    println!("{name:<44} {:>12.0} {unit}/s", count as f64 / times[2].as_secs_f64());
}

fn lines(mut events: impl Events) -> Vec<String> {
    let line = |_| {
        let mut text = String::new();
        events.write(&mut text);
        text
    };
    (0..LINES).map(line).collect()
}

fn field(name: &str, kind: &str) -> Field {
    Field::parse(name, kind).unwrap()
}

fn parse(
    name: &str,
    lines: &[String],
    mut parse: impl for<'a> FnMut(&'a str, &mut Vec<Scalar<'a>>),
) {
    measure(name, "lines", lines.len(), || {
        let started = Instant::now();
        let mut row = Vec::new();
        for line in lines {
            parse(line, &mut row);
            std::hint::black_box(&row);
        }
        started.elapsed()
    });
}

fn parsers() {
    let access = lines(AccessLines::new(1, 0));
    measure("parse access_log", "lines", LINES, || {
        let started = Instant::now();
        for line in &access {
            std::hint::black_box(AccessLog::parse(line).unwrap());
        }
        started.elapsed()
    });
    let fields = ["restaurant", "user", "via"].map(|name| field(name, "string")).into_iter();
    let json = JsonFields::new(fields.chain([field("at", "timestamp")]).collect());
    parse("parse json, 4 fields", &lines(Shares::new(1, 0)), |line, row| {
        json.parse(line, row).unwrap()
    });
    let columns = ["id", "call", "stand", "taxi", "at"].map(str::to_owned).to_vec();
    let fields = vec![field("stand", "int?"), field("taxi", "string"), field("at", "timestamp")];
    let csv = CsvFields::new(columns, fields, CsvOptions::default()).unwrap();
    parse("parse csv, 3 of 5 columns", &lines(Rides::new(1, 0)), |line, row| {
        csv.parse(line, row).unwrap()
    });
    let pattern = r#"^(?<ip>\S+) \S+ \S+ \[(?<time>[^\]]+)\] "(?<request>[^"]*)" (?<status>\d+)"#;
    let regex = RegexFields::new(pattern, Vec::new()).unwrap();
    parse("parse regex, 4 groups", &access, |line, row| regex.parse(line, row).unwrap());
}

fn factory(role: Role, yaml: &str) -> Factory {
    let mut options: serde_yaml::Mapping = serde_yaml::from_str(yaml).unwrap();
    let kind = options.remove("type").unwrap();
    let registry = squall_components::registry();
    registry.get(role, kind.as_str().unwrap()).unwrap().configure(&options.into()).unwrap()
}

/// A chain of bolts over a file of access log lines, from its first line to the last ack.
fn chain(name: &str, path: &str, bolts: &[&str]) {
    measure(name, "lines", LINES, || {
        let spout = factory(Role::Spout, &format!("{{ type: lines, path: {path} }}"));
        let mut builder = Topology::builder("bench").component("0", "lines", 1, spout, Vec::new());
        for (index, bolt) in bolts.iter().enumerate() {
            let source = Source {
                from: index.to_string(),
                stream: "default".into(),
                grouping: Grouping::Shuffle,
            };
            let id = (index + 1).to_string();
            builder = builder.component(&id, "bolt", 1, factory(Role::Bolt, bolt), vec![source]);
        }
        let started = Instant::now();
        let running = start(builder.build().unwrap(), Lent::default()).unwrap();
        assert!(running.wait_idle(Duration::from_secs(300)));
        let elapsed = started.elapsed();
        running.stop();
        elapsed
    });
}

fn topologies() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("access.log");
    std::fs::write(&path, lines(AccessLines::new(1, 0)).join("\n")).unwrap();
    let path = path.to_str().unwrap();
    let parse = "{ type: access_log, fields: [time, method, path, status, bytes] }";
    let count = "{ type: count, by: [status] }";
    let table = format!(
        "{{ type: sql, store: 'sqlite://{path}.db', table: t, keys: [status], add: [count] }}"
    );
    chain("topology lines, access_log, count", path, &[parse, count]);
    chain(
        "topology lines, access_log, filter, count",
        path,
        &[parse, "{ type: filter, where: status >= 400 }", count],
    );
    let map = "{ type: map, fields: { day: date(time) }, keep: [status] }";
    chain("topology lines, access_log, map, count", path, &[parse, map, count]);
    chain("topology lines, access_log, count, sqlite", path, &[parse, count, &table]);
}

fn table() -> Table {
    Table {
        name: "t".into(),
        columns: vec![
            Column::new("word", ColumnKind::Text),
            Column::new("day", ColumnKind::Int),
            Column::new("n", ColumnKind::Int).mode(Mode::Add),
        ],
        keys: vec!["word".into(), "day".into()],
        create: true,
    }
}

/// `batches` batches of 1,000 rows with 50,000 different keys, into one table, on each of
/// `connections` connections.
fn write(name: &str, url: &str, connections: usize, batches: usize) {
    let words: Vec<_> = (0..50_000).map(|n| format!("word {n}")).collect();
    measure(name, "rows", connections * batches * 1_000, || {
        let barrier = Arc::new(Barrier::new(connections + 1));
        std::thread::scope(|scope| {
            for connection in 0..connections {
                let (barrier, words) = (barrier.clone(), &words);
                scope.spawn(move || {
                    let runtime =
                        tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
                    runtime.block_on(async {
                        let url = url.parse().unwrap();
                        let mut store =
                            SqlStore::open(&url, table(), StoreOptions::default()).await.unwrap();
                        let mut random = fastrand::Rng::with_seed(connection as u64);
                        barrier.wait();
                        for _ in 0..batches {
                            let mut rows = Rows::new(3);
                            for _ in 0..1_000 {
                                let word = Value::Text(&words[random.usize(..words.len())]);
                                rows.push([word, Value::Int(7), Value::Int(1)]);
                            }
                            assert!(store.write(&rows).await.unwrap().rejected.is_empty());
                        }
                        barrier.wait();
                    });
                });
            }
            barrier.wait();
            let started = Instant::now();
            barrier.wait();
            started.elapsed()
        })
    });
}

fn sqlite() {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite://{}/bench.db", folder.path().display());
    write("sqlite upsert, batches of 1,000", &url, 1, 200);
}

fn mariadb() {
    let Some(server) = MariaDb::start() else { return };
    for connections in [1, 2, 4] {
        let url = server.create_database().unwrap();
        write(
            &format!("mariadb upsert, batches of 1,000, {connections} conn."),
            &url,
            connections,
            100,
        );
    }
}

/// Epochs of `rows` rows with the record of the commit, each row with a key that no other of its
/// epoch has. They come from two tasks of a sink, as an engine has them.
fn commits(name: &str, url: &str, rows: usize) {
    use squall_framework::Value;
    let epochs = 100_000 / rows;
    let mut words: Vec<_> = (0..50_000).map(|n| format!("word {n}")).collect();
    fastrand::Rng::with_seed(1).shuffle(&mut words);
    let mut words = words.iter().cycle();
    let mut part = || TableRows {
        names: None,
        component: "save".into(),
        table: Arc::new(table()),
        columns: 3,
        values: words
            .by_ref()
            .take(rows / 2)
            .flat_map(|word| [Value::Text(word.clone()), Value::Int(7), Value::Int(1)])
            .collect(),
    };
    let parts: Vec<_> = (0..epochs).map(|_| vec![part(), part()]).collect();
    let url = url.parse().unwrap();
    let mut store = SqlCommit::new(url, "bench", CommitMode::WithRecord, CommitOptions::default());
    measure(name, "rows", epochs * rows, || {
        let claimed = store.claim(1).unwrap();
        let parts = parts.clone();
        let started = Instant::now();
        for (epoch, rows) in (claimed.epoch + 1..).zip(parts) {
            let (incarnation, commit_id) = (claimed.incarnation, epoch.to_string());
            let commit = Commit { incarnation, epoch, commit_id, rows, ..Commit::default() };
            store.begin(&commit).unwrap();
            assert!(store.rows(&commit).unwrap().is_empty());
            store.commit().unwrap();
        }
        started.elapsed()
    });
}

fn commit() {
    let folder = tempfile::tempdir().unwrap();
    for rows in [1_000, 10_000, 50_000] {
        let url = format!("sqlite://{}/{rows}.db", folder.path().display());
        commits(&format!("sqlite commits of {rows}"), &url, rows);
    }
    let Some(server) = MariaDb::start() else { return };
    for rows in [1_000, 10_000, 50_000] {
        let url = server.create_database().unwrap();
        commits(&format!("mariadb commits of {rows}"), &url, rows);
    }
}
