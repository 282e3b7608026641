//! What the supervisor does and says.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering::SeqCst},
    },
    time::{Duration, Instant},
};

use squall_framework::{
    Bolt, Error, EventKind, Flush, Grouping, Inputs, Lent, Output, Problem, Result, Settings,
    Streams, TaskContext, TaskState, Topology, TopologyState, Tuple, start,
    testing::{Discard, Numbers},
};

use crate::parts::{Do, LONG, Note, Seen, quick};

pub(crate) fn until(what: &str, condition: impl Fn() -> bool) {
    let deadline = Instant::now() + LONG;
    while !condition() {
        assert!(Instant::now() < deadline, "never: {what}");
        std::thread::sleep(Duration::from_millis(2));
    }
}

#[test]
fn a_task_that_falls_too_often_fails_the_topology_while_the_rest_runs_on() {
    let seen = Seen::default();
    let noted = seen.clone();
    let settings = Settings { max_restarts: 3, max_pending: 1_000_000, ..quick() };
    let topology = Topology::builder("t")
        .settings(settings)
        .spout("a", 1, || Ok(Numbers::up_to(10)))
        .spout("b", 1, || Ok(Numbers::up_to(10_000)))
        .bolt("bad", 1, &[("a", Grouping::Shuffle)], || {
            Ok(Do(|_, _: &mut Output| panic!("always")))
        })
        .bolt("good", 1, &[("b", Grouping::Shuffle)], move || Ok(Note(noted.clone())))
        .build()
        .unwrap();
    let running = start(topology, Lent::default()).unwrap();
    until("failed", || matches!(running.snapshot().state, TopologyState::Failed(_)));
    until("the rest runs on", || seen.total() == 10_000);
    let snapshot = running.snapshot();
    let TopologyState::Failed(reason) = &snapshot.state else { panic!() };
    assert!(reason.contains("bad: restarted 3 times"), "{reason}");
    assert!(reason.contains("always"), "{reason}");
    assert_eq!(snapshot.component("bad").unwrap().restarts, 3);
    let kinds: Vec<_> = snapshot.history.iter().map(|event| event.kind).collect();
    assert_eq!(kinds.iter().filter(|kind| **kind == EventKind::Restarted).count(), 3);
    assert_eq!(kinds.last(), Some(&EventKind::GaveUp));
}

/// Cannot be prepared the first two times.
struct Late(Arc<AtomicU64>);

impl Bolt for Late {
    fn prepare(&mut self, _: &TaskContext) -> Result<()> {
        match self.0.fetch_add(1, SeqCst) {
            0 | 1 => Err(Error::retry("the port is still taken")),
            _ => Ok(()),
        }
    }

    fn execute(&mut self, _: &Tuple<'_>, _: &mut Output) -> Result<()> {
        Ok(())
    }
}

#[test]
fn prepare_is_tried_again_and_the_inbox_waits() {
    let tries = Arc::new(AtomicU64::new(0));
    let topology = Topology::builder("t")
        .spout("numbers", 1, || Ok(Numbers::up_to(100_000)))
        .bolt("late", 1, &[("numbers", Grouping::Shuffle)], move || Ok(Late(tries.clone())))
        .build()
        .unwrap();
    let running = start(topology, Lent::default()).unwrap();
    assert!(running.wait_idle(LONG));
    let snapshot = running.snapshot();
    assert_eq!(snapshot.component("late").unwrap().executed, 100_000);
    assert_eq!(snapshot.component("numbers").unwrap().failed, 0);
    assert!(snapshot.history[0].reason.contains("the port is still taken"));
}

#[test]
fn a_stuck_task_is_named_and_so_is_who_waits_for_it() {
    let open = Arc::new(AtomicBool::new(false));
    let gate = open.clone();
    let settings =
        Settings { threads: 1, stuck_after: Duration::from_millis(100), ..Settings::default() };
    let topology = Topology::builder("t")
        .settings(settings)
        .spout("numbers", 1, || Ok(Numbers::up_to(10)))
        .bolt("hangs", 1, &[("numbers", Grouping::Shuffle)], move || {
            let gate = gate.clone();
            Ok(Do(move |_, _: &mut Output| {
                while !gate.load(SeqCst) {
                    std::thread::sleep(Duration::from_millis(1));
                }
                Ok(())
            }))
        })
        .build()
        .unwrap();
    let running = start(topology, Lent::default()).unwrap();
    let has = |kind| running.snapshot().history.iter().any(|event| event.kind == kind);
    until("stuck", || has(EventKind::Stuck));
    let snapshot = running.snapshot();
    assert!(matches!(snapshot.tasks[1].state, TaskState::Stuck { .. }));
    let TaskState::WaitingFor { stuck } = &snapshot.tasks[0].state else {
        panic!("{:?}", snapshot.tasks[0].state)
    };
    assert_eq!(&**stuck, "hangs");
    open.store(true, SeqCst);
    assert!(running.wait_idle(LONG));
    until("unstuck", || has(EventKind::Unstuck));
}

