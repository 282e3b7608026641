//! The queue against a plain model, by chance: whatever is sent, received, deleted, delayed, rewound
//! or purged, with time passing and the store closed, killed or losing its ledger in between.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use proptest::prelude::*;
use squall_broker::{Clock, Handle, Message, MessageId, QueueAttributes, Store, StoreOptions};
use squall_durable::SimDisk;

const RETENTION: Duration = Duration::from_secs(100_000);
const REWIND: Duration = Duration::from_secs(400);

#[derive(Debug, Clone)]
enum Step {
    Send { count: usize, bytes: usize, delay: u64 },
    Again,
    Receive { max: usize, visibility: u64 },
    Delete { every: usize },
    Change { which: usize, visibility: u64 },
    Pass { seconds: u64 },
    Reopen,
    Kill { ledger: bool },
    Purge,
    Rewind { back: u64 },
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => (1..200_usize, 1..2_000_usize, prop_oneof![4 => Just(0_u64), 1 => 1..60_u64])
            .prop_map(|(count, bytes, delay)| Step::Send { count, bytes, delay }),
        2 => Just(Step::Again),
        6 => (1..300_usize, 1..60_u64).prop_map(|(max, visibility)| Step::Receive { max, visibility }),
        5 => (1..4_usize).prop_map(|every| Step::Delete { every }),
        2 => (0..50_usize, 0..90_u64).prop_map(|(which, visibility)| Step::Change { which, visibility }),
        4 => (1..100_u64).prop_map(|seconds| Step::Pass { seconds }),
        1 => Just(Step::Reopen),
        2 => any::<bool>().prop_map(|ledger| Step::Kill { ledger }),
        1 => Just(Step::Purge),
        1 => (0..500_u64).prop_map(|back| Step::Rewind { back }),
    ]
}

/// A message as the model has it, by id.
#[derive(Debug, Clone)]
struct Modelled {
    body: Vec<u8>,
    sent_ms: u64,
    due_ms: u64,
    attempts: u32,
    visible_ms: u64,
    settled_ms: Option<u64>,
}

struct World {
    folder: tempfile::TempDir,
    disk: SimDisk,
    clock: Clock,
    store: Option<Store>,
    model: BTreeMap<u64, Modelled>,
    handles: Vec<(Handle, u64, u32)>,
    /// The batch that was sent last, and its number.
    last: (Vec<Message>, u64),
}

impl World {
    fn new() -> Self {
        let mut world = Self {
            folder: tempfile::tempdir().unwrap(),
            disk: SimDisk::new(),
            clock: Clock::manual(1_700_000_000_000),
            store: None,
            model: BTreeMap::new(),
            handles: Vec::new(),
            last: (Vec::new(), 0),
        };
        world.open(true);
        let attributes =
            QueueAttributes { retention: RETENTION, rewind: REWIND, ..QueueAttributes::default() };
        world.store().create_queue("q", &attributes).unwrap().group("default").unwrap();
        world
    }

    fn open(&mut self, ledger: bool) {
        self.store = None;
        let options = StoreOptions {
            clock: self.clock.clone(),
            disk: Arc::new(self.disk.clone()),
            segment_bytes: 256 << 10,
            checkpoint_bytes: 100 << 10,
            ledger,
            ..StoreOptions::small()
        };
        let store = Store::open(self.folder.path(), options).unwrap();
        // A kill may hit the store while it gives disk space back.
        let damage = store.damage();
        assert!(damage.iter().all(|d| d.contains("as after an interrupted write")), "{damage:?}");
        self.store = Some(store);
        self.store().tick();
    }

    fn store(&self) -> &Store {
        self.store.as_ref().unwrap()
    }

