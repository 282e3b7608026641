//! The coordinator, the line and the collector, each by itself; together they are simulated.

use std::{sync::Arc, time::Duration};

use super::{
    Collector, Coordinator, Frozen, Limits, Line, Next, OutboxMessage, Phase, SourceDead, Tasks,
};
use crate::tuple::Value;

/// Tasks that do at once what they are asked for, and write it down.
#[derive(Default)]
struct Obedient {
    log: Vec<String>,
    taken: u64,
    frozen: Option<Frozen>,
    fallen: Option<String>,
}

impl Tasks for Obedient {
    fn open(&mut self, epoch: u64, messages: u64) {
        self.log.push(format!("open {epoch} for {messages}"));
        self.taken = 0;
    }
    fn shut(&mut self) {}
    fn is_drained(&mut self) -> bool {
        true
    }
    fn taken(&mut self) -> (u64, u64) {
        (self.taken, 0)
    }
    fn fire(&mut self, component: usize, last: bool) {
        self.log.push(format!("fire {component}, last {last}"));
    }
    fn components(&self) -> usize {
        2
    }
    fn is_quiet(&mut self) -> bool {
        true
    }
    fn cut(&mut self, _: u64) {}
    fn collected(&mut self) -> Option<Frozen> {
        Some(self.frozen.take().unwrap_or_default())
    }
    fn fallen(&mut self) -> Option<String> {
        self.fallen.take()
    }
    fn halt(&mut self) {}
    fn is_halted(&mut self) -> bool {
        true
    }
    fn reset(&mut self, epoch: u64) -> Result<(), String> {
        self.log.push(format!("reset to {epoch}"));
        Ok(())
    }
}

const INTERVAL: Duration = Duration::from_millis(100);

/// A coordinator, its tasks and its line, in a time of its own.
struct Bench {
    coordinator: Coordinator,
    tasks: Obedient,
    line: Arc<Line>,
    now: Duration,
}

impl Bench {
    fn new() -> Bench {
        let limits = Limits { interval: INTERVAL, messages: 100, bytes: 1_000, stall_after: 3 };
        let line = Arc::new(Line::default());
        let coordinator = Coordinator::new(limits, line.clone(), 1);
        Bench { coordinator, tasks: Obedient::default(), line, now: Duration::ZERO }
    }

    fn step(&mut self) -> Next {
        let next = self.coordinator.step(&mut self.tasks, self.now);
        if let Next::At(at) = next {
            self.now = at;
        }
        next
    }

    fn until(&mut self, phase: Phase) {
        for _ in 0..1_000 {
            if self.coordinator.phase() == phase {
                return;
            }
            self.step();
        }
        panic!("it never came to {phase:?}, but to {:?}", self.coordinator.phase());
    }

    fn commit(&mut self) -> Option<Frozen> {
        let frozen = self.line.take();
        self.line.done(|_| {});
        frozen
    }
}

fn messages(done: u64, failed: u64) -> Frozen {
    let read = vec![("spout".to_owned(), std::iter::once(0..done + failed).collect())];
    Frozen { read, done, failed, ..Frozen::default() }
}

#[test]
fn an_epoch_without_anything_is_not_committed() {
    let mut bench = Bench::new();
    for _ in 0..3 {
        bench.until(Phase::Cutting);
        bench.until(Phase::Open);
        assert!(bench.line.take().is_none());
    }
    assert_eq!(bench.coordinator.epoch(), 1);
    assert!(bench.now >= INTERVAL * 3);
}

#[test]
fn the_next_epoch_is_open_while_one_is_committed_and_ends_after_it() {
    let mut bench = Bench::new();
    bench.until(Phase::Cutting);
    bench.tasks.frozen = Some(messages(1, 0));
    bench.until(Phase::Open);
    assert_eq!(bench.coordinator.epoch(), 2);
    bench.now += INTERVAL * 5;
    for _ in 0..10 {
        bench.step();
        assert_eq!(bench.coordinator.phase(), Phase::Open, "the commit before is not over");
    }
    assert_eq!(bench.commit().map(|frozen| frozen.epoch), Some(1));
    bench.step();
    assert_eq!(bench.coordinator.phase(), Phase::Draining);
}

#[test]
fn all_bolts_of_an_epoch_hear_the_same_about_the_end() {
    let mut bench = Bench::new();
    bench.until(Phase::Firing(1));
    bench.coordinator.finish(true);
    bench.until(Phase::Ended);
    let fired: Vec<_> = bench.tasks.log.iter().filter(|line| line.starts_with("fire")).collect();
    let (before, after) =
        (["fire 0, last false", "fire 1, last false"], ["fire 0, last true", "fire 1, last true"]);
    assert_eq!(fired, [before, after].concat());
}

#[test]
fn a_suspected_epoch_is_committed_before_the_next_one_opens() {
    let mut bench = Bench::new();
    bench.coordinator.budget = Some(1);
    bench.until(Phase::Open);
    bench.tasks.taken = 1;
    bench.until(Phase::Cutting);
    bench.tasks.frozen = Some(messages(1, 0));
    bench.until(Phase::Closed);
    for _ in 0..10 {
        bench.step();
        assert_eq!(bench.coordinator.phase(), Phase::Closed);
    }
    bench.commit();
    bench.until(Phase::Open);
    assert_eq!(bench.tasks.log.last().map(String::as_str), Some("open 2 for 2"));
}

