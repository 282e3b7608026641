//! Stores that were written by each version of the format are read by this one.
//!
//! `SQUALL_WRITE_FIXTURE=1 cargo test -p squall-broker --test format` writes the fixture anew; do
//! that only for a new format, under a new name, and keep the old ones.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use squall_broker::{Clock, Message, QueueAttributes, Store, StoreOptions};

const T0: u64 = 1_700_000_000_000;

fn options(ledger: bool) -> StoreOptions {
    StoreOptions {
        clock: Clock::manual(T0),
        segment_bytes: 256 << 10,
        ledger,
        ..StoreOptions::small()
    }
}

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(name)
}

#[test]
fn a_store_of_version_1_is_read() {
    for ledger in [true, false] {
        let folder = tempfile::tempdir().unwrap();
        copy(&fixture("store-v1"), folder.path());
        let store = Store::open(folder.path(), options(ledger)).unwrap();
        assert_eq!(store.list(), ["dead", "late", "shares"]);
        assert_eq!(store.queue("shares").unwrap().last_number("topology:hot"), None);
        check(store, folder.path(), ledger);
    }
}

#[test]
fn a_store_of_version_2_is_read() {
    if std::env::var_os("SQUALL_WRITE_FIXTURE").is_some() {
        write(&fixture("store-v2"));
    }
    for ledger in [true, false] {
        let folder = tempfile::tempdir().unwrap();
        copy(&fixture("store-v2"), folder.path());
        let store = Store::open(folder.path(), options(ledger)).unwrap();
        assert_eq!(store.list(), ["dead", "late", "once", "shares"]);
        let once = store.queue("once").unwrap();
        let batch = || ["first", "second"].into_iter().collect();
        let sent = once.send_once(batch(), "topology:hot", 7).unwrap();
        assert_eq!(sent.wait().unwrap().count, 0);
        let again = once.group("again").unwrap().peek(10).unwrap();
        assert_eq!(
            again.iter().map(|m| &m.body[..]).collect::<Vec<_>>(),
            [&b"first"[..], b"second"]
        );
        assert!(once.peek(10).unwrap().is_empty());
        drop(once);
        check(store, folder.path(), ledger);
    }
}

/// What stores of all versions have in common.
fn check(store: Store, folder: &Path, ledger: bool) {
    assert_eq!(store.damage(), Vec::<String>::new());
    let shares = store.queue("shares").unwrap();
    let attributes = shares.attributes();
    assert_eq!(attributes.visibility_timeout, Duration::from_secs(7));
    assert_eq!(attributes.dead_letter.unwrap().max_receive_count, 4);
    let stats = shares.stats().unwrap();
    // Four in the group of the topology, in which only the buried one is settled.
    assert_eq!((stats.active, stats.inactive, stats.generation), (4, 1, 0));
    let waiting = shares.peek(10).unwrap();
    let bodies: Vec<&[u8]> = waiting.iter().map(|message| &message.body[..]).collect();
    assert_eq!(bodies, [b"leased", b"third.", b"fourth"]);
    assert_eq!(waiting[1].headers, [("city".to_owned(), "Bern".to_owned())]);
    let dead = &store.queue("dead").unwrap().peek(10).unwrap()[0];
    assert_eq!(dead.dead_letter.as_ref().unwrap().reason, "not json");
    assert_eq!(store.queue("late").unwrap().stats().unwrap().delayed, 1);
    // And it is written on.
    shares.send(&[Message::new("fifth")]).unwrap();
    store.close().unwrap();
    drop(shares);
    drop(store);
    let store = Store::open(folder, options(ledger)).unwrap();
    assert_eq!(store.queue("shares").unwrap().peek(10).unwrap().len(), 4);
}

fn write(to: &Path) {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path(), options(true)).unwrap();
    let attributes = QueueAttributes {
        visibility_timeout: Duration::from_secs(7),
        ..QueueAttributes::default().dead_letter("dead", 4)
    };
    let shares = store.create_queue("shares", &attributes).unwrap();
    let third = Message::new("third.").header("city", "Bern");
    let messages = ["deleted", "leased", "buried"].map(Message::new);
    shares.send(&messages).unwrap();
    shares.send(&[third, Message::new("fourth")]).unwrap();
    let got = shares.receive(2, None).unwrap();
    shares.delete(&[got[0].handle]).unwrap();
    let claim = shares.claim("topology", "hot", 3).unwrap();
    let frames = claim.read(3, usize::MAX).unwrap();
    let offsets: Vec<u64> =
        frames.iter().flat_map(|frame| frame.offsets().collect::<Vec<_>>()).collect();
    assert_eq!(offsets.len(), 3);
    claim.dead_letter(offsets[2], "not json", "parse").unwrap().wait().unwrap();
    drop(claim);
    // What the claim buried is still to be dealt with by the competing consumers.
    let buried = shares.receive(1, None).unwrap();
    shares.delete(&[buried[0].handle]).unwrap();
    let late = store.create_queue("late", &QueueAttributes::default()).unwrap();
    late.send(&[Message::new("later").delayed(Duration::from_secs(60))]).unwrap();
    let kept = QueueAttributes { rewind: Duration::from_secs(60), ..QueueAttributes::default() };
    let once = store.create_queue("once", &kept).unwrap();
    let messages = ["first", "second"].map(Message::new);
    once.send_once(messages.into_iter().collect(), "topology:hot", 7).unwrap().wait().unwrap();
    let got = once.receive(2, None).unwrap();
    once.delete(&[got[0].handle, got[1].handle]).unwrap();
    once.group_from("again", T0).unwrap();
    store.close().unwrap();
    drop((once, shares, late, store));
    fs::remove_file(folder.path().join("lock")).unwrap();
    copy(folder.path(), to);
    // The rest of a segment is blank; a checkout need not carry it.
    for entry in fs::read_dir(to.join("log")).unwrap() {
        let path = entry.unwrap().path();
        let mut bytes = fs::read(&path).unwrap();
        bytes.truncate(bytes.iter().rposition(|&byte| byte != 0).map_or(0, |last| last + 1));
        fs::write(&path, bytes).unwrap();
    }
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}
