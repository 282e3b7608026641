//! What must not be lost when something ends: a tick, a bolt, a spout, a call.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering::SeqCst},
    },
    time::Duration,
};

use squall_framework::{
    Bolt, Flush, Grouping, Inputs, Kind, Lent, Next, Output, Problem, Result, Schema, Spout,
    SpoutOutput, Streams, Topology, Tuple, start, testing::Numbers,
};

use crate::parts::{LONG, Note, Seen, quick};

/// Spends its time in ticks, and holds one number back for the flush.
struct SlowTick(Arc<AtomicBool>);

impl Bolt for SlowTick {
    fn declare(&self, inputs: &Inputs) -> Result<Streams, Problem> {
        Ok(Streams::one(inputs.common()))
    }

    fn execute(&mut self, tuple: &Tuple<'_>, out: &mut Output) -> Result<()> {
        out.emit([tuple.int("number")?])
    }

    fn tick(&mut self, _: &mut Output) -> Result<()> {
        self.0.store(true, SeqCst);
        std::thread::sleep(Duration::from_millis(200));
        Ok(())
    }

    fn flush(&mut self, out: &mut Output) -> Result<Flush> {
        out.emit([-1])?;
        Ok(Flush::Done)
    }
}

#[test]
fn a_drain_flushes_a_bolt_that_is_inside_a_tick() {
    let (seen, ticking) = (Seen::default(), Arc::new(AtomicBool::new(false)));
    let (noted, tells) = (seen.clone(), ticking.clone());
    let topology = Topology::builder("t")
        .spout("numbers", 1, || Ok(Numbers::up_to(0)))
        .bolt("slow", 1, &[("numbers", Grouping::Shuffle)], move || Ok(SlowTick(tells.clone())))
        .tick(Duration::from_millis(300))
        .bolt("note", 1, &[("slow", Grouping::Shuffle)], move || Ok(Note(noted.clone())))
        .build()
        .unwrap();
    let running = start(topology, Lent::default()).unwrap();
    crate::supervisor::until("a tick", || ticking.load(SeqCst));
    assert!(running.drain(LONG));
    assert_eq!(seen.count(-1), 1);
}

#[test]
fn a_tick_that_takes_longer_than_its_interval_lets_tuples_through() {
    let (seen, ticking) = (Seen::default(), Arc::new(AtomicBool::new(false)));
    let noted = seen.clone();
    let topology = Topology::builder("t")
        .spout("numbers", 1, || Ok(Numbers::up_to(1000)))
        .bolt("slow", 1, &[("numbers", Grouping::Shuffle)], move || Ok(SlowTick(ticking.clone())))
        .tick(Duration::from_millis(20))
        .bolt("note", 1, &[("slow", Grouping::Shuffle)], move || Ok(Note(noted.clone())))
        .build()
        .unwrap();
    let running = start(topology, Lent::default()).unwrap();
    crate::supervisor::until("all numbers", || seen.total() == 1000);
    running.stop();
}

/// Panics on its first tuple and again while it is dropped.
struct Twice(Arc<AtomicU64>, Seen);

impl Bolt for Twice {
    fn execute(&mut self, tuple: &Tuple<'_>, _: &mut Output) -> Result<()> {
        assert!(self.0.fetch_add(1, SeqCst) > 0, "the first tuple");
        self.1.add(tuple.int("number")?);
        Ok(())
    }
}

impl Drop for Twice {
    fn drop(&mut self) {
        assert!(self.0.load(SeqCst) != 1, "dropped after the first tuple");
    }
}

#[test]
fn a_bolt_that_panics_while_it_is_dropped_is_built_again() {
    let (seen, calls) = (Seen::default(), Arc::new(AtomicU64::new(0)));
    let noted = seen.clone();
    let topology = Topology::builder("t")
        .settings(quick())
        .spout("numbers", 1, || Ok(Numbers::up_to(100)))
        .bolt("twice", 1, &[("numbers", Grouping::Shuffle)], move || {
            Ok(Twice(calls.clone(), noted.clone()))
        })
        .build()
        .unwrap();
    let running = start(topology, Lent::default()).unwrap();
    assert!(running.wait_idle(Duration::from_secs(20)), "{:#?}", running.snapshot());
    seen.each_once(100);
}

/// Emits 1,024 numbers once, however often it is built, and panics when it is
/// told for the first time.
#[derive(Clone, Default)]
struct Touchy {
    emitted: Arc<AtomicBool>,
    told: Arc<AtomicU64>,
}

impl Spout for Touchy {
    fn declare(&self) -> Result<Streams, Problem> {
        Ok(Streams::one(Schema::new([("number", Kind::Int)])))
    }

    fn next(&mut self, out: &mut SpoutOutput) -> Result<Next> {
        if !self.emitted.swap(true, SeqCst) {
            for number in 0..1024_u32 {
                out.emit(number.into(), [i64::from(number)])?;
            }
        }
        Ok(Next::Done)
    }

    fn ack(&mut self, ids: &[u64]) -> Result<()> {
        assert!(self.told.fetch_add(ids.len() as u64, SeqCst) > 0, "told for the first time");
        Ok(())
    }
}

#[test]
fn a_spout_that_falls_while_it_is_told_hears_of_the_rest_when_it_is_back() {
    let touchy = Touchy::default();
    let told = touchy.told.clone();
    let topology = Topology::builder("t")
        .settings(quick())
        .spout("touchy", 1, move || Ok(touchy.clone()))
        .bolt("note", 1, &[("touchy", Grouping::Shuffle)], || Ok(Note(Seen::default())))
        .build()
        .unwrap();
    let running = start(topology, Lent::default()).unwrap();
    assert!(running.wait_idle(LONG));
    assert_eq!(told.load(SeqCst), 1024);
    assert_eq!(running.snapshot().component("touchy").unwrap().restarts, 1);
}
