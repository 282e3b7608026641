//! What MySQL 8 does in its own way: accounts, and how an upsert names the new row.

use super::*;
use squall_test_support::MySql8;

#[tokio::test]
async fn every_mode_and_kind() {
    let Some(server) = MySql8::shared() else {
        return;
    };
    let url = server.create_database().unwrap();
    let database = url.rsplit('/').next().unwrap();
    let mut store = open(&url, all_modes("t")).await;
    write_all_modes(&mut store).await;
    let columns = "k2, text, flag, at, total, least, first, HEX(raw)";
    assert_eq!(
        server.query(&format!("SELECT {columns} FROM {database}.t")).unwrap(),
        "-9223372036854775808\t; DROP TABLE t; --\t0\t2015-05-17 10:05:03.000001\t2.5\t7\tone\t00FF27"
    );
    let mut store = open(&url, counts("exact")).await;
    let words = ["a", "A", "a ", "ä", "", "a\0"];
    let rows: Vec<_> = words.iter().map(|&word| (word, 1)).collect();
    for _ in 0..2 {
        assert!(store.write(&pairs(&rows)).await.unwrap().rejected.is_empty());
    }
    let sums = format!("SELECT COUNT(*), SUM(n) FROM {database}.exact");
    assert_eq!(server.query(&sums).unwrap(), "6\t12");
}

/// `caching_sha2_password` asks for the whole password when the server has not seen the account
/// since it started. Without TLS the driver encrypts it with the server's public key.
#[tokio::test]
async fn accounts_of_its_own_kind_log_in_without_tls() {
    let Some(server) = MySql8::shared() else {
        return;
    };
    let url = server.create_database().unwrap();
    let database = url.rsplit('/').next().unwrap();
    let password = "hunter2 hunter2 and more than twenty bytes";
    server
        .query(&format!(
            "CREATE USER ann IDENTIFIED WITH caching_sha2_password BY '{password}';
             GRANT ALL ON {database}.* TO ann"
        ))
        .unwrap();
    let url = url.replace("root@", &format!("ann:{}@", password.replace(' ', "%20")));
    // The server forgets whom it has seen, and remembers.
    for flush in ["FLUSH PRIVILEGES", "DO 0", "FLUSH PRIVILEGES"] {
        server.query(flush).unwrap();
        let mut store = open(&url, counts("t")).await;
        assert!(store.write(&pairs(&[("a", 1)])).await.unwrap().rejected.is_empty());
    }
    assert_eq!(server.query(&format!("SELECT n FROM {database}.t")).unwrap(), "3");
    server.query("FLUSH PRIVILEGES").unwrap();
    for wrong in ["wrong", ""] {
        let url = url.replace(&password.replace(' ', "%20"), wrong);
        let error = try_open(&url, counts("t")).await.unwrap_err();
        assert!(error.contains("Access denied"), "{error}");
    }
}
