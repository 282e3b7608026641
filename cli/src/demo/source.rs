//! Made-up shares on their way into the queue, and what the table must hold in the end.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
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
/// The topology's hours end every five minutes.
const SLIDE: i64 = 300_000_000;
/// How often a batch is sent.
const STEP: Duration = Duration::from_millis(20);

/// What was made up and confirmed by the queue.
#[derive(Debug, Clone, Default)]
pub(crate) struct Made {
    /// How many shares.
    pub(crate) shares: u64,
    /// How often each restaurant was shared, and by how many people, each once in five minutes.
    pub(crate) by_restaurant: HashMap<String, (u64, u64)>,
    /// The newest share, in microseconds since 1970.
    pub(crate) newest: i64,
    /// People and shares of each restaurant, by the five minutes that they fall into.
    panes: BTreeMap<(String, i64), Pane>,
}

/// A restaurant in five minutes.
#[derive(Debug, Clone, Default)]
struct Pane {
    people: HashSet<u64>,
    shares: u64,
}

/// A person as a number, which keeps a long demo small.
fn person(name: &str) -> u64 {
    BuildHasherDefault::<DefaultHasher>::default().hash_one(name)
}

/// People and shares.
pub(crate) type Count = (u64, u64);

impl Made {
    fn add(&mut self, share: Share) {
        self.shares += 1;
        self.newest = self.newest.max(share.at);
        let start = share.at - share.at.rem_euclid(SLIDE);
        let pane = self.panes.entry((share.restaurant.clone(), start)).or_default();
        let is_new = pane.people.insert(person(&share.user));
        pane.shares += 1;
        let (shares, people) = self.by_restaurant.entry(share.restaurant).or_default();
        *shares += 1;
        *people += u64::from(is_new);
    }

    /// When the hour ends that is the newest to have begun, in microseconds since 1970.
    pub(crate) fn hour(&self) -> i64 {
        self.newest - self.newest.rem_euclid(SLIDE) + SLIDE
    }

    /// People and shares of every restaurant in every hour, by the hour's end: computed here from
    /// what was sent, pane by pane.
    pub(crate) fn hours(&self) -> BTreeMap<(i64, String), Count> {
        let mut people: BTreeMap<(i64, &str), (HashSet<u64>, u64)> = BTreeMap::new();
        for ((restaurant, start), pane) in &self.panes {
            for end in (1..=HOUR / SLIDE).map(|slides| start + slides * SLIDE) {
                let hour = people.entry((end, restaurant)).or_default();
                hour.0.extend(&pane.people);
                hour.1 += pane.shares;
            }
        }
        let count = |((end, restaurant), (people, shares)): ((i64, &str), (HashSet<u64>, u64))| {
            ((end, restaurant.to_owned()), (people.len() as u64, shares))
        };
        people.into_iter().map(count).collect()
    }

    /// The restaurant that is shared most by the fewest: its name, shares and people.
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
