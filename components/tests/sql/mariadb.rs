//! MariaDB, when nothing goes wrong but the rows.

use super::*;
use squall_test_support::MariaDb;

#[tokio::test]
async fn every_mode_and_kind() {
    let Some(server) = MariaDb::shared() else {
        return;
    };
    let url = server.create_database().unwrap();
    let database = url.rsplit('/').next().unwrap();
    let mut store = open(&url, all_modes("t")).await;
    write_all_modes(&mut store).await;
    let row = server
        .query(&format!(
            "SELECT k2, text, flag, at, total, least, first, HEX(raw), HEX(k1) FROM {database}.t"
        ))
        .unwrap();
    let key: String = "Käse 🧀 'x' \\ \"y\"".bytes().map(|byte| format!("{byte:02X}")).collect();
    assert_eq!(
        row,
        format!(
            "-9223372036854775808\t; DROP TABLE t; --\t0\t2015-05-17 10:05:03.000001\t2.5\t7\tone\t00FF27\t{key}"
        )
    );
}

#[tokio::test]
async fn keys_that_differ_only_a_little_are_two() {
    let Some(server) = MariaDb::shared() else {
        return;
    };
    let url = server.create_database().unwrap();
    let database = url.rsplit('/').next().unwrap();
    let mut store = open(&url, counts("t")).await;
    let words = ["a", "A", "a ", "ä", "", "a\0"];
    let rows: Vec<_> = words.iter().map(|&word| (word, 1)).collect();
    assert!(store.write(&pairs(&rows)).await.unwrap().rejected.is_empty());
    assert_eq!(
        server.query(&format!("SELECT COUNT(*), SUM(n) FROM {database}.t")).unwrap(),
        "6\t6"
    );
}

#[tokio::test]
async fn rejected_rows_are_named_and_the_rest_goes_on() {
    let Some(server) = MariaDb::shared() else {
        return;
    };
    let url = server.create_database().unwrap();
    let database = url.rsplit('/').next().unwrap();
    let mut store = open(&url, counts("t")).await;
    let words: Vec<String> = (0..3_000).map(|n| format!("w{n}")).collect();
    let long = "x".repeat(192);
    let mut rows = Rows::new(2);
    for (index, word) in words.iter().enumerate() {
        rows.push([Value::Text(if index == 1234 { &long } else { word }), Value::Int(1)]);
    }
    rows.push([Value::Text("w7"), Value::Int(i64::MAX)]);
    rows.push([Value::Text("w8"), Value::Text("many")]);
    let rejected = store.write(&rows).await.unwrap().rejected;
    let numbers: Vec<_> = rejected.iter().map(|(row, _)| *row).collect();
    assert_eq!(numbers, [1234, 3000, 3001]);
    assert!(
        rejected[0].1.contains("ERROR 1406 (22001): Data too long for column 'word'"),
        "{rejected:?}"
    );
    assert!(rejected[1].1.contains("out of range"), "{rejected:?}");
    assert_eq!(
        server.query(&format!("SELECT COUNT(*), SUM(n) FROM {database}.t")).unwrap(),
        "2999\t2999"
    );
}

#[tokio::test]
async fn constraints_and_triggers_speak_for_themselves() {
    let Some(server) = MariaDb::shared() else {
        return;
    };
    let url = server.create_database().unwrap();
    let database = url.rsplit('/').next().unwrap();
    let create = format!(
        "USE {database}; CREATE TABLE t (word VARCHAR(20) PRIMARY KEY, n INT CHECK (n < 100)) ENGINE=InnoDB;
         CREATE TRIGGER guard BEFORE INSERT ON t FOR EACH ROW
         IF NEW.word = 'forbidden' THEN SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'not this word'; END IF"
    );
    server
        .query(
            &create
                .replace("END IF", "END IF;")
                .replace("CREATE TRIGGER", "DELIMITER //\nCREATE TRIGGER"),
        )
        .unwrap();
    let mut store = open(&url, Table { create: false, ..counts("t") }).await;
    let outcome = store
        .write(&pairs(&[
            ("a", 1),
            ("b", 100),
            ("forbidden", 1),
            ("d", 1),
            ("x".repeat(21).leak(), 1),
        ]))
        .await
        .unwrap();
    let reasons: Vec<_> =
        outcome.rejected.iter().map(|(row, reason)| format!("{row} {reason}")).collect();
    assert_eq!(reasons.len(), 3, "{reasons:?}");
    assert!(reasons[0].starts_with("1 ERROR 4025 (23000): CONSTRAINT"), "{reasons:?}");
    assert!(reasons[1].starts_with("2 ERROR 1644 (45000): not this word"), "{reasons:?}");
    assert!(reasons[2].starts_with("4 ERROR 1406"), "{reasons:?}");
    assert_eq!(
        server.query(&format!("SELECT GROUP_CONCAT(word) FROM {database}.t")).unwrap(),
        "a,d"
    );
}

#[tokio::test]
async fn wrong_tables_are_found_when_opened() {
    let Some(server) = MariaDb::shared() else {
        return;
    };
    let url = server.create_database().unwrap();
    let database = url.rsplit('/').next().unwrap();
    let create = format!(
        "USE {database}; CREATE TABLE m (word VARCHAR(20) PRIMARY KEY, n INT) ENGINE=MyISAM;
         CREATE TABLE k (word VARCHAR(20), n INT, INDEX (word)) ENGINE=InnoDB;
         CREATE TABLE c (word VARCHAR(20) PRIMARY KEY, N INT) ENGINE=InnoDB;"
    );
    server.query(&create).unwrap();
    let problem = async |name: &str| {
        let mut table = Table { create: false, ..counts(name) };
        if name == "c" {
            table.columns.push(Column::new("more", ColumnKind::Int));
        }
        try_open(&url, table).await.unwrap_err()
    };
    assert!(problem("nope").await.contains("`create: true` creates it"));
    assert!(problem("m").await.contains("its engine is MyISAM"));
    assert!(problem("k").await.contains("no unique index on (word)"));
    assert!(problem("c").await.contains("no column `more`; its columns are word, N"));
    let error = try_open(&url.replace(database, "nowhere"), counts("t")).await.unwrap_err();
    assert!(error.contains("Unknown database 'nowhere'"), "{error}");
}

#[tokio::test]
async fn a_row_larger_than_the_server_takes_is_rejected() {
    let Some(server) = MariaDb::shared() else {
        return;
    };
    let url = server.create_database().unwrap();
    let mut table = counts("t");
    table.columns[1] = Column::new("n", ColumnKind::Text);
    let mut store = open(&url, table).await;
    let large = "y".repeat(17 << 20);
    let mut rows = Rows::new(2);
    rows.push([Value::Text("a"), Value::Text("small")]);
    rows.push([Value::Text("b"), Value::Text(&large)]);
    rows.push([Value::Text("c"), Value::Text(&large[..3 << 20])]);
    let rejected = store.write(&rows).await.unwrap().rejected;
    assert_eq!(rejected.len(), 1);
    assert_eq!(rejected[0].0, 1);
    assert!(rejected[0].1.contains("max_allowed_packet"), "{}", rejected[0].1);
}
