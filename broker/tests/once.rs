//! Batches that are sent once, and dead letters that are buried once: through loss of power in the
//! middle of a batch, restarts, lost ledgers, full disks and segments that are given back.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use squall_broker::{Batch, Error, Message, Queue, QueueAttributes, Store, StoreOptions};
use squall_durable::SimDisk;

const PRODUCER: &str = "topology:hot";

fn on(disk: &SimDisk) -> StoreOptions {
    StoreOptions { disk: Arc::new(disk.clone()), segment_bytes: 512 << 10, ..StoreOptions::small() }
}

fn queue(store: &Store) -> Queue {
    store.create_queue("q", &QueueAttributes::default()).unwrap()
}

/// The messages of a batch are always the same: so many that they fill frames.
fn batch(number: u64, count: usize) -> Batch {
    let body = |i| format!("{number} {i} {}", "x".repeat((i * 7 + number as usize) % 900));
    let mut random = fastrand::Rng::with_seed(number);
    let late = Duration::from_millis(1);
    (0..count)
        .map(|i| {
            let message = Message::new(body(i));
            if random.u8(..) == 0 { message.delayed(late) } else { message }
        })
        .collect()
}

/// How often each message of each batch is in the queue, when delays have ended.
fn contents(queue: &Queue) -> BTreeMap<(u64, usize), usize> {
    let until = Instant::now() + Duration::from_secs(10);
    while queue.stats().unwrap().delayed > 0 && Instant::now() < until {
        thread::yield_now();
    }
    peek(queue)
}

fn peek(queue: &Queue) -> BTreeMap<(u64, usize), usize> {
    let mut found = BTreeMap::new();
    for message in queue.peek(usize::MAX).unwrap() {
        let text = String::from_utf8(message.body.to_vec()).unwrap();
        let mut words = text.split(' ');
        let number = words.next().unwrap().parse().unwrap();
        *found.entry((number, words.next().unwrap().parse().unwrap())).or_insert(0) += 1;
    }
    found
}

/// All messages of batches of these sizes are there, each once.
fn check(queue: &Queue, sizes: &[(u64, usize)], what: &str) {
    let found = contents(queue);
    let all: Vec<_> = sizes.iter().flat_map(|&(n, size)| (0..size).map(move |i| (n, i))).collect();
    let lost: Vec<_> = all.iter().filter(|key| !found.contains_key(key)).collect();
    let twice: Vec<_> = found.iter().filter(|(_, times)| **times > 1).collect();
    assert!(lost.is_empty() && twice.is_empty(), "{what}: lost {lost:?}, twice {twice:?}");
    assert_eq!(found.len(), all.len(), "{what}");
}

#[test]
fn a_batch_that_a_loss_of_power_tore_apart_is_made_whole_by_sending_it_again() {
    let mut torn = 0;
    for seed in 0..40 {
        let what = format!("seed {seed}");
        let folder = tempfile::tempdir().unwrap();
        let disk = SimDisk::new();
        let store = Store::open(folder.path(), on(&disk)).unwrap();
        let q = queue(&store);
        q.send_once(batch(1, 700), PRODUCER, 1).unwrap().wait().unwrap();
        // Changing to the next segment syncs the one before, so some of it may be safe.
        disk.fail_sync_after(Some(seed % 2));
        let _ = q.send_once(batch(2, 700), PRODUCER, 2).and_then(|sent| sent.wait());
        let mut disk = disk.lose_power(seed, 0.3 + 0.69 * (seed as f64 / 39.0));
        drop((q, store));
        std::fs::remove_dir_all(folder.path().join("ledger")).unwrap();
        // It is sent again until it is confirmed, and that is lost as well a few times.
        for again in 0..3 {
            let store = Store::open(folder.path(), on(&disk)).unwrap();
            let q = queue(&store);
            let before = peek(&q).keys().filter(|key| key.0 == 2).count();
            torn += usize::from(before > 0 && before < 600);
            if again < 2 {
                disk.fail_sync_after(Some(0));
            }
            let sent = q.send_once(batch(2, 700), PRODUCER, 2).and_then(|sent| sent.wait());
            disk = disk.lose_power(seed + again, 0.5);
            let ledger = folder.path().join("ledger");
            drop((q, store));
            std::fs::remove_dir_all(ledger).unwrap();
            if again == 2 {
                sent.unwrap();
            }
        }
        for ledger in [true, false] {
            let store = Store::open(folder.path(), StoreOptions { ledger, ..on(&disk) }).unwrap();
            let q = queue(&store);
            check(&q, &[(1, 700), (2, 700)], &what);
            for number in 1..3 {
                let again = q.send_once(batch(number, 700), PRODUCER, number).unwrap();
                assert_eq!(again.wait().unwrap().count, 0, "{what}");
            }
            store.close().unwrap();
        }
    }
    assert!(torn > 10, "only {torn} batches were torn apart");
}

