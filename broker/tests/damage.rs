//! Loss of power, failing and full disks, flipped bytes, a damaged ledger.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::type_complexity)]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use squall_broker::{Error, Message, QueueAttributes, Store, StoreOptions};
use squall_durable::SimDisk;

fn on(disk: &SimDisk) -> StoreOptions {
    StoreOptions { disk: Arc::new(disk.clone()), segment_bytes: 256 << 10, ..StoreOptions::small() }
}

fn message(number: usize) -> Message {
    Message::new(format!("{number} {}", "x".repeat(number % 700)))
}

fn open_numbers(store: &Store, queue: &str) -> Vec<usize> {
    let peeked = store.queue(queue).unwrap().peek(usize::MAX).unwrap();
    peeked.iter().map(|m| number_of(&m.body)).collect()
}

fn number_of(body: &[u8]) -> usize {
    std::str::from_utf8(body).unwrap().split(' ').next().unwrap().parse().unwrap()
}

#[test]
fn a_loss_of_power_keeps_what_was_confirmed() {
    for seed in 0..30 {
        let folder = tempfile::tempdir().unwrap();
        let disk = SimDisk::new();
        let store = Store::open(folder.path(), on(&disk)).unwrap();
        let queue = store.create_queue("q", &QueueAttributes::default()).unwrap();
        let (mut sent, mut settled) = (BTreeSet::new(), BTreeSet::new());
        for round in 0..20 {
            let numbers: Vec<usize> = (round * 50..round * 50 + 50).collect();
            queue.send(&numbers.iter().map(|&n| message(n)).collect::<Vec<_>>()).unwrap();
            sent.extend(numbers);
            let got = queue.receive(30, None).unwrap();
            queue.delete(&got.iter().map(|m| m.handle).collect::<Vec<_>>()).unwrap();
            settled.extend(got.iter().map(|m| number_of(&m.body)));
            // Asked for and not confirmed: may or may not survive.
            drop(queue.send_batch([message(100_000 + round)].into_iter().collect()).unwrap());
        }
        let after = disk.lose_power(seed, seed as f64 / 29.0);
        drop((queue, store));
        // The ledger is on another disk here and is ahead of the log; the log is what counts.
        let options = StoreOptions { ledger: seed % 2 == 0, ..on(&after) };
        fs::remove_dir_all(folder.path().join("ledger")).unwrap();
        let store = Store::open(folder.path(), options).unwrap();
        let open: BTreeSet<usize> = open_numbers(&store, "q").into_iter().collect();
        let back: Vec<_> = open.intersection(&settled).collect();
        assert!(back.is_empty(), "seed {seed}: settled came back: {back:?}");
        let lost: Vec<_> =
            sent.iter().filter(|n| !open.contains(n) && !settled.contains(n)).collect();
        assert!(lost.is_empty(), "seed {seed}: confirmed and lost: {lost:?}");
    }
}

#[test]
fn a_failed_flush_stops_the_store_and_the_next_opening_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let disk = SimDisk::new();
    let store = Store::open(folder.path(), on(&disk)).unwrap();
    let queue = store.create_queue("q", &QueueAttributes::default()).unwrap();
    queue.send(&[message(1)]).unwrap();
    disk.fail_sync_after(Some(0));
    assert!(matches!(queue.send(&[message(2)]), Err(Error::Stopped(_))));
    disk.fail_sync_after(None);
    // Even if the disk is well again: nobody knows what became of the failed flush.
    assert!(matches!(queue.send(&[message(3)]), Err(Error::Stopped(_))));
    drop((queue, store));
    let after = disk.lose_power(1, 0.0);
    let store = Store::open(folder.path(), on(&after)).unwrap();
    assert_eq!(open_numbers(&store, "q"), [1]);
    store.queue("q").unwrap().send(&[message(4)]).unwrap();
    assert_eq!(open_numbers(&store, "q"), [1, 4]);
}

#[test]
fn a_full_disk_refuses_sends_while_receives_and_deletes_go_on() {
    let folder = tempfile::tempdir().unwrap();
    let disk = SimDisk::new();
    disk.set_capacity(Some(1_500 << 10));
    let options = StoreOptions { min_free: 600 << 10, ..on(&disk) };
    let store = Store::open(folder.path(), options).unwrap();
    let queue = store.create_queue("q", &QueueAttributes::default()).unwrap();
    let mut sent = 0;
    let refused = loop {
        match queue.send(&(0..50).map(|_| Message::new(vec![1; 1_000])).collect::<Vec<_>>()) {
            Ok(ids) => sent += ids.len(),
            Err(error) => break error,
        }
        assert!(sent < 10_000);
    };
    assert!(matches!(refused, Error::DiskFull { .. }) && refused.is_retryable(), "{refused}");
    let mut received = 0;
    while let got @ [_, ..] = queue.receive(100, None).unwrap().as_slice() {
        queue.delete(&got.iter().map(|m| m.handle).collect::<Vec<_>>()).unwrap();
        received += got.len();
    }
    assert_eq!(received, sent);
    store.flush().unwrap();
    // The deletes have made room.
    queue.send(&[message(1)]).unwrap();
}

