//! How fresh the tables of the flagship are: from the moment a share is sent to the queue until
//! another connection finds it in the table.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering::Relaxed},
    },
    thread,
    time::{Duration, Instant},
};

use serde::Serialize;
use squall_broker::{Batch, Queue, QueueAttributes};
use squall_components::{
    generate::Shares,
    sql::{RowReader, Selection, StoreUrl, Value, read},
};
use squall_config::Variables;
use squall_framework::{Registry, TopologyFile};

use super::Scratch;
use crate::{
    failure::Failure,
    local::DataFolder,
    run::{Outcome, Session},
};

const TOPOLOGY: &str = include_str!("../../../topologies/hot-restaurants/topology.yaml");
/// A share that is not in the table after so long never will be.
const PATIENCE: Duration = Duration::from_secs(60);
const TIMEOUT: Duration = Duration::from_secs(10);
/// How often shares are sent.
const STEP: Duration = Duration::from_millis(10);

/// What was measured.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Freshness {
    pub(crate) store: String,
    /// Shares a second beside those that were waited for.
    pub(crate) rate: u32,
    pub(crate) shares: u64,
    /// How many were waited for.
    pub(crate) probes: u64,
    pub(crate) p50_ms: f64,
    pub(crate) p99_ms: f64,
    pub(crate) max_ms: f64,
}

/// Sends `rate` shares a second and waits for one of a restaurant of its own, again and again.
pub(crate) fn freshness(
    scratch: &Scratch,
    rate: u32,
    probes: u64,
    store: Option<&str>,
    registry: &Registry,
) -> Result<Freshness, Failure> {
    let file = scratch.join("results.db");
    let store = store.map_or_else(|| format!("sqlite://{}", file.display()), str::to_owned);
    let url: StoreUrl = store.parse().map_err(Failure::usage)?;
    let restaurants = scratch.join("restaurants.csv");
    let mut text = String::from("restaurant,city,district\n");
    for (restaurant, city, district) in Shares::restaurants() {
        text.push_str(&format!("{restaurant},{city},{district}\n"));
    }
    for probe in 0..probes {
        text.push_str(&format!("probe-{probe},Porto,Foz\n"));
    }
    std::fs::write(&restaurants, text)?;
    let variables = Variables::new()
        .with("STORE", store)
        .with("RESTAURANTS", restaurants.display().to_string());
    let topology = TopologyFile::parse("hot-restaurants", TOPOLOGY, &variables, registry)?;
    let folder = DataFolder::open(&scratch.join("data"))?;
    let queue = folder.store().create_queue("shares", &QueueAttributes::default())?;
    let session = Session::start(topology, folder)?;
    let load = Load::start(queue.clone(), rate);
    let mut times = Vec::new();
    for probe in 0..probes {
        // At any moment of a commit's interval.
        thread::sleep(Duration::from_millis(fastrand::u64(100..600)));
        times.push(wait_for(probe, &queue, &load, &url)?.as_secs_f64() * 1e3);
    }
    let shares = load.end()?;
    if !session.drain(PATIENCE) {
        return Err(Failure::failed("the last shares could not be committed"));
    }
    session.end(Outcome::Stopped, shares);
    times.sort_by(f64::total_cmp);
    let at = |part: f64| {
        times.get(((times.len() as f64 * part) as usize).min(times.len().saturating_sub(1)))
    };
    let at = |part| at(part).copied().unwrap_or_default();
    Ok(Freshness {
        store: url.to_string(),
        rate,
        shares,
        probes,
        p50_ms: at(0.5),
        p99_ms: at(0.99),
        max_ms: at(1.0),
    })
}

fn wait_for(probe: u64, queue: &Queue, load: &Load, url: &StoreUrl) -> Result<Duration, Failure> {
    let at = squall_components::parse::rfc3339(load.0.at.load(Relaxed) as i64);
    let share = format!(r#"{{"restaurant":"probe-{probe}","user":"u","at":"{at}"}}"#);
    let begin = Instant::now();
    let mut batch = Batch::default();
    batch.push(share.as_bytes());
    queue.send_batch(batch)?.wait()?;
    let query =
        format!("SELECT 1 FROM restaurant_hours WHERE restaurant = 'probe-{probe}' LIMIT 1");
    let query = Selection::Query(query);
    while begin.elapsed() < PATIENCE {
        let mut found = Found(false);
        // Before the first commit there is no table.
        if read(url, &query, TIMEOUT, &mut found).is_ok() && found.0 {
            return Ok(begin.elapsed());
        }
        thread::sleep(Duration::from_millis(1));
    }
    Err(Failure::failed(format!("a share was not in the table after {PATIENCE:?}")))
}

struct Found(bool);

impl RowReader for Found {
    fn columns(&mut self, _: &[String]) -> Result<(), String> {
        Ok(())
    }

    fn row(&mut self, _: &[Value<'_>]) -> Result<(), String> {
        self.0 = true;
        Ok(())
    }
}

/// Sends shares until it is ended.
struct Load(Arc<Shared>, thread::JoinHandle<Result<u64, squall_broker::Error>>);

#[derive(Default)]
struct Shared {
    stop: AtomicBool,
    /// The time of the newest share, in microseconds since 1970.
    at: AtomicU64,
}

impl Load {
    fn start(queue: Queue, rate: u32) -> Self {
        const START: i64 = 1_767_225_600_000_000;
        let shared = Arc::new(Shared { at: AtomicU64::new(START as u64), ..Shared::default() });
        let ours = shared.clone();
        let thread = thread::spawn(move || {
            let (mut shares, mut text, mut sent) = (Shares::new(7, START), String::new(), 0);
            let begin = Instant::now();
            while !ours.stop.load(Relaxed) {
                let due = (begin.elapsed().as_secs_f64() * f64::from(rate)) as u64;
                let mut batch = Batch::default();
                while sent < due {
                    let mut share = shares.share();
                    // Event time goes as fast as the clock, however many there are.
                    share.at = START + begin.elapsed().as_micros() as i64;
                    ours.at.store(share.at as u64, Relaxed);
                    text.clear();
                    share.write(&mut text);
                    batch.push(text.as_bytes());
                    sent += 1;
                }
                if !batch.is_empty() {
                    queue.send_batch(batch)?.wait()?;
                }
                thread::sleep(STEP);
            }
            Ok(sent)
        });
        Load(shared, thread)
    }

    fn end(self) -> Result<u64, Failure> {
        self.0.stop.store(true, Relaxed);
        match self.1.join() {
            Ok(sent) => Ok(sent?),
            Err(_) => Err(Failure::failed("the generator panicked")),
        }
    }
}
