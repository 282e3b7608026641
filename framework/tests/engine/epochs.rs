//! Topologies with state: every message counts once, whatever happens.

use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::SeqCst},
    },
    time::{Duration, Instant},
};

use squall_framework::{
    Error, Grouping, Lent, Output, Result, Running, Settings, StoreFault, Topology, TopologyState,
    start, start_in_epochs, testing::Numbers,
};

use crate::{
    parts::{LONG, quick},
    world::{Count, Save, World},
};

fn settings() -> Settings {
    Settings { commit_interval: Duration::from_millis(10), ..quick() }
}

struct Key<F>(i64, F);

impl<F: FnMut(i64) -> Result<()> + 'static> squall_framework::Bolt for Key<F> {
    fn declare(
        &self,
        _: &squall_framework::Inputs,
    ) -> Result<squall_framework::Streams, squall_framework::Problem> {
        use squall_framework::{Kind, Schema, Streams};
        Ok(Streams::one(Schema::new([("key", Kind::Int), ("number", Kind::Int)])))
    }

    fn execute(&mut self, tuple: &squall_framework::Tuple<'_>, out: &mut Output) -> Result<()> {
        let number = tuple.int("number")?;
        out.emit((number % self.0, number))?;
        (self.1)(number)
    }
}

/// numbers -> key -> count -> save, with something to be done at each number in `key` and `count`.
fn topology<F, G>(world: &World, settings: Settings, key: F, count: G) -> Topology
where
    F: Fn(i64) -> Result<()> + Clone + Send + Sync + 'static,
    G: Fn(i64) -> Result<()> + Clone + Send + Sync + 'static,
{
    let spout = world.clone();
    Topology::builder("counts")
        .settings(settings)
        .spout("numbers", 1, move || Ok(spout.spout()))
        .bolt("key", 2, &[("numbers", Grouping::Shuffle)], move || Ok(Key(7, key.clone())))
        .bolt("count", 3, &[("key", Grouping::Fields(vec!["key".into()]))], move || {
            Ok(Count::new(7, count.clone()))
        })
        .bolt("save", 1, &[("count", Grouping::Global)], || Ok(Save::default()))
        .build()
        .unwrap()
}

fn fine(_: i64) -> Result<()> {
    Ok(())
}

fn run(world: &World, topology: Topology) -> Running {
    start_in_epochs(topology, Lent::default(), world.epochs()).unwrap_or_else(|e| panic!("{e}"))
}

fn expected(messages: u64, but: &[u64]) -> BTreeMap<i64, i64> {
    let mut table = BTreeMap::new();
    for number in (0..messages).filter(|number| !but.contains(number)) {
        *table.entry((number % 7) as i64).or_default() += 1;
    }
    table
}

fn finish(running: Running) {
    assert!(running.wait_idle(LONG), "{:#?}", running.snapshot());
    assert!(running.drain(LONG), "{:#?}", running.snapshot());
    running.stop();
}

fn wait(condition: impl Fn() -> bool) {
    let deadline = Instant::now() + LONG;
    while !condition() {
        assert!(Instant::now() < deadline, "waited in vain");
        std::thread::sleep(Duration::from_millis(2));
    }
}

#[test]
fn counts_are_committed_with_what_was_read() {
    let world = World::with_messages(100_000);
    finish(run(&world, topology(&world, settings(), fine, fine)));
    assert_eq!(world.table(), expected(100_000, &[]));
    assert_eq!(world.0.lock().unwrap().settled.len(), 100_000);
    // The next run goes on where this one ended.
    world.0.lock().unwrap().messages = 150_000;
    finish(run(&world, topology(&world, settings(), fine, fine)));
    assert_eq!(world.table(), expected(150_000, &[]));
}

#[test]
fn a_run_that_is_dropped_counts_nothing_twice() {
    let world = World::with_messages(300_000);
    for _ in 0..20 {
        let running = run(&world, topology(&world, settings(), fine, fine));
        let commits = world.0.lock().unwrap().commits;
        wait(|| {
            let inner = world.0.lock().unwrap();
            inner.commits > commits || inner.settled.len() as u64 == inner.messages
        });
        drop(running);
    }
    finish(run(&world, topology(&world, settings(), fine, fine)));
    assert_eq!(world.table(), expected(300_000, &[]));
}

#[test]
fn an_epoch_without_messages_is_not_committed() {
    let world = World::with_messages(0);
    let running = run(&world, topology(&world, settings(), fine, fine));
    std::thread::sleep(Duration::from_millis(100));
    finish(running);
    assert_eq!(world.0.lock().unwrap().commits, 0);
}

/// How many messages are done, and how many are dead letters, as the spout counts them.
fn ends(running: &Running) -> (u64, u64) {
    let snapshot = running.snapshot();
    let spout = snapshot.components.iter().find(|component| component.is_spout).unwrap();
    (spout.acked, spout.dead)
}