#[test]
fn an_epoch_is_given_up_only_when_the_one_before_is_decided() {
    let mut bench = Bench::new();
    bench.until(Phase::Cutting);
    bench.tasks.frozen = Some(messages(1, 0));
    bench.until(Phase::Open);
    bench.tasks.fallen = Some("a panic".to_owned());
    bench.until(Phase::Failed);
    for _ in 0..10 {
        bench.step();
        assert_eq!(bench.coordinator.phase(), Phase::Failed);
    }
    bench.commit();
    bench.until(Phase::Open);
    assert_eq!(bench.tasks.log.iter().rev().nth(1).map(String::as_str), Some("reset to 2"));
    assert_eq!(bench.coordinator.reason.as_deref(), Some("a panic"));
}

#[test]
fn what_was_in_an_epoch_that_is_given_up_is_not_left_behind_at_the_end() {
    let mut bench = Bench::new();
    bench.until(Phase::Open);
    bench.tasks.taken = 5;
    bench.coordinator.finish(true);
    bench.tasks.fallen = Some("a panic".to_owned());
    bench.until(Phase::Failed);
    bench.until(Phase::Open);
    bench.step();
    assert_eq!(bench.coordinator.phase(), Phase::Open, "five messages are to come again");
    assert!(!bench.coordinator.is_idle());
    bench.tasks.taken = 5;
    bench.step();
    assert_eq!(bench.coordinator.phase(), Phase::Draining);
}

#[test]
fn when_everything_fails_nothing_more_is_buried() {
    let mut bench = Bench::new();
    // Two failures in one epoch, one in the next: three in a row.
    for failed in [2, 1] {
        bench.until(Phase::Cutting);
        bench.tasks.frozen = Some(messages(0, failed));
        bench.step();
        bench.commit();
    }
    assert_eq!(bench.coordinator.epoch(), 2, "the second epoch is not committed");
    assert!(bench.coordinator.stalled.is_some());
    bench.until(Phase::Open);
    assert_eq!(bench.tasks.log.last().map(String::as_str), Some("open 2 for 3"));
    // Nothing was read: it is as it was.
    bench.until(Phase::Cutting);
    bench.until(Phase::Open);
    assert!(bench.coordinator.stalled.is_some());
    // One message is done: the others may be buried.
    bench.until(Phase::Cutting);
    bench.tasks.frozen = Some(messages(1, 2));
    bench.step();
    assert_eq!(bench.coordinator.stalled, None);
    assert_eq!(bench.commit().map(|frozen| frozen.failed), Some(2));
}

#[test]
fn a_run_that_may_not_commit_ends_with_its_reason() {
    let mut bench = Bench::new();
    bench.until(Phase::Open);
    bench.line.done(|commits| commits.ended = Some("another run".to_owned()));
    assert_eq!(bench.step(), Next::Ended(Some("another run".to_owned())));
    assert_eq!(bench.step(), Next::Ended(Some("another run".to_owned())));
}

#[test]
fn the_line_has_room_for_one() {
    let line = Line::default();
    assert!(line.is_free() && line.take().is_none());
    line.submit(messages(1, 0));
    assert!(!line.is_free());
    assert!(line.take().is_some());
    assert!(!line.is_free(), "the epoch is in hand");
    line.done(|commits| commits.committed = 1);
    assert!(line.is_free());
    assert_eq!(line.commits().committed, 1);
}

#[test]
fn a_note_is_noted_when_it_is_written() {
    let line = Line::default();
    assert!(line.is_noted());
    line.note(("name", "value".to_owned()));
    assert!(!line.is_noted());
    assert_eq!(line.take_note(), Some(("name", "value".to_owned())));
    assert!(!line.is_noted(), "it is being written");
    line.noted();
    assert!(line.is_noted());
    assert!(line.is_free(), "a note holds up no epoch");
}

#[test]
fn a_line_that_is_closed_gives_what_is_in_it_and_lets_nobody_wait() {
    let line = Arc::new(Line::default());
    line.submit(messages(1, 0));
    line.close();
    assert!(line.wait());
    assert!(line.take().is_some());
    assert!(!line.wait());
    assert!(!line.pause(Duration::from_secs(600)));
    let ours = Arc::new(Line::default());
    let theirs = ours.clone();
    let waits = std::thread::spawn(move || theirs.wait());
    ours.close();
    assert!(!waits.join().unwrap());
}

fn message(text: &str) -> OutboxMessage {
    OutboxMessage { queue: "out".into(), body: text.into(), headers: Vec::new() }
}

#[test]
fn a_call_that_fails_takes_back_only_what_it_has_collected() {
    let collector = Collector::new("sink".into(), Arc::default());
    let table = |name: &str| Arc::new(name.to_owned()) as Arc<dyn std::any::Any + Send + Sync>;
    let (first, second) = (table("first"), table("second"));
    let names: Arc<[String]> = ["n".to_owned()].into();
    collector.begin_call();
    collector.rows(&first, &names, [Value::Int(1)]);
    collector.message(message("kept"));
    collector.begin_call();
    collector.rows(&first, &names, [Value::Int(2)]);
    collector.rows(&second, &names, [Value::Int(3)]);
    collector.message(message("taken back"));
    collector.roll_back();
    collector.begin_call();
    collector.rows(&second, &names, [Value::Int(4)]);
    let collected = collector.take();
    let rows: Vec<_> = collected.rows.iter().map(|rows| rows.values.clone()).collect();
    assert_eq!(rows, [[Value::Int(1)], [Value::Int(4)]]);
    assert_eq!(collected.messages, [message("kept")]);
    assert!(collector.take().rows.is_empty());
}

#[test]
fn an_epoch_with_dead_letters_alone_is_not_empty() {
    let dead = SourceDead { offset: 1, reason: "bad".into(), by: "bolt".into() };
    let dead = vec![("spout".to_owned(), vec![dead])];
    assert!(!Frozen { dead, ..Frozen::default() }.is_empty());
    assert!(Frozen { epoch: 7, ..Frozen::default() }.is_empty());
}
