//! Made-up shares on their way into the queue, and what the table must hold in the end.

use std::{
    collections::HashMap,
    hash::{BuildHasher, BuildHasherDefault, DefaultHasher},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    thread::{self, JoinHandle},
    time::{Duration, Instant, SystemTime},
};

use squall_broker::{Batch, Queue};
use squall_components::generate::{Share, Shares};

use crate::failure::Failure;

const HOUR: i64 = 3_600_000_000;
/// How often a batch is sent.
const STEP: Duration = Duration::from_millis(20);

/// What was made up and confirmed by the queue.
#[derive(Debug, Clone, Default)]
pub(crate) struct Made {
    /// How many shares.
    pub(crate) shares: u64,
    /// How often each restaurant was shared, and how many rows it has in the table.
    pub(crate) by_restaurant: HashMap<String, (u64, u64)>,
    /// The hour of the newest share, in microseconds since 1970.
    pub(crate) hour: i64,
    /// The newest share of each restaurant, hour and person; see [`key`].
    rows: HashMap<u64, i64>,
}

/// Restaurant, hour and person as one number, which keeps a long demo small.
pub(crate) fn key(restaurant: &str, hour: i64, person: &str) -> u64 {
    BuildHasherDefault::<DefaultHasher>::default().hash_one((restaurant, hour, person))
}

impl Made {
    fn add(&mut self, share: Share) {
        self.shares += 1;
        self.hour = share.at - share.at.rem_euclid(HOUR);
        let before = self.rows.len();
        let newest =
            self.rows.entry(key(&share.restaurant, self.hour, &share.user)).or_insert(share.at);
        *newest = share.at.max(*newest);
        let (shares, rows) = self.by_restaurant.entry(share.restaurant).or_default();
        *shares += 1;
        *rows += (self.rows.len() - before) as u64;
    }

    /// How many rows the table must have: one per restaurant, hour and person.
    pub(crate) fn rows(&self) -> u64 {
        self.rows.len() as u64
    }

    /// The newest share of this restaurant, hour and person.
    pub(crate) fn newest(&self, restaurant: &str, hour: i64, person: &str) -> Option<i64> {
        self.rows.get(&key(restaurant, hour, person)).copied()
    }

    /// The restaurant that is shared most by the fewest: its name, shares and rows.
    pub(crate) fn most_repeated(&self) -> Option<(&str, u64, u64)> {
        let all =
            self.by_restaurant.iter().map(|(name, (shares, rows))| (name.as_str(), *shares, *rows));
        all.max_by_key(|(_, shares, rows)| shares * 1_000 / (*rows).max(1))
    }
}

/// Sends made-up shares until it is stopped.
pub(crate) struct Source {
    thread: Option<JoinHandle<Result<(), squall_broker::Error>>>,
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    made: Mutex<Made>,
    stop: AtomicBool,
}

impl Source {
    /// Begins to send `rate` shares a second.
    pub(crate) fn start(queue: Queue, seed: u64, rate: u32) -> Result<Self, Failure> {
        let shared = Arc::new(Shared::default());
        let ours = shared.clone();
        let thread = thread::Builder::new().name("squall-demo".into());
        let thread = thread.spawn(move || send(&queue, seed, rate, &ours));
        let thread = thread
            .map_err(|error| Failure::failed(format!("no thread for the generator: {error}")))?;
        Ok(Source { thread: Some(thread), shared })
    }

    /// Looks at what was made up so far.
    pub(crate) fn made<T>(&self, look: impl FnOnce(&Made) -> T) -> T {
        look(&self.shared.made.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Whether it has stopped, which it does by itself only if it cannot send.
    pub(crate) fn has_ended(&self) -> bool {
        self.thread.as_ref().is_none_or(JoinHandle::is_finished)
    }

    /// Stops and gives what was made up.
    pub(crate) fn stop(mut self) -> Result<Made, Failure> {
        self.shared.stop.store(true, Relaxed);
        match self.thread.take().map(JoinHandle::join) {
            Some(Ok(Err(error))) => {
                Err(Failure::failed(format!("the shares could not be sent: {error}")))
            }
            Some(Err(_)) => Err(Failure::failed("the generator panicked")),
            _ => Ok(self.made(Made::clone)),
        }
    }
}

fn send(queue: &Queue, seed: u64, rate: u32, shared: &Shared) -> Result<(), squall_broker::Error> {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    let now = i64::try_from(now.as_micros()).unwrap_or_default();
    // The shares of an hour take less than an hour to make up, so the first hour is a whole one.
    let mut shares = Shares::new(seed, now - now.rem_euclid(HOUR));
    let (begin, mut sent) = (Instant::now(), 0u64);
    let mut text = String::new();
    while !shared.stop.load(Relaxed) {
        let due = (begin.elapsed().as_secs_f64() * f64::from(rate)) as u64;
        let mut batch = Batch::default();
        let mut made = Vec::new();
        for _ in sent..due {
            let share = shares.share();
            text.clear();
            share.write(&mut text);
            batch.push(text.as_bytes());
            made.push(share);
        }
        sent = due;
        if !batch.is_empty() {
            queue.send_batch(batch)?.wait()?;
            let mut all = shared.made.lock().unwrap_or_else(PoisonError::into_inner);
            made.into_iter().for_each(|share| all.add(share));
        }
        thread::sleep(STEP);
    }
    Ok(())
}
