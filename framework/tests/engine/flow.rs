//! Tuples arrive, once each, and nothing grows without bounds.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering::SeqCst},
    },
    time::{Duration, Instant},
};

use squall_framework::{
    Bolt, Grouping, Inputs, Kind, Lent, Output, Problem, Result, Schema, Settings, Streams,
    Topology, Tuple, start,
    testing::{Discard, Numbers},
};

use crate::parts::{Do, LONG, Note, Seen};

#[test]
fn every_number_arrives_once() {
    for threads in [1, 2, 3] {
        let seen = Seen::default();
        let noted = seen.clone();
        let topology = Topology::builder("t")
            .settings(Settings { threads, ..Settings::default() })
            .spout("numbers", 1, || Ok(Numbers::up_to(50_000)))
            .bolt("pass", 3, &[("numbers", Grouping::Shuffle)], || {
                Ok(Do(|number, out: &mut Output| out.emit([number])))
            })
            .bolt("note", 2, &[("pass", Grouping::Fields(vec!["number".into()]))], move || {
                Ok(Note(noted.clone()))
            })
            .build()
            .unwrap();
        let running = start(topology, Lent::default()).unwrap();
        assert!(running.wait_idle(LONG));
        seen.each_once(50_000);
        let snapshot = running.snapshot();
        assert_eq!(snapshot.component("numbers").unwrap().acked, 50_000);
        assert_eq!(snapshot.component("pass").unwrap().emitted, 50_000);
        assert_eq!(snapshot.spouts(|c| c.in_flight), 0);
        running.stop();
    }
}

#[test]
fn a_lone_tuple_does_not_wait_for_company() {
    let seen = Seen::default();
    let noted = seen.clone();
    let topology = Topology::builder("t")
        .spout("numbers", 1, || Ok(Numbers::up_to(1)))
        .bolt("note", 1, &[("numbers", Grouping::Shuffle)], move || Ok(Note(noted.clone())))
        .build()
        .unwrap();
    let running = start(topology, Lent::default()).unwrap();
    assert!(running.wait_idle(LONG));
    assert_eq!(seen.total(), 1);
}

/// Holds every tuple until the gate opens.
struct Gated(Arc<AtomicBool>, Arc<AtomicU64>);

impl Bolt for Gated {
    fn execute(&mut self, _: &Tuple<'_>, _: &mut Output) -> Result<()> {
        while !self.0.load(SeqCst) {
            std::thread::sleep(Duration::from_millis(1));
        }
        self.1.fetch_add(1, SeqCst);
        Ok(())
    }
}

#[test]
fn a_slow_sink_stops_the_source_and_memory_stays_bounded() {
    let (open, done) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
    let gate = (open.clone(), done.clone());
    let topology = Topology::builder("t")
        .spout("numbers", 1, || Ok(Numbers::up_to(1_000_000)))
        .bolt("gated", 1, &[("numbers", Grouping::Shuffle)], move || {
            Ok(Gated(gate.0.clone(), gate.1.clone()))
        })
        .blocking(true)
        .build()
        .unwrap();
    let running = start(topology, Lent::default()).unwrap();
    // The source is stopped by its credits: 8 batches of 256 rows, the one in
    // hand, and what one call of the spout overshoots.
    let deadline = Instant::now() + LONG;
    loop {
        let snapshot = running.snapshot();
        let edge = &snapshot.edges[0];
        if edge.blocked_s > 0.05 {
            assert!(edge.in_flight <= 8, "{} batches", edge.in_flight);
            assert!(edge.bytes <= 512 * 1024);
            assert!(snapshot.spouts(|c| c.in_flight) <= 4 * 1024);
            break;
        }
        assert!(Instant::now() < deadline, "never blocked");
        std::thread::sleep(Duration::from_millis(5));
    }
    open.store(true, SeqCst);
    assert!(running.wait_idle(LONG));
    assert_eq!(done.load(SeqCst), 1_000_000);
}

