//! Groups that start at a time, through restarts, lost ledgers and segments that are given back.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::time::Duration;

use squall_broker::{Clock, Message, Queue, QueueAttributes, Store, StoreOptions};

const T0: u64 = 1_700_000_000_000;

/// What a group is given, and settles if asked to.
fn read(queue: &Queue, group: &str, settle: bool) -> Vec<usize> {
    let claim = queue.claim(group, "reader", 1).unwrap();
    let frames = claim.read(usize::MAX, usize::MAX).unwrap();
    let number = |body: &[u8]| {
        std::str::from_utf8(body).unwrap().split(' ').next().unwrap().parse::<usize>().unwrap()
    };
    if settle {
        let ranges: Vec<_> = frames
            .iter()
            .flat_map(|frame| frame.offsets().map(|at| at..at + 1).collect::<Vec<_>>())
            .collect();
        claim.settle_confirmed(&ranges).unwrap().wait().unwrap();
    } else {
        claim.release_all().unwrap();
    }
    frames.iter().flat_map(|frame| frame.bodies().map(number).collect::<Vec<_>>()).collect()
}

#[test]
fn a_group_from_a_time_and_its_neighbours_survive_everything() {
    let folder = tempfile::tempdir().unwrap();
    let clock = Clock::manual(T0);
    let options = StoreOptions {
        clock: clock.clone(),
        segment_bytes: 256 << 10,
        checkpoint_bytes: 100 << 10,
        ..StoreOptions::small()
    };
    let attributes =
        QueueAttributes { rewind: Duration::from_secs(1_000), ..QueueAttributes::default() };
    let mut store = Store::open(folder.path(), options.clone()).unwrap();
    let queue = store.create_queue("q", &attributes).unwrap();
    let send = |queue: &Queue, numbers: std::ops::Range<usize>| {
        let body = |n| Message::new(format!("{n} {}", "x".repeat(500)));
        queue.send(&numbers.map(body).collect::<Vec<_>>()).unwrap();
    };
    for hundred in 0..10 {
        send(&queue, hundred * 100..hundred * 100 + 100);
        clock.advance(Duration::from_secs(10));
        store.tick();
        assert_eq!(read(&queue, "all", true).len(), 100);
    }
    // New ones are given nothing of what is kept, and an old one nothing again.
    assert!(read(&queue, "new", false).is_empty());
    queue.group_from("again", T0 + 50_000).unwrap();
    assert!(read(&queue, "all", false).is_empty() && read(&queue, "new", false).is_empty());
    drop(queue);
    for round in 0..4 {
        store.close().unwrap();
        drop(store);
        if round % 2 == 1 {
            std::fs::remove_dir_all(folder.path().join("ledger")).unwrap();
        }
        store = Store::open(folder.path(), options.clone()).unwrap();
        assert_eq!(store.damage(), Vec::<String>::new());
        let queue = store.queue("q").unwrap();
        let what = format!("round {round}");
        assert_eq!(read(&queue, "again", false), (500..1_000).collect::<Vec<_>>(), "{what}");
        assert!(read(&queue, "all", false).is_empty(), "{what}");
        assert!(read(&queue, "new", false).is_empty(), "{what}");
        if round == 1 {
            // Segments go, and with them what the log said first.
            let busy = store.create_queue("busy", &QueueAttributes::default()).unwrap();
            for _ in 0..20 {
                send(&busy, 0..100);
                busy.purge().unwrap();
            }
            store.flush().unwrap();
        }
    }
    let queue = store.queue("q").unwrap();
    assert_eq!(read(&queue, "again", true).len(), 500);
    send(&queue, 1_000..1_001);
    for group in ["again", "all", "new"] {
        assert_eq!(read(&queue, group, true), [1_000]);
    }
    // They are kept from then on, and then all is gone.
    assert_eq!(queue.stats().unwrap().rewindable, 1_001);
    clock.advance(Duration::from_secs(1_001));
    store.tick();
    assert_eq!(queue.stats().unwrap().rewindable, 0);
}
