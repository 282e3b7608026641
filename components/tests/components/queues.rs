//! The queue at both ends of a bolt.

use std::{collections::BTreeSet, time::Duration};

use squall_broker::{Batch, Message, Queue, QueueAttributes, Store, StoreOptions};
use squall_framework::{
    Bolt, Error, Grouping, Lent, Output, Resources, Result, RetryPolicy, Role, Settings, Topology,
    Tuple, start,
};

use crate::{
    documentation::docs,
    harness::{Fixed, factory, run_bolt, run_spout},
};

struct Queues {
    store: Store,
    resources: Resources,
    _folder: tempfile::TempDir,
}

fn queues() -> Queues {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path(), StoreOptions::small()).unwrap();
    Queues { resources: Resources::default().with(store.clone()), store, _folder: folder }
}

fn filled(queues: &Queues, name: &str, messages: impl IntoIterator<Item = String>) -> Queue {
    let queue = queues.store.create_queue(name, &QueueAttributes::default()).unwrap();
    let mut batch = Batch::default();
    messages.into_iter().for_each(|message| batch.push(message.as_bytes()));
    queue.send_batch(batch).unwrap().wait().unwrap();
    queue
}

fn bodies(queue: &Queue) -> Vec<String> {
    queue
        .peek(1_000)
        .unwrap()
        .iter()
        .map(|message| String::from_utf8_lossy(&message.body).into_owned())
        .collect()
}

fn left(queue: &Queue, group: &str) -> u64 {
    let stats = queue.stats().unwrap();
    let group = stats.groups.iter().find(|stats| stats.name == group).unwrap();
    group.active + group.inactive
}

#[test]
fn messages_as_documented() {
    let queues = queues();
    let blocks = docs(Role::Bolt, "queue");
    let ran =
        run_bolt(&blocks[0].1, Fixed::from_json(&blocks[1].1), false, queues.resources.clone());
    assert!(ran.dead.is_empty());
    assert_eq!(bodies(&queues.store.queue("alarms").unwrap()), [blocks[2].1.clone()]);
}

#[test]
fn one_field_as_the_message() {
    let queues = queues();
    let input = Fixed::from_json("{\"a\": \"one\", \"b\": 1}\n{\"a\": \"two\", \"b\": 2}");
    run_bolt("{ type: queue, queue: out, field: a }", input, false, queues.resources.clone());
    assert_eq!(bodies(&queues.store.queue("out").unwrap()), ["one", "two"]);
}

#[test]
fn a_tuple_that_is_too_large_for_the_queue_fails_alone() {
    let queues = queues();
    let small = QueueAttributes { max_message_size: 10, ..QueueAttributes::default() };
    queues.store.create_queue("out", &small).unwrap();
    let input = Fixed::from_json("{\"a\": \"one\"}\n{\"a\": \"eleven long\"}\n{\"a\": \"two\"}");
    let ran =
        run_bolt("{ type: queue, queue: out, field: a }", input, false, queues.resources.clone());
    assert_eq!(ran.dead.len(), 1);
    assert!(
        ran.dead[0].contains("a message of 11 bytes; the queue takes 10 at most"),
        "{:?}",
        ran.dead
    );
    assert_eq!(bodies(&queues.store.queue("out").unwrap()), ["one", "two"]);
}

#[test]
fn every_message_is_emitted_once_and_settled() {
    let queues = queues();
    let queue = filled(&queues, "in", (0..20_000).map(|n| format!("message {n}")));
    let (_, yaml) = docs(Role::Spout, "queue").swap_remove(0);
    let ran = run_spout(&yaml.replace("shares", "in"), queues.resources.clone());
    let expected: Vec<_> = (0..20_000).map(|n| format!("message {n}")).collect();
    let emitted: Vec<_> = ran.rows.iter().map(|row| row["body"].as_str().unwrap()).collect();
    assert_eq!(emitted, expected);
    assert!(ran.rows[0]["sent"].as_str().unwrap().starts_with("20"));
    assert_eq!(left(&queue, "test"), 0);
    // The claim is released: another run of the same topology finds nothing left, one of another group all.
    assert_eq!(run_spout("{ type: queue, queue: in }", queues.resources.clone()).rows.len(), 0);
    assert_eq!(
        run_spout("{ type: queue, queue: in, group: other }", queues.resources.clone()).rows.len(),
        0
    );
}