#[test]
fn what_was_sent_once_is_known_when_its_messages_and_segments_are_gone() {
    let folder = tempfile::tempdir().unwrap();
    let options = StoreOptions { checkpoint_bytes: 1 << 20, ..StoreOptions::small() };
    let store = Store::open(folder.path(), options.clone()).unwrap();
    let q = queue(&store);
    q.send_once(batch(1, 2_000), "early", 1).unwrap().wait().unwrap();
    let claim = q.claim("topology", "t", 1).unwrap();
    for number in 1..30 {
        q.send_once(batch(number, 1_000), PRODUCER, number).unwrap().wait().unwrap();
        // A straggler here and there, so that blocks are copied forward.
        for frame in claim.read(usize::MAX, usize::MAX).unwrap() {
            let straggler = usize::from(frame.offsets().any(|offset| offset % 2_048 == 0));
            let ranges: Vec<_> = frame.offsets().skip(straggler).map(|at| at..at + 1).collect();
            claim.settle_confirmed(&ranges).unwrap().wait().unwrap();
        }
    }
    store.flush().unwrap();
    let first = folder.path().join("log/00000001.seg");
    assert!(!first.exists(), "the segment of the first batches is still there");
    drop((claim, q, store));
    for ledger in [true, false, true] {
        let store = Store::open(folder.path(), StoreOptions { ledger, ..options.clone() }).unwrap();
        assert_eq!(store.damage(), Vec::<String>::new());
        let q = queue(&store);
        let stats = q.stats().unwrap();
        for (producer, number) in [("early", 1), (PRODUCER, 29), (PRODUCER, 28)] {
            let size = if producer == "early" { 2_000 } else { 1_000 };
            let sent = q.send_once(batch(number, size), producer, number).unwrap();
            assert_eq!(sent.wait().unwrap().count, 0);
        }
        assert_eq!(q.stats().unwrap().sent, stats.sent);
        assert_eq!(q.last_number(PRODUCER), Some(29));
        store.close().unwrap();
    }
}

#[test]
fn the_same_batch_from_many_threads_is_sent_once() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path(), StoreOptions::small()).unwrap();
    let q = queue(&store);
    for number in 1..20 {
        thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    // Others send in between, and nothing of theirs is lost either.
                    let plain = q.send_batch(batch(1_000 + number, 1)).unwrap();
                    q.send_once(batch(number, 200), PRODUCER, number).unwrap().wait().unwrap();
                    plain.wait().unwrap();
                });
            }
        });
    }
    let found = contents(&q);
    let of = |wanted: &dyn Fn(u64) -> bool| -> Vec<usize> {
        found.iter().filter(|(key, _)| wanted(key.0)).map(|(_, times)| *times).collect()
    };
    let once = of(&|number| number < 1_000);
    assert!(once.len() == 19 * 200 && once.iter().all(|times| *times == 1), "{}", once.len());
    assert_eq!(of(&|number| number >= 1_000), vec![4; 19]);
}

#[test]
fn a_full_disk_cuts_a_batch_off_and_the_rest_follows() {
    let folder = tempfile::tempdir().unwrap();
    let disk = SimDisk::new();
    let store = Store::open(folder.path(), on(&disk)).unwrap();
    let q = queue(&store);
    q.send_once(batch(1, 100), PRODUCER, 1).unwrap().wait().unwrap();
    disk.set_capacity(Some(1 << 20));
    let full = q.send_once(batch(2, 4_000), PRODUCER, 2).unwrap().wait();
    assert!(matches!(full, Err(Error::DiskFull { .. })), "{full:?}");
    let before = contents(&q).len();
    assert!(before > 200, "{before}");
    disk.set_capacity(None);
    let sent = q.send_once(batch(2, 4_000), PRODUCER, 2).unwrap().wait().unwrap();
    assert!(sent.count > 0 && sent.count < 4_000);
    check(&q, &[(1, 100), (2, 4_000)], "behind a full disk");
}