#[test]
fn a_bolt_with_state_that_panics_begins_the_epoch_anew() {
    let world = World::with_messages(50_000);
    let panics = Arc::new(AtomicU64::new(0));
    let count = panics.clone();
    let topology = topology(&world, settings(), fine, move |number| {
        if number % 10_000 == 7_777 && count.fetch_add(1, SeqCst) < 4 {
            panic!("at {number}");
        }
        Ok(())
    });
    let running = run(&world, topology);
    assert!(running.wait_idle(LONG), "{:#?}", running.snapshot());
    let snapshot = running.snapshot();
    let epochs = snapshot.epochs.unwrap();
    assert!(epochs.rollbacks >= 1, "{epochs:?}");
    assert!(epochs.reason.unwrap().contains("at "), "the reason is told");
    assert_eq!(ends(&running), (50_000, 0), "what came again is counted once");
    finish(running);
    assert_eq!(world.table(), expected(50_000, &[]));
    assert!(panics.load(SeqCst) >= 4);
}

#[test]
fn a_message_on_which_a_bolt_with_state_always_panics_becomes_a_dead_letter() {
    let world = World::with_messages(5_000);
    let topology = topology(&world, settings(), fine, |number| {
        assert!(number != 4_000, "poison");
        Ok(())
    });
    let running = run(&world, topology);
    assert!(running.wait_idle(LONG), "{:#?}", running.snapshot());
    assert_eq!(ends(&running), (4_999, 1));
    finish(running);
    assert_eq!(world.table(), expected(5_000, &[4_000]));
    let inner = world.0.lock().unwrap();
    assert_eq!(inner.dead.len(), 1);
    assert_eq!((inner.dead[0].offset, &*inner.dead[0].by), (4_000, "count"));
    assert!(inner.dead[0].reason.contains("poison"));
}

#[test]
fn errors_are_dead_letters_or_tried_again_in_their_place() {
    let world = World::with_messages(20_000);
    let tries = Arc::new(AtomicU64::new(0));
    let (count, stateless) = (tries.clone(), tries.clone());
    let topology = topology(
        &world,
        settings(),
        move |number| match number {
            // Emitted, and taken back.
            100 => Err(Error::data("a bad message")),
            200 if stateless.fetch_add(1, SeqCst) % 3 != 2 => Err(Error::retry("away")),
            300 if stateless.fetch_add(1, SeqCst) % 3 != 2 => panic!("now and then"),
            400 => panic!("always"),
            _ => Ok(()),
        },
        move |number| match number {
            500 => Err(Error::data("counted, and taken back")),
            600 if count.fetch_add(1, SeqCst) % 3 != 2 => Err(Error::retry("away")),
            700 => Err(Error::retry("always away")),
            _ => Ok(()),
        },
    );
    finish(run(&world, topology));
    let inner = world.0.lock().unwrap();
    let mut dead: Vec<_> = inner.dead.iter().map(|letter| letter.offset).collect();
    dead.sort_unstable();
    assert_eq!(dead, [100, 400, 500, 700]);
    drop(inner);
    assert_eq!(world.table(), expected(20_000, &[100, 400, 500, 700]));
}

#[test]
fn when_something_outside_is_away_rows_wait_and_are_not_buried() {
    let world = World::with_messages(20_000);
    let away = Arc::new(AtomicU64::new(1));
    let is_away = away.clone();
    let topology = topology(&world, settings(), fine, move |_| match is_away.load(SeqCst) {
        0 => Ok(()),
        _ => Err(Error::retry("the service is away")),
    });
    let running = run(&world, topology);
    wait(|| matches!(running.snapshot().state, TopologyState::Stalled(_)));
    // Longer than any attempt takes.
    std::thread::sleep(Duration::from_millis(300));
    away.store(0, SeqCst);
    finish(running);
    // A task that does not know it yet gives up one row; the next one waits.
    let dead: Vec<u64> = world.0.lock().unwrap().dead.iter().map(|dead| dead.offset).collect();
    assert!(dead.len() <= 3, "{dead:?}");
    assert_eq!(world.table(), expected(20_000, &dead));
}

#[test]
fn a_store_that_is_away_is_waited_for() {
    let world = World::with_messages(30_000);
    {
        let mut inner = world.0.lock().unwrap();
        inner.store_faults = vec![
            StoreFault::Retry("away".into()),
            StoreFault::Refused("no such column".into()),
            StoreFault::Unknown("the connection broke".into()),
        ];
    }
    let running = run(&world, topology(&world, settings(), fine, fine));
    wait(|| matches!(running.snapshot().state, TopologyState::Stalled(_)));
    finish(running);
    assert_eq!(world.table(), expected(30_000, &[]));
}

#[test]
fn a_commit_of_which_nobody_knows_is_looked_up() {
    for made in [true, false] {
        let world = World::with_messages(10_000);
        world.0.lock().unwrap().unknown = Some(made);
        finish(run(&world, topology(&world, settings(), fine, fine)));
        assert_eq!(world.table(), expected(10_000, &[]), "{made}");
    }
}

