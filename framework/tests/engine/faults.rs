//! Tuples that fail: they come back, or end as dead letters with a reason.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering::SeqCst},
    },
    time::{Duration, Instant},
};

use squall_framework::{
    Error, FailureKind, Grouping, Lent, Output, RetryPolicy, Settings, Topology, TopologyState,
    start, testing::Numbers,
};

use crate::parts::{Do, LONG, Letters, Note, Seen, quick};

fn lent(letters: &Letters) -> Lent {
    Lent { dead_letters: Some(Arc::new(letters.clone())), ..Lent::default() }
}

#[test]
fn a_bolt_that_panics_on_one_in_a_hundred_loses_nothing() {
    let (seen, tries) = (Seen::default(), Seen::default());
    let noted = seen.clone();
    let settings = Settings { max_restarts: 10_000, ..quick() };
    let topology = Topology::builder("t")
        .settings(settings)
        .spout("numbers", 1, || Ok(Numbers::up_to(5_000)))
        .bolt("flaky", 2, &[("numbers", Grouping::Shuffle)], move || {
            let tries = tries.clone();
            Ok(Do(move |number, out: &mut Output| {
                assert!(number % 100 != 13 || tries.add(number) > 1, "number {number} is unlucky");
                out.emit([number])
            }))
        })
        .bolt("note", 1, &[("flaky", Grouping::Shuffle)], move || Ok(Note(noted.clone())))
        .build()
        .unwrap();
    let running = start(topology, Lent::default()).unwrap();
    assert!(running.wait_idle(LONG), "{:#?}", running.snapshot());
    seen.each_once(5_000);
    let snapshot = running.snapshot();
    let numbers = snapshot.component("numbers").unwrap();
    assert_eq!((numbers.acked, numbers.failed, numbers.dead), (5_000, 50, 0));
    assert_eq!(snapshot.component("flaky").unwrap().restarts, 50);
    assert!(snapshot.history.iter().any(|event| event.reason.contains("is unlucky")));
}

#[test]
fn data_errors_are_dead_letters_at_once_and_others_after_max_attempts() {
    let (letters, tries) = (Letters::default(), Seen::default());
    let counted = tries.clone();
    let topology = Topology::builder("t")
        .settings(quick())
        .spout("numbers", 1, || Ok(Numbers::up_to(1000)))
        .bolt("picky", 1, &[("numbers", Grouping::Shuffle)], move || {
            let tries = tries.clone();
            Ok(Do(move |number, _: &mut Output| {
                tries.add(number);
                match number {
                    7 => Err(Error::data("seven is not a number")),
                    8 => panic!("eight is too much"),
                    _ => Ok(()),
                }
            }))
        })
        .build()
        .unwrap();
    let running = start(topology, lent(&letters)).unwrap();
    assert!(running.wait_idle(LONG), "{:#?}", running.snapshot());
    assert_eq!(letters.ids(), [7, 8]);
    assert_eq!((counted.count(7), counted.count(8), counted.count(9)), (1, 5, 1));
    for letter in &*letters.0.lock().unwrap() {
        assert_eq!(&*letter.failure.component, "picky");
        let seven = letter.id == 7;
        assert_eq!(letter.attempts, if seven { 1 } else { 5 });
        let kind = if seven { FailureKind::Data } else { FailureKind::Panic };
        assert_eq!(letter.failure.kind, kind);
        assert_eq!(letter.values[0], squall_framework::Value::Int(letter.id as i64));
    }
}

#[test]
fn what_a_failing_call_has_emitted_is_taken_back() {
    let (seen, tries) = (Seen::default(), Seen::default());
    let noted = seen.clone();
    let topology = Topology::builder("t")
        .settings(quick())
        .spout("numbers", 1, || Ok(Numbers::up_to(10)))
        .bolt("half", 1, &[("numbers", Grouping::Shuffle)], move || {
            let tries = tries.clone();
            Ok(Do(move |number, out: &mut Output| {
                out.emit([number * 2])?;
                if tries.add(number) == 1 {
                    return Err(Error::retry("not yet"));
                }
                out.emit([number * 2 + 1])
            }))
        })
        .bolt("note", 1, &[("half", Grouping::Shuffle)], move || Ok(Note(noted.clone())))
        .build()
        .unwrap();
    let running = start(topology, Lent::default()).unwrap();
    let begun = Instant::now();
    assert!(running.wait_idle(LONG));
    // Nothing waited for the message time-out.
    assert!(begun.elapsed() < Duration::from_secs(20));
    seen.each_once(20);
    assert_eq!(running.snapshot().component("half").unwrap().emitted, 20);
}