/// A small store on the real disk, closed: two queues, something settled, something buried.
fn small_store(folder: &Path) {
    let store =
        Store::open(folder, StoreOptions { segment_bytes: 256 << 10, ..StoreOptions::small() })
            .unwrap();
    let queue =
        store.create_queue("q", &QueueAttributes::default().dead_letter("dead", 100)).unwrap();
    for number in 0..12 {
        queue.send(&[Message::new(format!("{number} body"))]).unwrap();
        // A frame of its own each: a block that is being read does not grow.
        let got = queue.receive(1, None).unwrap();
        if number % 4 == 0 {
            queue.delete(&[got[0].handle]).unwrap();
        } else {
            queue
                .group("default")
                .unwrap()
                .change_visibility(got[0].handle, std::time::Duration::ZERO)
                .unwrap();
        }
    }
    store.create_queue("other", &QueueAttributes::default()).unwrap().send(&[message(77)]).unwrap();
    store.close().unwrap();
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &target)
        } else {
            fs::copy(entry.path(), target).map(|_| ()).unwrap()
        }
    }
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut all = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { all.extend(files(&path)) } else { all.push(path) }
    }
    all
}

#[test]
fn any_flipped_byte_leaves_a_store_that_opens_and_serves_the_rest() {
    let original = tempfile::tempdir().unwrap();
    small_store(original.path());
    let step = if std::env::var_os("SQUALL_SOAK").is_some() { 1 } else { 7 };
    let scratch = tempfile::tempdir().unwrap();
    let mut runs = 0;
    for file in files(original.path()) {
        let name = file.strip_prefix(original.path()).unwrap().to_owned();
        let bytes = fs::read(&file).unwrap();
        let used = bytes.iter().rposition(|&b| b != 0).map_or(0, |last| last + 1);
        let in_log = name.starts_with("log");
        for at in (0..used).step_by(if in_log { step } else { step * 17 }) {
            let what = format!("{} byte {at}", name.display());
            // Damage in the log shows in a rebuild or when it is read; both must serve the rest.
            for ledger in [true, false] {
                let folder = scratch.path().join(runs.to_string());
                runs += 1;
                copy(original.path(), &folder);
                let mut flipped = bytes.clone();
                flipped[at] ^= 0x41;
                fs::write(folder.join(&name), flipped).unwrap();
                let options =
                    StoreOptions { ledger, segment_bytes: 256 << 10, ..StoreOptions::small() };
                let store = Store::open(&folder, options).unwrap_or_else(|e| panic!("{what}: {e}"));
                let mut waiting = 0;
                for queue in store.list() {
                    waiting += store.queue(&queue).unwrap().receive(100, None).unwrap().len();
                }
                // One frame may be lost, and a lost record may bring back what it settled.
                assert!(
                    (9..=13).contains(&waiting),
                    "{what}, ledger {ledger}: {waiting} messages, {:?}",
                    store.damage()
                );
                if waiting < 10 {
                    assert!(
                        !store.damage().is_empty(),
                        "{what}: a message is missing and nothing says so"
                    );
                }
                store.close().unwrap();
                fs::remove_dir_all(&folder).unwrap();
            }
        }
    }
    assert!(runs > 100);
}

#[test]
fn a_ledger_that_is_damaged_or_gone_is_rebuilt_from_the_log() {
    let original = tempfile::tempdir().unwrap();
    small_store(original.path());
    let damages: [(&str, fn(&Path)); 3] = [
        ("gone", |ledger| fs::remove_dir_all(ledger).unwrap()),
        ("blank", |ledger| {
            let db = ledger.join("db");
            let len = fs::metadata(&db).unwrap().len() as usize;
            fs::write(db, vec![0; len]).unwrap();
        }),
        ("nonsense", |ledger| {
            for file in files(ledger) {
                let bytes: Vec<u8> = fs::read(&file).unwrap().iter().map(|b| b ^ 0x5a).collect();
                fs::write(file, bytes).unwrap();
            }
        }),
    ];
    for (what, damage) in damages {
        let folder = tempfile::tempdir().unwrap();
        copy(original.path(), folder.path());
        damage(&folder.path().join("ledger"));
        for opening in 0..2 {
            let store = Store::open(
                folder.path(),
                StoreOptions { segment_bytes: 256 << 10, ..StoreOptions::small() },
            )
            .unwrap();
            assert_eq!(store.list(), ["other", "q"], "{what}");
            assert_eq!(open_numbers(&store, "q"), [3, 4, 5, 6, 7, 8, 9, 10, 11], "{what}");
            assert_eq!(store.queue("q").unwrap().attributes().dead_letter.unwrap().queue, "dead");
            assert!(opening == 0 || store.damage().is_empty(), "{what}: {:?}", store.damage());
            store.close().unwrap();
        }
    }
}