#[test]
fn a_run_that_was_taken_over_from_ends() {
    let world = World::with_messages(1_000);
    let older = run(&world, topology(&world, settings(), fine, fine));
    wait(|| world.0.lock().unwrap().commits > 0);
    world.0.lock().unwrap().committed.incarnation += 1;
    world.0.lock().unwrap().messages = 2_000;
    let commits = world.0.lock().unwrap().commits;
    wait(|| matches!(older.snapshot().state, TopologyState::Failed(_)));
    assert!(!older.drain(Duration::from_secs(1)));
    drop(older);
    assert_eq!(world.0.lock().unwrap().commits, commits);
}

#[test]
fn a_row_that_the_store_rejects_is_a_dead_letter() {
    let world = World::with_messages(13_001);
    let spout = world.clone();
    let topology = Topology::builder("rows")
        .settings(Settings { delivery: squall_framework::Delivery::ExactlyOnce, ..settings() })
        .spout("numbers", 1, move || Ok(spout.spout()))
        .bolt("key", 1, &[("numbers", Grouping::Shuffle)], || Ok(Key(1_000_000, fine)))
        .bolt("save", 1, &[("key", Grouping::Shuffle)], || Ok(Save::default()))
        .build()
        .unwrap();
    finish(run(&world, topology));
    assert_eq!(world.table().len(), 13_000);
    let inner = world.0.lock().unwrap();
    assert_eq!(inner.sent.len(), 1);
    assert_eq!(String::from_utf8_lossy(&inner.sent[0].body), r#"{"count":13000,"key":13000}"#);
    assert!(inner.sent[0].headers.contains(&("reason".into(), "unlucky".into())));
}

#[test]
fn when_every_message_fails_nothing_is_buried() {
    let world = World::with_messages(20_000);
    let broken = Arc::new(AtomicU64::new(1));
    let is_broken = broken.clone();
    let topology = topology(
        &world,
        settings(),
        move |_| match is_broken.load(SeqCst) {
            0 => Ok(()),
            _ => Err(Error::data("the parser is wrong")),
        },
        fine,
    );
    let running = run(&world, topology);
    wait(|| matches!(running.snapshot().state, TopologyState::Stalled(_)));
    assert!(world.0.lock().unwrap().dead.is_empty());
    broken.store(0, SeqCst);
    finish(running);
    assert_eq!(world.table(), expected(20_000, &[]));
}

#[test]
fn a_state_that_does_not_go_with_the_store_is_refused() {
    let world = World::with_messages(1_000);
    finish(run(&world, topology(&world, settings(), fine, fine)));
    world.0.lock().unwrap().applied = (0, String::new());
    let refused =
        start_in_epochs(topology(&world, settings(), fine, fine), Lent::default(), world.epochs());
    let reason = refused.err().unwrap().to_string();
    assert!(reason.contains("squall state rebuild"), "{reason}");
}

#[test]
fn without_a_store_the_process_remembers() {
    // A spout that cannot go back: the engine keeps its messages until they are committed.
    let world = World::default();
    let panics = Arc::new(AtomicU64::new(0));
    let topology = Topology::builder("memory")
        .settings(settings())
        .spout("numbers", 1, || Ok(Numbers::up_to(100_000)))
        .bolt("key", 1, &[("numbers", Grouping::Shuffle)], || Ok(Key(7, fine)))
        .bolt("count", 2, &[("key", Grouping::Fields(vec!["key".into()]))], move || {
            let panics = panics.clone();
            Ok(Count::new(7, move |number| {
                if number == 50_000 && panics.fetch_add(1, SeqCst) == 0 {
                    panic!("once");
                }
                Ok(())
            }))
        })
        .bolt("last", 1, &[("count", Grouping::Global)], move || {
            let world = world.clone();
            Ok(crate::parts::Do(move |key, _: &mut Output| {
                world.0.lock().unwrap().table.insert(key, 1);
                Ok(())
            }))
        })
        .build()
        .unwrap();
    let running = start(topology, Lent::default()).unwrap_or_else(|error| panic!("{error}"));
    assert!(running.wait_idle(LONG), "{:#?}", running.snapshot());
    let snapshot = running.snapshot();
    let epochs = snapshot.epochs.as_ref().unwrap();
    assert!(epochs.rollbacks == 1 && epochs.committed > 0, "{epochs:?}");
    assert!(running.finish(LONG));
    running.stop();
}

#[test]
fn state_needs_a_grouping_that_brings_equal_keys_together() {
    let built = Topology::builder("loose")
        .spout("numbers", 1, || Ok(Numbers::up_to(1)))
        .bolt("count", 2, &[("numbers", Grouping::Shuffle)], || Ok(Count::new(7, fine)))
        .build();
    let problem = built.err().unwrap();
    assert!(problem.message.contains("keeps state"), "{problem}");
    assert!(problem.help.unwrap().contains("grouping: fields"));
}
