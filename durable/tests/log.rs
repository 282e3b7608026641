//! The log as its users see it: what was flushed is there again, damage costs a frame.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::type_complexity)]

use std::path::Path;
use std::sync::Arc;

use squall_durable::{
    Appender, Disk, FrameHead, HEADER_BYTES, Log, LogError, Place, RealDisk, ScanEnd, SimDisk,
};

const SEGMENT: u64 = 256 << 10;

fn open(disk: Arc<dyn Disk>, folder: &Path) -> (Arc<Log>, Vec<(Place, u64, Vec<u8>)>, ScanEnd) {
    let log = Log::open(disk, folder, SEGMENT).unwrap();
    let mut frames = Vec::new();
    let end = log
        .scan(Place::default(), |place, head, payload| {
            frames.push((place, head.first, payload.to_vec()));
            Ok::<_, LogError>(())
        })
        .unwrap();
    (log, frames, end)
}

fn push(appender: &mut Appender, first: u64, bytes: usize) -> Place {
    let payload: Vec<u8> = (0..bytes).map(|i| (first as usize + i) as u8).collect();
    let head = FrameHead { kind: 1, count: 1, owner: 7, first, ..FrameHead::default() };
    appender.push(&head, &[&payload]).unwrap()
}

#[test]
fn frames_come_back_in_order_over_segments_and_reopening() {
    let folder = tempfile::tempdir().unwrap();
    let mut written = 0;
    for _ in 0..3 {
        let (log, frames, end) = open(Arc::new(RealDisk), folder.path());
        assert_eq!(frames.len() as u64, written);
        assert!(end.damage.is_empty() && end.sound, "{end:?}");
        let mut appender = Appender::open(log, end.end, end.sound).unwrap();
        for _ in 0..20 {
            push(&mut appender, written, 30_000);
            written += 1;
        }
        appender.flush(true).unwrap();
    }
    let (log, frames, _) = open(Arc::new(RealDisk), folder.path());
    assert!(frames.iter().map(|f| f.1).eq(0..written));
    assert!(log.segments().len() > 3);
    let (place, first, payload) = &frames[30];
    let (bytes, heads, damage) = log.read_frames(*place, HEADER_BYTES + payload.len(), 7).unwrap();
    assert!(damage.is_empty());
    assert_eq!(heads[0].0.first, *first);
    assert_eq!(&bytes[heads[0].1..], payload);
}

#[test]
fn every_flipped_byte_costs_at_most_its_own_frame_and_is_reported() {
    let folder = Path::new("/log");
    let disk = SimDisk::new();
    let (log, _, end) = open(Arc::new(disk.clone()), folder);
    let mut appender = Appender::open(Arc::clone(&log), end.end, end.sound).unwrap();
    let places: Vec<Place> = (0..6).map(|first| push(&mut appender, first, 40)).collect();
    appender.flush(true).unwrap();
    drop(appender);
    let end = places[5].at + 88;
    for at in 0..end {
        let disk = disk.lose_power(0, 1.0);
        disk.flip(&log.path(1), at, 0x04);
        let (log, frames, scan) = open(Arc::new(disk), folder);
        let hit = places.iter().position(|p| (p.at..p.at + 88).contains(&at));
        let expected: Vec<u64> = (0..6).filter(|&first| Some(first as usize) != hit).collect();
        assert!(frames.iter().map(|f| f.1).eq(expected), "byte {at}");
        let reported = !scan.damage.is_empty() || !log.notes().is_empty();
        // The last bytes of the segment's header are blank and say nothing.
        assert!(reported || (28..64).contains(&at), "byte {at}");
    }
}

#[test]
fn a_loss_of_power_loses_nothing_that_was_synced() {
    for seed in 0..40 {
        let disk = SimDisk::new();
        let folder = Path::new("/log");
        let (log, _, end) = open(Arc::new(disk.clone()), folder);
        let mut appender = Appender::open(log, end.end, end.sound).unwrap();
        for first in 0..30 {
            push(&mut appender, first, 20_000);
            appender.flush(first % 3 == 0).unwrap();
        }
        let after = disk.lose_power(seed, (seed % 5) as f64 / 4.0);
        let (log, frames, end) = open(Arc::new(after.clone()), folder);
        let synced: Vec<u64> = frames.iter().map(|f| f.1).filter(|&first| first <= 27).collect();
        assert_eq!(synced, (0..=27).collect::<Vec<_>>(), "seed {seed}");
        // And it can be written on, whatever the torn end looks like.
        let mut appender = Appender::open(log, end.end, end.sound).unwrap();
        push(&mut appender, 100, 1_000);
        appender.flush(true).unwrap();
        let (_, again, _) = open(Arc::new(after), folder);
        assert_eq!(again.len(), frames.len() + 1);
        assert_eq!(again.last().unwrap().1, 100);
    }
}

#[test]
fn a_full_disk_is_an_error_and_the_log_goes_on_when_there_is_room() {
    let disk = SimDisk::new();
    let folder = Path::new("/log");
    disk.set_capacity(Some(SEGMENT + SEGMENT / 2));
    let (log, _, end) = open(Arc::new(disk.clone()), folder);
    let mut appender = Appender::open(log, end.end, end.sound).unwrap();
    let head = FrameHead { kind: 1, count: 1, ..FrameHead::default() };
    let mut pushed = 0;
    let error = loop {
        match appender.push(&head, &[&[1; 50_000]]) {
            Ok(_) => pushed += 1,
            Err(error) => break error,
        }
    };
    assert_eq!(error.kind(), Some(std::io::ErrorKind::StorageFull));
    disk.set_capacity(None);
    appender.push(&head, &[&[1; 50_000]]).unwrap();
    appender.flush(true).unwrap();
    drop(appender);
    assert_eq!(open(Arc::new(disk), folder).1.len(), pushed + 1);
}
