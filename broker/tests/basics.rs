//! The shortest way through the queue, and the state after opening again.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::single_range_in_vec_init)]

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use squall_broker::{Error, Message, QueueAttributes, Store, StoreOptions};

#[test]
fn what_was_sent_is_received_once_and_gone_after_the_delete() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path(), StoreOptions::small()).unwrap();
    let queue = store.create_queue("shares", &QueueAttributes::default()).unwrap();
    let messages: Vec<Message> = (0..2_500).map(|i| Message::new(format!("message {i}"))).collect();
    let ids = queue.send(&messages).unwrap();
    assert!(ids.iter().map(|id| id.0).eq(0..2_500));
    let first = queue.receive(1_000, None).unwrap();
    assert!(first.iter().zip(&messages).all(|(got, sent)| got.body == sent.body));
    queue.delete(&first.iter().map(|m| m.handle).collect::<Vec<_>>()).unwrap();
    let stats = queue.stats().unwrap();
    assert_eq!((stats.active, stats.inactive), (1_500, 0));
    drop((queue, store));

    let store = Store::open(folder.path(), StoreOptions::small()).unwrap();
    assert_eq!(store.damage(), Vec::<String>::new());
    let queue = store.queue("shares").unwrap();
    let rest = queue.receive(10_000, None).unwrap();
    assert!(rest.iter().map(|m| m.id.0).eq(1_000..2_500));
}

#[test]
fn a_second_process_is_told_who_holds_the_store() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path(), StoreOptions::small()).unwrap();
    let refused = Store::open(folder.path(), StoreOptions::small()).unwrap_err();
    assert!(
        matches!(&refused, Error::Locked { holder, .. } if holder.contains(&std::process::id().to_string())),
        "{refused}"
    );
    store.close().unwrap();
    Store::open(folder.path(), StoreOptions::small()).unwrap();
    assert!(matches!(store.create_queue("a", &QueueAttributes::default()), Err(Error::Closed)));
}

#[test]
fn disk_space_comes_back_and_what_waits_stays() {
    let folder = tempfile::tempdir().unwrap();
    let options = StoreOptions { checkpoint_bytes: 1 << 20, ..StoreOptions::small() };
    let store = Store::open(folder.path(), options.clone()).unwrap();
    let idle = store.create_queue("idle", &QueueAttributes::default()).unwrap();
    let busy = store.create_queue("busy", &QueueAttributes::default()).unwrap();
    let gone = store.create_queue("gone", &QueueAttributes::default()).unwrap();
    gone.send(&[Message::new("never seen again")]).unwrap();
    store.delete_queue("gone").unwrap();
    idle.send(&[Message::new("still here"), Message::new("settled early")]).unwrap();
    let both = idle.receive(2, None).unwrap();
    idle.delete(&[both[1].handle]).unwrap();
    let claim = busy.claim("topology", "t", 1).unwrap();
    let body = vec![7_u8; 10_000];
    for _ in 0..60 {
        let messages: Vec<Message> = (0..20).map(|_| Message::new(body.clone())).collect();
        busy.send(&messages).unwrap();
        for frame in claim.read(100, usize::MAX).unwrap() {
            let offsets: Vec<u64> = frame.offsets().collect();
            claim
                .settle_confirmed(&[offsets[0]..offsets[offsets.len() - 1] + 1])
                .unwrap()
                .wait()
                .unwrap();
        }
    }
    store.flush().unwrap();
    let segments = || std::fs::read_dir(folder.path().join("log")).unwrap().count();
    // 12 MB went through segments of 1 MiB.
    assert!(segments() < 8, "{} segments", segments());
    drop((claim, idle, busy, gone, store));
    // The same from the ledger, and from the log alone.
    for ledger in [true, false] {
        let store = Store::open(folder.path(), StoreOptions { ledger, ..options.clone() }).unwrap();
        assert_eq!(store.damage(), Vec::<String>::new());
        assert_eq!(store.list(), ["busy", "idle"]);
        assert_eq!(store.queue("busy").unwrap().stats().unwrap().active, 0);
        let waiting = store.queue("idle").unwrap().peek(10).unwrap();
        assert_eq!(waiting.iter().map(|m| &m.body[..]).collect::<Vec<_>>(), [b"still here"]);
        store.close().unwrap();
    }
}

#[test]
fn nobody_misses_a_message_because_its_segment_is_given_back() {
    let folder = tempfile::tempdir().unwrap();
    let options = StoreOptions { segment_bytes: 256 << 10, ..StoreOptions::small() };
    let store = Store::open(folder.path(), options).unwrap();
    let idle = store.create_queue("idle", &QueueAttributes::default()).unwrap();
    let busy = store.create_queue("busy", &QueueAttributes::default()).unwrap();
    idle.send(&(0..50).map(|n| Message::new(format!("{n}"))).collect::<Vec<_>>()).unwrap();
    let claim = idle.claim("topology", "t", 1).unwrap();
    let over = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| {
            while !over.load(Ordering::Relaxed) {
                assert_eq!(idle.peek(100).unwrap().len(), 50);
                let frames = claim.read(100, usize::MAX).unwrap();
                assert_eq!(frames.iter().map(|frame| frame.len()).sum::<usize>(), 50);
                claim.release_all().unwrap();
            }
        });
        // The messages are copied on from segment to segment.
        for _ in 0..150 {
            busy.send(&[Message::new(vec![7_u8; 65_000]), Message::new(vec![7_u8; 65_000])])
                .unwrap();
            busy.purge().unwrap();
        }
        over.store(true, Ordering::Relaxed);
    });
}

#[test]
fn what_was_leased_and_then_copied_is_there_for_who_reads_the_log_alone() {
    let folder = tempfile::tempdir().unwrap();
    let options = StoreOptions { segment_bytes: 256 << 10, ..StoreOptions::small() };
    let store = Store::open(folder.path(), options.clone()).unwrap();
    let [idle, kept, busy] = ["idle", "kept", "busy"]
        .map(|name| store.create_queue(name, &QueueAttributes::default()).unwrap());
    let claim = idle.claim("topology", "t", 1).unwrap();
    let fill = |queue: &squall_broker::Queue, times: usize| {
        for _ in 0..times {
            queue.send(&[Message::new(vec![7_u8; 60_000])]).unwrap();
        }
    };
    let segment = |number: usize| folder.path().join(format!("log/{number:08}.seg")).exists();
    idle.send(&(0..20).map(|n| Message::new(format!("{n}"))).collect::<Vec<_>>()).unwrap();
    fill(&kept, 2);
    // The second segment goes, and the queue says again what the log has of it so far.
    fill(&busy, 8);
    busy.purge().unwrap();
    fill(&busy, 4);
    store.flush().unwrap();
    assert!(segment(1) && !segment(2));
    assert_eq!(claim.read(20, usize::MAX).unwrap().len(), 1);
    // The first segment goes, and its messages are copied behind what was said of them since.
    kept.purge().unwrap();
    fill(&busy, 8);
    store.flush().unwrap();
    assert!(!segment(1));
    drop((claim, idle, kept, busy));
    store.close().unwrap();
    drop(store);
    let store = Store::open(folder.path(), StoreOptions { ledger: false, ..options }).unwrap();
    let claim = store.queue("idle").unwrap().claim("topology", "t", 2).unwrap();
    let frames = claim.read(100, usize::MAX).unwrap();
    assert_eq!(frames.iter().map(|frame| frame.len()).sum::<usize>(), 20);
}
