//! How large and how fast: reads during an apply, and the time of opening.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering::Relaxed},
    },
    thread,
    time::{Duration, Instant},
};

use squall_framework::{Change, StateStore};

use super::{open, put, redo};

/// Keys as the framework makes them: class, group, place, name; spread as by a hash.
fn key(n: u64) -> Vec<u8> {
    let spread = n.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let mut key = vec![0, spread as u8];
    key.extend_from_slice(format!("user-{spread:016x}count").as_bytes());
    key
}

fn rss() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() / 1024
}

#[test]
fn readers_read_while_epochs_are_applied() {
    let path = tempfile::tempdir().unwrap();
    let mut folder = open(path.path());
    let stop = Arc::new(AtomicBool::new(false));
    let (reads, slowest) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicU64::new(0)));
    const KEYS: u64 = 5_000;
    let epoch = |epoch: u64| -> Vec<Change> {
        (0..KEYS).map(|n| put(key(n), epoch.to_be_bytes())).collect()
    };
    folder.apply(&redo(1, "count", epoch(1))).unwrap();
    let readers: Vec<_> = (0..2)
        .map(|seed| {
            let (reader, stop) = (folder.reader(), stop.clone());
            let (reads, slowest) = (reads.clone(), slowest.clone());
            thread::spawn(move || {
                let mut random = fastrand::Rng::with_seed(seed);
                while !stop.load(Relaxed) {
                    let applied = reader.applied();
                    let start = Instant::now();
                    let value = reader.get("count", &key(random.u64(0..KEYS))).unwrap().unwrap();
                    slowest.fetch_max(start.elapsed().as_micros() as u64, Relaxed);
                    let value = u64::from_be_bytes(value.try_into().unwrap());
                    // Of the epoch that was applied, or one that is being or has been since.
                    assert!((applied..=reader.applied() + 1).contains(&value), "{value} {applied}");
                    assert_eq!(reader.get("count", b"absent").unwrap(), None);
                    reads.fetch_add(2, Relaxed);
                }
            })
        })
        .collect();
    let start = Instant::now();
    let mut last = 1;
    while start.elapsed() < Duration::from_secs(1) || last < 5 {
        last += 1;
        folder.apply(&redo(last, "count", epoch(last))).unwrap();
    }
    stop.store(true, Relaxed);
    readers.into_iter().for_each(|reader| reader.join().unwrap());
    let puts = (last - 1) * KEYS;
    println!(
        "{puts} puts and {} reads in {:?}, the slowest read {} us",
        reads.load(Relaxed),
        start.elapsed(),
        slowest.load(Relaxed)
    );
    assert!(reads.load(Relaxed) > 1000);
}

/// Fills a folder and opens it again; the folder is read from the page cache.
fn fill_and_open(keys: u64) {
    let path = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let mut folder = open(path.path());
    const EPOCH: u64 = 100_000;
    let (mut redos, mut applies) = (Duration::ZERO, Duration::ZERO);
    for epoch in 0..keys / EPOCH {
        let changes = (epoch * EPOCH..(epoch + 1) * EPOCH).map(|n| put(key(n), n.to_le_bytes()));
        let redo = redo(epoch + 1, "count", changes.collect());
        let start = Instant::now();
        folder.write_redo(&redo).unwrap();
        redos += start.elapsed();
        let start = Instant::now();
        folder.apply(&redo).unwrap();
        applies += start.elapsed();
    }
    let per_second = |time: Duration| keys as f64 / time.as_secs_f64();
    println!(
        "{keys} keys: {:.0} puts/s applied, {:.0} changes/s into redos, {} MB on disk, {} MB resident",
        per_second(applies),
        per_second(redos),
        folder.view().stats().unwrap().disk_bytes >> 20,
        rss()
    );
    let gets = |name: &str, of: &dyn Fn(u64) -> u64| {
        let (reader, mut random) = (folder.reader(), fastrand::Rng::with_seed(1));
        let start = Instant::now();
        for _ in 0..200_000 {
            reader.get("count", &key(of(random.u64(0..keys)))).unwrap();
        }
        println!("  {name}: {:.0} gets/s", 200_000.0 / start.elapsed().as_secs_f64());
    };
    gets("keys that are there", &|n| n);
    gets("keys that are not", &|n| n + keys);
    drop(folder);
    for which in ["first", "second"] {
        let start = Instant::now();
        let folder = open(path.path());
        let time = start.elapsed();
        println!("  {which} opening: {time:?}, {} MB resident", rss());
        let start = Instant::now();
        folder.verify().unwrap();
        println!("  verified in {:?}, {} MB resident", start.elapsed(), rss());
    }
}

#[test]
fn a_million_keys_are_opened_at_once() {
    fill_and_open(1_000_000);
}

#[test]
#[ignore = "takes minutes"]
fn ten_million_keys() {
    fill_and_open(10_000_000);
}