#[test]
fn bytes_that_are_no_text_arrive_as_they_are() {
    let queues = queues();
    let queue = queues.store.create_queue("raw", &QueueAttributes::default()).unwrap();
    queue.send(&[Message::new(&b"\xff\x00"[..])]).unwrap();
    let ran = run_spout("{ type: queue, queue: raw }", queues.resources.clone());
    assert_eq!(ran.rows[0]["body"], serde_json::json!([255, 0]));
}

/// Fails each message the first time, and those that end in 9 for good.
struct Moody(BTreeSet<String>);

impl Bolt for Moody {
    fn execute(&mut self, tuple: &Tuple<'_>, _: &mut Output) -> Result<()> {
        let body = tuple.str("body")?.to_owned();
        if body.ends_with('9') {
            return Err(Error::data("nobody wants a nine"));
        }
        if self.0.insert(body) { Err(Error::retry("not in the mood")) } else { Ok(()) }
    }
}

#[test]
fn failed_messages_come_back_and_then_go_to_the_dead_letters_with_their_reason() {
    let queues = queues();
    let queue = filled(&queues, "in", (0..100).map(|n| format!("message {n}")));
    let settings = Settings {
        retry: RetryPolicy {
            backoff: Duration::from_millis(5),
            max_backoff: Duration::from_millis(20),
            ..RetryPolicy::default()
        },
        ..Settings::default()
    };
    let topology = Topology::builder("test")
        .settings(settings)
        .component(
            "it",
            "queue",
            1,
            factory(Role::Spout, "{ type: queue, queue: in }").unwrap(),
            Vec::new(),
        )
        .bolt("moody", 1, &[("it", Grouping::Shuffle)], || Ok(Moody(BTreeSet::new())))
        .build()
        .unwrap();
    let running =
        start(topology, Lent { resources: queues.resources.clone(), ..Lent::default() }).unwrap();
    assert!(running.wait_idle(Duration::from_secs(60)), "{:#?}", running.snapshot());
    running.stop();
    assert_eq!(left(&queue, "test"), 0);
    let dead = queues.store.queue("in.dead").unwrap().peek(1_000).unwrap();
    let mut reasons: Vec<_> = dead
        .iter()
        .map(|message| {
            let letter = message.dead_letter.as_ref().unwrap();
            (
                String::from_utf8_lossy(&message.body).into_owned(),
                letter.reason.clone(),
                letter.by.clone(),
            )
        })
        .collect();
    reasons.sort();
    assert_eq!(reasons.len(), 10, "{reasons:?}");
    assert_eq!(reasons[0], ("message 19".into(), "nobody wants a nine".into(), "moody".into()));
}

#[test]
fn without_queues_a_topology_says_so() {
    let topology = Topology::builder("test")
        .component(
            "it",
            "queue",
            1,
            factory(Role::Spout, "{ type: queue, queue: in }").unwrap(),
            Vec::new(),
        )
        .build()
        .unwrap();
    let running = start(topology, Lent::default()).unwrap();
    let started = std::time::Instant::now();
    loop {
        let error = running.snapshot().component("it").unwrap().last_error.clone();
        if let Some(error) = error {
            assert!(error.contains("started without a data folder"), "{error}");
            break;
        }
        assert!(started.elapsed() < Duration::from_secs(20), "no error was reported");
        std::thread::sleep(Duration::from_millis(5));
    }
    running.stop();
}