    fn run(&mut self, step: &Step) {
        let now = self.clock.now_ms();
        match *step {
            Step::Send { count, bytes, delay } => self.send(count, bytes, delay, now),
            Step::Again => assert_eq!(self.send_last(), Vec::new()),
            Step::Receive { max, visibility } => self.receive(max, visibility, now),
            Step::Delete { every } => {
                let (gone, kept): (Vec<_>, Vec<_>) =
                    self.handles.drain(..).enumerate().partition(|(i, _)| i % every == 0);
                self.handles = kept.into_iter().map(|(_, handle)| handle).collect();
                for (_, (handle, id, attempt)) in gone {
                    let message = self
                        .model
                        .get_mut(&id)
                        .filter(|m| m.settled_ms.is_none() && m.attempts == attempt);
                    let deleted =
                        self.store.as_ref().unwrap().queue("q").unwrap().delete(&[handle]);
                    assert_eq!(deleted.is_ok(), message.is_some(), "{deleted:?} {id}");
                    if let Some(message) = message {
                        message.settled_ms = Some(now);
                    }
                }
            }
            Step::Change { which, visibility } => {
                if let Some(&(handle, id, attempt)) = self.handles.get(which) {
                    let message = self
                        .model
                        .get_mut(&id)
                        .filter(|m| m.settled_ms.is_none() && m.attempts == attempt);
                    let queue = self.store.as_ref().unwrap().queue("q").unwrap();
                    let changed = queue
                        .group("default")
                        .unwrap()
                        .change_visibility(handle, Duration::from_secs(visibility));
                    assert_eq!(changed.is_ok(), message.is_some());
                    if let Some(message) = message {
                        message.visible_ms = now + visibility * 1_000;
                    }
                }
            }
            Step::Pass { seconds } => {
                self.clock.advance(Duration::from_secs(seconds));
                self.store().tick();
            }
            Step::Reopen => self.open(true),
            Step::Kill { ledger } => {
                // What need not be on disk is, so that the model need not guess.
                self.store().flush().unwrap();
                self.disk = self.disk.lose_power(now, 0.5);
                self.open(ledger);
            }
            Step::Purge => {
                self.store().queue("q").unwrap().purge().unwrap();
                self.model.clear();
                self.handles.clear();
            }
            Step::Rewind { back } => {
                let from = now.saturating_sub(back * 1_000);
                self.store().queue("q").unwrap().rewind(from).unwrap();
                // What comes again and what does not depends on where blocks end; so it is asked.
                self.learn();
            }
        }
    }

    fn send(&mut self, count: usize, bytes: usize, delay: u64, now: u64) {
        let first = self.model.keys().next_back().map_or(0, |last| last + 1);
        let body =
            |i: usize| format!("{:06}-{}", first as usize + i, "x".repeat(bytes)).into_bytes();
        let message = |i| Message::new(body(i)).delayed(Duration::from_secs(delay));
        let messages: Vec<Message> = (0..count).map(message).collect();
        self.last = (messages, self.last.1 + 1);
        let ids = self.send_last();
        for (i, id) in ids.into_iter().enumerate() {
            let due_ms = now + delay * 1_000;
            let new = Modelled {
                body: body(i),
                sent_ms: now,
                due_ms,
                attempts: 0,
                visible_ms: 0,
                settled_ms: None,
            };
            assert!(self.model.insert(id.0, new).is_none());
        }
    }

    /// Sends the last batch, unless it is there already.
    fn send_last(&self) -> Vec<MessageId> {
        let queue = self.store().queue("q").unwrap();
        let batch = self.last.0.iter().cloned().collect();
        let sent = queue.send_once(batch, "model", self.last.1).unwrap();
        sent.wait().unwrap().ids().collect()
    }