/// Counts ticks, and holds a thousand numbers back until it is flushed.
struct Holds {
    ticks: Arc<AtomicU64>,
    left: i64,
}

impl Bolt for Holds {
    fn declare(&self, inputs: &Inputs) -> Result<Streams, Problem> {
        Ok(Streams::one(inputs.common()))
    }

    fn execute(&mut self, _: &Tuple<'_>, _: &mut Output) -> Result<()> {
        Ok(())
    }

    fn tick(&mut self, _: &mut Output) -> Result<()> {
        self.ticks.fetch_add(1, SeqCst);
        Ok(())
    }

    fn flush(&mut self, out: &mut Output) -> Result<Flush> {
        for _ in 0..100 {
            self.left -= 1;
            out.emit([self.left])?;
        }
        Ok(if self.left == 0 { Flush::Done } else { Flush::More })
    }
}

#[test]
fn ticks_come_and_a_drain_flushes() {
    let (ticks, seen) = (Arc::new(AtomicU64::new(0)), Seen::default());
    let (counted, noted) = (ticks.clone(), seen.clone());
    let topology = Topology::builder("t")
        .spout("numbers", 1, || Ok(Numbers::up_to(10)))
        .bolt("holds", 1, &[("numbers", Grouping::Shuffle)], move || {
            Ok(Holds { ticks: counted.clone(), left: 1000 })
        })
        .tick(Duration::from_millis(5))
        .bolt("note", 1, &[("holds", Grouping::Shuffle)], move || Ok(Note(noted.clone())))
        .build()
        .unwrap();
    let running = start(topology, Lent::default()).unwrap();
    until("three ticks", || ticks.load(SeqCst) >= 3);
    assert_eq!(seen.total(), 0);
    assert!(running.drain(LONG));
    seen.each_once(1000);
}

/// Passes numbers on, and emits one of its own now and then.
struct Mixed;

impl Bolt for Mixed {
    fn declare(&self, inputs: &Inputs) -> Result<Streams, Problem> {
        Ok(Streams::one(inputs.common()))
    }

    fn execute(&mut self, tuple: &Tuple<'_>, out: &mut Output) -> Result<()> {
        out.emit([tuple.int("number")?])
    }

    fn tick(&mut self, out: &mut Output) -> Result<()> {
        out.emit([-1])
    }
}

#[test]
fn what_a_tick_emits_does_not_mix_up_whose_tuple_failed() {
    let letters = crate::parts::Letters::default();
    let lent = Lent { dead_letters: Some(Arc::new(letters.clone())), ..Lent::default() };
    let topology = Topology::builder("t")
        .settings(quick())
        .spout("numbers", 1, || Ok(Numbers::up_to(200_000)))
        .bolt("mixed", 1, &[("numbers", Grouping::Shuffle)], || Ok(Mixed))
        .tick(Duration::from_millis(1))
        .bolt("picky", 1, &[("mixed", Grouping::Shuffle)], || {
            Ok(Do(
                |number: i64, _: &mut Output| {
                    if number % 10_000 == 77 { Err(Error::data("no")) } else { Ok(()) }
                },
            ))
        })
        .build()
        .unwrap();
    let running = start(topology, lent).unwrap();
    assert!(running.wait_idle(LONG));
    let expected: Vec<u64> = (0..20).map(|n| n * 10_000 + 77).collect();
    assert_eq!(letters.ids(), expected);
    assert_eq!(running.snapshot().component("numbers").unwrap().acked, 200_000 - 20);
}

#[test]
fn mistakes_in_a_topology_are_problems_and_not_panics() {
    let numbers = || Topology::builder("t").spout("numbers", 1, || Ok(Numbers::up_to(1)));
    let sink = || Ok(Discard);
    let problem = |builder: squall_framework::TopologyBuilder| match builder.build() {
        Err(problem) => problem.to_string(),
        Ok(_) => panic!("no problem"),
    };
    let text = problem(numbers().bolt("a", 1, &[("nobody", Grouping::Shuffle)], sink));
    assert!(text.contains("something that does not exist"), "{text}");
    let text = problem(numbers().bolt("numbers", 1, &[("numbers", Grouping::Shuffle)], sink));
    assert!(text.contains("two components have the id `numbers`"), "{text}");
    let by = Grouping::Fields(vec!["nmber".into()]);
    let text = problem(numbers().bolt("a", 1, &[("numbers", by)], sink));
    assert!(text.contains("no field `nmber`"), "{text}");
}
