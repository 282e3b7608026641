//! SQLite: another process has the file, or the disk is full.

use std::{
    io::{BufRead, BufReader, Write},
    process::{Command, Stdio},
};

use super::*;

#[test]
fn a_file_that_another_process_writes_is_waited_for_and_then_retried() {
    let place = Place::sqlite().unwrap();
    let options = CommitOptions { timeout: Duration::from_millis(100), patience: Duration::ZERO };
    let url = place.url.parse().unwrap();
    let mut store = SqlCommit::new(url, "pages", CommitMode::WithRecord, options);
    store.claim(1).unwrap();
    let shell = Command::new("sqlite3")
        .arg(place.url.strip_prefix("sqlite://").unwrap())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn();
    let Ok(mut shell) = shell else {
        eprintln!("SKIPPED: no sqlite3 here; install the package sqlite3 to run this test");
        return;
    };
    let mut input = shell.stdin.take().unwrap();
    writeln!(input, "BEGIN IMMEDIATE;\n.print locked").unwrap();
    let mut said = String::new();
    BufReader::new(shell.stdout.take().unwrap()).read_line(&mut said).unwrap();
    assert_eq!(said, "locked\n");

    let rows = commit_of(1, 1, &[("a", 1)]);
    let words = words_of_retry(store.begin(&rows));
    assert!(words.contains("database is locked") && words.contains("sqlite://"), "{words}");
    words_of_retry(store.claim(1));
    words_of_retry(store.look());
    drop(input);
    shell.wait().unwrap();
    commit(&mut store, &rows);
    assert_eq!(place.query("SELECT n FROM t"), "1");
}

/// A file system of a few MB, unmounted when it is dropped.
struct SmallDisk(tempfile::TempDir);

impl SmallDisk {
    fn mount() -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        let mounted = Command::new("mount")
            .args(["-t", "tmpfs", "-o", "size=4m", "squall-test"])
            .arg(folder.path())
            .stderr(Stdio::null())
            .status();
        mounted.is_ok_and(|status| status.success()).then_some(Self(folder))
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg(self.0.path()).status();
    }
}

#[test]
fn a_full_disk_loses_the_transaction_and_nothing_else() {
    let Some(disk) = SmallDisk::mount() else {
        eprintln!("SKIPPED: a small disk can only be mounted by root");
        return;
    };
    let path = disk.0.path();
    let mut store = store_at(&format!("sqlite://{}/results.db", path.display()), "pages");
    store.claim(1).unwrap();
    commit(&mut store, &commit_of(1, 1, &[("a", 1)]));
    std::fs::write(path.join("ballast"), vec![0; 2 << 20]).unwrap();
    let words: Vec<String> = (0..60_000).map(|n| format!("a word that is longer {n}")).collect();
    let rows: Vec<_> = words.iter().map(|word| (word.as_str(), 1)).collect();
    let large = commit_of(1, 2, &rows);
    for _ in 0..3 {
        store.begin(&large).unwrap();
        let full = store.rows(&large).and_then(|_| store.commit());
        assert!(words_of_retry(full).contains("full"));
        assert_eq!(store.look().unwrap().epoch, 1);
    }
    std::fs::remove_file(path.join("ballast")).unwrap();
    commit(&mut store, &commit_of(1, 2, &rows[..1_000]));
    assert_eq!(store.claim(1).unwrap().epoch, 2);
    drop(store);
}