#[test]
fn producers_are_counted() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path(), StoreOptions::small()).unwrap();
    let q = queue(&store);
    let send = |producer: usize| {
        let batch = Batch::from_iter(["a"]);
        q.send_once(batch, &format!("{producer:0128}"), 1).unwrap()
    };
    let sent: Vec<_> = (0..1_000).map(send).collect();
    for sent in sent {
        assert_eq!(sent.wait().unwrap().count, 1);
    }
    let refused = send(1_000).wait().unwrap_err();
    assert!(matches!(refused, Error::TooManyProducers { count: 1_000, .. }), "{refused}");
    store.close().unwrap();
    drop((q, store));
    let store = Store::open(folder.path(), StoreOptions::small()).unwrap();
    assert_eq!(store.damage(), Vec::<String>::new());
    assert_eq!(queue(&store).last_number(&format!("{:0128}", 999)), Some(1));
}

fn letters(store: &Store) -> Vec<String> {
    let Ok(dead) = store.queue("q.dead") else { return Vec::new() };
    let found = dead.peek(usize::MAX).unwrap();
    found.iter().map(|m| String::from_utf8(m.body.to_vec()).unwrap()).collect()
}

fn reopen(folder: &Path, disk: &SimDisk, keep: bool) -> Store {
    if !keep {
        std::fs::remove_dir_all(folder.join("ledger")).unwrap();
    }
    Store::open(folder, on(disk)).unwrap()
}

#[test]
fn a_letter_is_written_once_though_the_power_went_while_it_was() {
    for seed in 0..30 {
        let folder = tempfile::tempdir().unwrap();
        let disk = SimDisk::new();
        let store = Store::open(folder.path(), on(&disk)).unwrap();
        let q = queue(&store);
        let bodies = (0..300).map(|i| format!("{i} {}", "x".repeat(500)));
        q.send(&bodies.map(Message::new).collect::<Vec<_>>()).unwrap();
        let dead: Vec<(u64, &str, &str)> = (50..250).map(|at| (at, "not json", "parse")).collect();
        let claim = q.claim("topology", "t", 1).unwrap();
        claim.read(200, usize::MAX).unwrap();
        if seed % 3 == 0 {
            claim.dead_letters(&dead[..1]).unwrap().wait().unwrap();
        } else {
            // The queue is there, or the first letter has to make it.
            store.create_queue("q.dead", &QueueAttributes::default()).unwrap();
        }
        disk.fail_sync_after(Some(0));
        assert!(claim.dead_letters(&dead).unwrap().wait().is_err());
        let disk = disk.lose_power(seed, seed as f64 / 29.0);
        drop((claim, q, store));
        let store = reopen(folder.path(), &disk, false);
        let q = queue(&store);
        let claim = q.claim("topology", "t", 2).unwrap();
        // Before anything is read again.
        claim.dead_letters(&dead).unwrap().wait().unwrap();
        drop((claim, q));
        store.close().unwrap();
        for (run, ledger) in [true, false].into_iter().enumerate() {
            let store = reopen(folder.path(), &disk, ledger);
            let q = queue(&store);
            let claim = q.claim("topology", "t", 3 + run as u64).unwrap();
            claim.dead_letters(&dead).unwrap().wait().unwrap();
            let mut found = letters(&store);
            found.sort_by_key(|letter| letter.split(' ').next().unwrap().parse::<u64>().unwrap());
            let found: Vec<_> = found.iter().map(|l| l.split(' ').next().unwrap()).collect();
            let wanted: Vec<_> = (50..250).map(|i| i.to_string()).collect();
            assert_eq!(found, wanted, "seed {seed}");
            let rest = claim.read(usize::MAX, usize::MAX).unwrap();
            let rest: Vec<u64> =
                rest.iter().flat_map(|f| f.offsets().collect::<Vec<_>>()).collect();
            assert_eq!(rest, (0..50).chain(250..300).collect::<Vec<_>>(), "seed {seed}");
            drop((claim, q));
            store.close().unwrap();
        }
    }
}