#[test]
fn when_everything_fails_the_topology_is_stalled_and_recovers() {
    let (letters, seen) = (Letters::default(), Seen::default());
    let away = Arc::new(AtomicBool::new(true));
    let (noted, is_away) = (seen.clone(), away.clone());
    let topology = Topology::builder("t")
        .settings(quick())
        .spout("numbers", 1, || Ok(Numbers::up_to(100)))
        .bolt("store", 1, &[("numbers", Grouping::Shuffle)], move || {
            let (noted, away) = (noted.clone(), is_away.clone());
            Ok(Do(move |number, _: &mut Output| {
                if away.load(SeqCst) {
                    return Err(Error::retry("the store does not answer"));
                }
                noted.add(number);
                Ok(())
            }))
        })
        .build()
        .unwrap();
    let running = start(topology, lent(&letters)).unwrap();
    let deadline = Instant::now() + LONG;
    let stalled = || match running.snapshot().state {
        TopologyState::Stalled(reason) => Some(reason),
        _ => None,
    };
    while stalled().is_none() || running.snapshot().spouts(|c| c.failed) < 1000 {
        assert!(Instant::now() < deadline, "{:#?}", running.snapshot());
        std::thread::sleep(Duration::from_millis(5));
    }
    assert!(stalled().unwrap().contains("the store does not answer"));
    away.store(false, SeqCst);
    assert!(running.wait_idle(LONG), "{:#?}", running.snapshot());
    seen.each_once(100);
    assert!(letters.ids().is_empty(), "nothing became a dead letter");
    assert_eq!(running.snapshot().state, TopologyState::Running);
}

#[test]
fn a_bolt_without_any_success_does_not_dead_letter_the_world() {
    let letters = Letters::default();
    let retry = RetryPolicy { stall_after: 50, ..quick().retry };
    let topology = Topology::builder("t")
        .settings(Settings { retry, ..quick() })
        .spout("numbers", 1, || Ok(Numbers::up_to(10_000)))
        .bolt("wrong", 1, &[("numbers", Grouping::Shuffle)], || {
            Ok(Do(|_, _: &mut Output| Err(Error::data("no such field"))))
        })
        .build()
        .unwrap();
    let running = start(topology, lent(&letters)).unwrap();
    let deadline = Instant::now() + LONG;
    while running.snapshot().state == TopologyState::Running {
        assert!(Instant::now() < deadline);
        std::thread::sleep(Duration::from_millis(5));
    }
    assert!(letters.ids().len() < 50, "{} dead letters", letters.ids().len());
}

#[test]
fn a_message_without_progress_times_out_and_comes_back() {
    let (seen, slow) = (Seen::default(), Arc::new(AtomicU64::new(0)));
    let noted = seen.clone();
    let settings = Settings { message_timeout: Duration::from_millis(300), ..quick() };
    let topology = Topology::builder("t")
        .settings(settings)
        .spout("numbers", 1, || Ok(Numbers::up_to(3)))
        .bolt("slow", 1, &[("numbers", Grouping::Shuffle)], move || {
            let (seen, slow) = (noted.clone(), slow.clone());
            Ok(Do(move |number, _: &mut Output| {
                if number == 1 && slow.fetch_add(1, SeqCst) == 0 {
                    std::thread::sleep(Duration::from_millis(900));
                }
                seen.add(number);
                Ok(())
            }))
        })
        .blocking(true)
        .build()
        .unwrap();
    let running = start(topology, Lent::default()).unwrap();
    assert!(running.wait_idle(LONG));
    let snapshot = running.snapshot();
    let numbers = snapshot.component("numbers").unwrap();
    assert_eq!(numbers.acked, 3, "each message is settled once as done");
    assert!(numbers.failed >= 1, "and failed before that");
    assert!(seen.count(1) >= 2, "it was delivered again");
    assert_eq!(seen.distinct(), 3);
}

#[test]
fn waiting_in_a_line_that_moves_is_no_lack_of_progress() {
    let settings = Settings { message_timeout: Duration::from_millis(400), ..quick() };
    let topology = Topology::builder("t")
        .settings(settings)
        .spout("numbers", 1, || Ok(Numbers::up_to(600)))
        .bolt("pass", 1, &[("numbers", Grouping::Shuffle)], || {
            Ok(Do(|number, out: &mut Output| out.emit([number])))
        })
        .bolt("slow", 1, &[("pass", Grouping::Shuffle)], || {
            Ok(Do(|_, _: &mut Output| {
                std::thread::sleep(Duration::from_millis(5));
                Ok(())
            }))
        })
        .blocking(true)
        .build()
        .unwrap();
    let running = start(topology, Lent::default()).unwrap();
    assert!(running.wait_idle(LONG));
    let snapshot = running.snapshot();
    let numbers = snapshot.component("numbers").unwrap();
    assert_eq!((numbers.acked, numbers.failed), (600, 0));
    assert_eq!(snapshot.component("slow").unwrap().executed, 600);
}