#[test]
fn max_pending_bounds_what_is_under_way() {
    let (open, done) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
    let gate = (open.clone(), done.clone());
    let topology = Topology::builder("t")
        .settings(Settings { max_pending: 10, ..Settings::default() })
        .spout("numbers", 1, || Ok(Numbers::up_to(100)))
        .bolt("gated", 1, &[("numbers", Grouping::Shuffle)], move || {
            Ok(Gated(gate.0.clone(), gate.1.clone()))
        })
        .blocking(true)
        .build()
        .unwrap();
    let running = start(topology, Lent::default()).unwrap();
    let deadline = Instant::now() + LONG;
    while running.snapshot().spouts(|c| c.in_flight) < 10 {
        assert!(Instant::now() < deadline);
        std::thread::yield_now();
    }
    assert_eq!(running.snapshot().component("numbers").unwrap().emitted, 10);
    open.store(true, SeqCst);
    assert!(running.wait_idle(LONG));
    assert_eq!(done.load(SeqCst), 100);
}

/// Emits a thousand tuples for each one, and text as well.
struct Multiply;

impl Bolt for Multiply {
    fn declare(&self, _: &Inputs) -> Result<Streams, Problem> {
        let text = Schema::new([("text", Kind::Text)]);
        Ok(Streams::one(Schema::new([("number", Kind::Int)])).and("text", text))
    }

    fn execute(&mut self, tuple: &Tuple<'_>, out: &mut Output) -> Result<()> {
        let number = tuple.int("number")?;
        let text = out.stream("text").expect("declared");
        for n in 0..1000 {
            out.emit([number * 1000 + n])?;
        }
        out.emit_to(text, [format!("number {number}")])
    }
}

#[test]
fn one_call_may_emit_without_bounds_to_several_streams() {
    let (seen, texts) = (Seen::default(), Arc::new(AtomicU64::new(0)));
    let (noted, counted) = (seen.clone(), texts.clone());
    let topology = Topology::builder("t")
        .spout("numbers", 1, || Ok(Numbers::up_to(300)))
        .bolt("multiply", 1, &[("numbers", Grouping::Shuffle)], || Ok(Multiply))
        .bolt("note", 1, &[("multiply", Grouping::Global)], move || Ok(Note(noted.clone())))
        .component(
            "texts",
            "custom",
            1,
            squall_framework::Factory::Bolt(Arc::new(move || {
                let counted = counted.clone();
                Ok(squall_framework::AnyBolt::Row(Box::new(CountText(counted))))
            })),
            vec![squall_framework::Source {
                from: "multiply".into(),
                stream: "text".into(),
                grouping: Grouping::Shuffle,
            }],
        )
        .build()
        .unwrap();
    let running = start(topology, Lent::default()).unwrap();
    assert!(running.wait_idle(LONG));
    seen.each_once(300_000);
    assert_eq!(texts.load(SeqCst), 300);
}

struct CountText(Arc<AtomicU64>);

impl Bolt for CountText {
    fn execute(&mut self, tuple: &Tuple<'_>, _: &mut Output) -> Result<()> {
        assert!(tuple.str("text")?.starts_with("number "));
        self.0.fetch_add(1, SeqCst);
        Ok(())
    }
}

#[test]
fn acks_off_counts_and_goes_on() {
    let topology = Topology::builder("t")
        .settings(Settings { acks: false, ..Settings::default() })
        .spout("numbers", 1, || Ok(Numbers::up_to(10_000)))
        .bolt("sink", 2, &[("numbers", Grouping::Shuffle)], || Ok(Discard))
        .build()
        .unwrap();
    let running = start(topology, Lent::default()).unwrap();
    assert!(running.wait_idle(LONG));
    assert_eq!(running.snapshot().component("sink").unwrap().executed, 10_000);
}

#[test]
fn deactivate_holds_the_spout_and_drain_ends_what_is_under_way() {
    let topology = Topology::builder("t")
        .spout("numbers", 1, || Ok(Numbers::up_to(u64::MAX)))
        .bolt("sink", 2, &[("numbers", Grouping::Shuffle)], || Ok(Discard))
        .build()
        .unwrap();
    let running = start(topology, Lent::default()).unwrap();
    let executed = || running.snapshot().component("sink").unwrap().executed;
    let deadline = Instant::now() + LONG;
    while executed() < 10_000 {
        assert!(Instant::now() < deadline);
    }
    assert!(running.drain(LONG));
    let drained = running.snapshot();
    let numbers = drained.component("numbers").unwrap();
    assert_eq!(numbers.emitted, numbers.acked);
    assert_eq!(executed(), numbers.acked);
    running.set_active(true);
    let before = executed();
    while executed() == before {
        assert!(Instant::now() < deadline);
    }
}
