//! Two threads and a bounded channel, written by hand: what the engine is
//! held against. Same batches, origins and shared handles, no framework.

use std::{
    collections::HashMap,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering::Relaxed},
        mpsc::{Receiver, SyncSender, sync_channel},
    },
    thread,
    time::{Duration, Instant},
};

use super::{
    parts::Hasher,
    run::{Bench, Measured, Workload, peak_rss_mb},
};

const ROWS: usize = 256;
const DEPTH: usize = 8;

/// The handle that a batch shares with its source: dropped last, it counts
/// its messages as acked.
struct Handle {
    messages: u64,
    acked: Arc<AtomicU64>,
}

impl Drop for Handle {
    fn drop(&mut self) {
        self.acked.fetch_add(self.messages, Relaxed);
    }
}

struct Numbers {
    values: Vec<i64>,
    origins: Vec<u32>,
    handle: Option<Arc<Handle>>,
}

/// Words are pieces of the lines' shared buffer.
struct Words {
    text: Arc<str>,
    pieces: Vec<(u32, u32)>,
    origins: Vec<u32>,
    #[allow(dead_code)] // Held for its drop.
    handle: Option<Arc<Handle>>,
}

struct Counters {
    stop: AtomicBool,
    arrived: AtomicU64,
    acked: Arc<AtomicU64>,
    sum: AtomicU64,
}

/// Measures the hand-written loop for this workload.
#[must_use]
pub fn baseline(bench: &Bench) -> Measured {
    let counters = Arc::new(Counters {
        stop: AtomicBool::new(false),
        arrived: AtomicU64::new(0),
        acked: Arc::default(),
        sum: AtomicU64::new(0),
    });
    let threads = if bench.workload == Workload::Wordcount {
        let (send, receive) = sync_channel(DEPTH);
        let (a, b, lines, acks) =
            (counters.clone(), counters.clone(), bench.lines.clone(), bench.acks);
        [
            thread::spawn(move || split(&a, &lines, acks, &send)),
            thread::spawn(move || words(&b, &receive)),
        ]
    } else {
        let (send, receive) = sync_channel(DEPTH);
        let width = if bench.workload == Workload::Columns20 { 20 } else { 1 };
        let (a, b, acks) = (counters.clone(), counters.clone(), bench.acks);
        [
            thread::spawn(move || produce(&a, width, acks, &send)),
            thread::spawn(move || consume(&b, width, &receive)),
        ]
    };
    thread::sleep(bench.time / 5);
    let (arrived, acked) = (counters.arrived.load(Relaxed), counters.acked.load(Relaxed));
    let begin = Instant::now();
    thread::sleep(bench.time.max(Duration::from_millis(1)));
    let seconds = begin.elapsed().as_secs_f64();
    let arrived = counters.arrived.load(Relaxed) - arrived;
    let acked = counters.acked.load(Relaxed) - acked;
    counters.stop.store(true, Relaxed);
    for thread in threads {
        // A panic of these loops would show as a rate of zero.
        let _ = thread.join();
    }
    std::hint::black_box(counters.sum.load(Relaxed));
    Measured {
        workload: format!("{:?} (baseline)", bench.workload).to_lowercase(),
        acks: bench.acks,
        threads: 2,
        seconds,
        tuples_per_s: arrived as f64 / seconds,
        acked_per_s: acked as f64 / seconds,
        p50_us: 0.0,
        p99_us: 0.0,
        p999_us: 0.0,
        ack_p99_us: None,
        start_ms: 0.0,
        peak_rss_mb: peak_rss_mb(),
    }
}

fn handle(counters: &Counters, messages: usize, acks: bool) -> Option<Arc<Handle>> {
    acks.then(|| Arc::new(Handle { messages: messages as u64, acked: counters.acked.clone() }))
}

fn produce(counters: &Counters, width: usize, acks: bool, send: &SyncSender<Numbers>) {
    let mut next = 0;
    while !counters.stop.load(Relaxed) {
        let mut batch = Numbers {
            values: Vec::with_capacity(ROWS * width),
            origins: Vec::with_capacity(ROWS),
            handle: handle(counters, ROWS, acks),
        };
        for row in 0..ROWS as u32 {
            for _ in 0..width {
                batch.values.push(next);
            }
            batch.origins.push(row);
            next += 1;
        }
        if send.send(batch).is_err() {
            return;
        }
    }
}

fn consume(counters: &Counters, width: usize, receive: &Receiver<Numbers>) {
    let mut sum = 0u64;
    while let Ok(batch) = receive.recv() {
        for (row, origin) in batch.values.chunks_exact(width).zip(&batch.origins) {
            sum = sum.wrapping_add(row[0] as u64 ^ u64::from(*origin));
        }
        counters.arrived.fetch_add(batch.origins.len() as u64, Relaxed);
        drop(batch.handle);
    }
    counters.sum.store(sum, Relaxed);
}

fn split(counters: &Counters, lines: &[String], acks: bool, send: &SyncSender<Words>) {
    // A short text is repeated, so that batches are full as the engine's are.
    let lines: Vec<&str> =
        lines.iter().map(String::as_str).cycle().take(lines.len().max(4 * ROWS)).collect();
    let text: Arc<str> = lines.join("\n").into();
    let fresh = |handle: &Option<Arc<Handle>>| Words {
        text: text.clone(),
        pieces: Vec::with_capacity(ROWS),
        origins: Vec::with_capacity(ROWS),
        handle: handle.clone(),
    };
    while !counters.stop.load(Relaxed) {
        let mut offset = 0;
        // As the engine does: a handle for each source batch of 256 lines,
        // shared by the batches of words that come of it.
        for source in lines.chunks(ROWS) {
            let handle = handle(counters, source.len(), acks);
            let mut batch = fresh(&handle);
            for (place, line) in source.iter().enumerate() {
                let end = offset + line.len();
                for word in text[offset..end].split(' ') {
                    batch.pieces.push((offset as u32, word.len() as u32));
                    batch.origins.push(place as u32);
                    offset += word.len() + 1;
                    if batch.pieces.len() == ROWS
                        && send.send(std::mem::replace(&mut batch, fresh(&handle))).is_err()
                    {
                        return;
                    }
                }
            }
            if !batch.pieces.is_empty() && send.send(batch).is_err() {
                return;
            }
        }
    }
}

fn words(counters: &Counters, receive: &Receiver<Words>) {
    let mut counts: HashMap<Box<str>, u64, Hasher> = HashMap::default();
    while let Ok(batch) = receive.recv() {
        for (offset, len) in &batch.pieces {
            let word = &batch.text[*offset as usize..(*offset + *len) as usize];
            match counts.get_mut(word) {
                Some(count) => *count += 1,
                None => {
                    counts.insert(word.into(), 1);
                }
            }
        }
        counters.arrived.fetch_add(batch.pieces.len() as u64, Relaxed);
    }
    counters.sum.store(counts.values().sum(), Relaxed);
}