    fn receive(&mut self, max: usize, visibility: u64, now: u64) {
        let ready =
            |m: &&Modelled| m.settled_ms.is_none() && m.due_ms <= now && m.visible_ms <= now;
        let again = self.model.values().filter(ready).filter(|m| m.attempts > 0).count();
        let all = self.model.values().filter(ready).count();
        let queue = self.store().queue("q").unwrap();
        let got = queue.receive(max, Some(Duration::from_secs(visibility))).unwrap();
        assert_eq!(got.len(), all.min(max), "of {all} ready, {again} of them again");
        let mut redelivered = 0;
        for (index, received) in got.iter().enumerate() {
            let message = self.model.get_mut(&received.id.0).expect("a message that was purged");
            assert_eq!(received.body, message.body);
            assert_eq!(received.enqueued_ms, message.sent_ms);
            assert!(message.settled_ms.is_none(), "settled {} came again", received.id);
            assert!(message.visible_ms <= now && message.due_ms <= now);
            redelivered += usize::from(message.attempts > 0);
            assert!(
                message.attempts == 0 || redelivered == index + 1,
                "a redelivery behind a new message"
            );
            message.attempts += 1;
            message.visible_ms = now + visibility * 1_000;
            assert_eq!(received.dequeue_count, message.attempts);
            self.handles.push((received.handle, received.id.0, message.attempts));
        }
        assert_eq!(redelivered, again.min(max));
    }

    /// After a rewind: all that is there and not settled is as new, from the first that was settled.
    fn learn(&mut self) {
        self.handles.clear();
        let queue = self.store().queue("q").unwrap();
        let mut counts = BTreeMap::new();
        for message in queue.peek(usize::MAX).unwrap() {
            counts.insert(message.id.0, message.dequeue_count);
        }
        let now = self.clock.now_ms();
        for (id, message) in &mut self.model {
            let delayed = message.due_ms > now;
            match counts.get(id) {
                Some(0) => {
                    (message.settled_ms, message.attempts, message.visible_ms) = (None, 0, 0)
                }
                Some(count) => assert_eq!((message.settled_ms, message.attempts), (None, *count)),
                None => assert!(delayed || message.settled_ms.is_some(), "message {id} is lost"),
            }
        }
    }

    fn check(&self) {
        let stats = self.store().queue("q").unwrap().stats().unwrap();
        let now = self.clock.now_ms();
        let open = |m: &&Modelled| m.settled_ms.is_none();
        let delayed = self.model.values().filter(open).filter(|m| m.due_ms > now).count() as u64;
        let away = self
            .model
            .values()
            .filter(open)
            .filter(|m| m.due_ms <= now && m.visible_ms > now)
            .count() as u64;
        let all = self.model.values().filter(open).count() as u64;
        assert_eq!(
            (stats.active, stats.inactive, stats.delayed),
            (all - delayed - away, away, delayed)
        );
        assert_eq!(stats.lost, 0);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: cases(), max_shrink_iters: 200, ..ProptestConfig::default() })]

    #[test]
    fn the_queue_does_what_the_model_does(steps in proptest::collection::vec(step(), 1..60)) {
        let mut world = World::new();
        for step in &steps {
            world.run(step);
            world.check();
        }
    }
}

fn cases() -> u32 {
    if std::env::var_os("SQUALL_SOAK").is_some() { 2_000 } else { 60 }
}

/// What a rewind has made visible again is not settled, and does not go when the time is over
/// for which settled messages are kept, also after a rebuild from the log.
#[test]
fn what_was_rewound_stays_until_it_is_settled_again() {
    for kills in [vec![], vec![true], vec![false], vec![false, true], vec![false, true, false]] {
        let mut world = World::new();
        let mut steps = vec![
            Step::Send { count: 113, bytes: 1525, delay: 0 },
            Step::Receive { max: 94, visibility: 57 },
            Step::Delete { every: 1 },
            Step::Pass { seconds: 200 },
            Step::Rewind { back: 353 },
        ];
        steps.extend(kills.into_iter().map(|ledger| Step::Kill { ledger }));
        steps.extend([Step::Pass { seconds: 199 }, Step::Pass { seconds: 20 }]);
        steps.push(Step::Receive { max: 200, visibility: 57 });
        for step in &steps {
            world.run(step);
            world.check();
        }
    }
}
