//! An exclusive claim against a plain model, by chance: whatever is read, settled, settled before it
//! was read, buried, failed and released, with takeovers, restarts, loss of power and lost ledgers
//! in between.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::single_range_in_vec_init)]

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use proptest::prelude::*;
use squall_broker::{Claim, Clock, Error, Message, QueueAttributes, Store, StoreOptions};
use squall_durable::SimDisk;

#[derive(Debug, Clone)]
enum Step {
    Send { count: usize, bytes: usize },
    Once { again: bool, count: usize, bytes: usize },
    Read { max: usize },
    Settle { from: usize, every: usize, count: usize },
    Bury { from: usize, every: usize, count: usize },
    Fail { which: usize, seconds: u64 },
    Pass { seconds: u64 },
    Release,
    TakeOver,
    Reopen,
    Kill { ledger: bool },
}

fn step() -> impl Strategy<Value = Step> {
    let some = || (0..400_usize, 1..4_usize, 1..200_usize);
    prop_oneof![
        4 => (1..150_usize, 1..1_500_usize).prop_map(|(count, bytes)| Step::Send { count, bytes }),
        3 => (any::<bool>(), 1..150_usize, 1..1_500_usize)
            .prop_map(|(again, count, bytes)| Step::Once { again, count, bytes }),
        6 => (1..300_usize).prop_map(|max| Step::Read { max }),
        6 => some().prop_map(|(from, every, count)| Step::Settle { from, every, count }),
        2 => some().prop_map(|(from, every, count)| Step::Bury { from, every, count: count / 10 }),
        2 => (0..200_usize, 0..50_u64).prop_map(|(which, seconds)| Step::Fail { which, seconds }),
        1 => (1..60_u64).prop_map(|seconds| Step::Pass { seconds }),
        3 => Just(Step::Release),
        1 => Just(Step::TakeOver),
        1 => Just(Step::Reopen),
        2 => any::<bool>().prop_map(|ledger| Step::Kill { ledger }),
    ]
}

#[derive(Debug, Clone, Copy, Default)]
struct Modelled {
    number: usize,
    held: bool,
    visible_ms: u64,
    settled: bool,
}

struct World {
    folder: tempfile::TempDir,
    disk: SimDisk,
    clock: Clock,
    open: Option<(Store, Claim)>,
    incarnation: u64,
    /// By offset.
    messages: BTreeMap<u64, Modelled>,
    /// The number in the next message that is sent.
    next: usize,
    /// The last batch that was sent once: its number, and its messages' number, count and bytes.
    last: (u64, usize, usize, usize),
    /// The numbers in the dead letters.
    buried: Vec<usize>,
    read_up_to: u64,
    floor: u64,
}

impl World {
    fn new() -> Self {
        let mut world = Self {
            folder: tempfile::tempdir().unwrap(),
            disk: SimDisk::new(),
            clock: Clock::manual(1_700_000_000_000),
            open: None,
            incarnation: 0,
            messages: BTreeMap::new(),
            next: 0,
            last: (0, 0, 0, 0),
            buried: Vec::new(),
            read_up_to: 0,
            floor: 0,
        };
        world.open();
        world
    }

    fn open(&mut self) {
        self.open = None;
        let options = StoreOptions {
            clock: self.clock.clone(),
            disk: Arc::new(self.disk.clone()),
            segment_bytes: 256 << 10,
            checkpoint_bytes: 100 << 10,
            ..StoreOptions::small()
        };
        let store = Store::open(self.folder.path(), options).unwrap();
        // What was not flushed may be torn.
        let torn = |what: &String| what.contains("damaged at byte");
        assert!(store.damage().iter().all(torn), "{:?}", store.damage());
        let queue = store.create_queue("q", &QueueAttributes::default()).unwrap();
        if self.incarnation > 0 {
            // The queue remembers who was there, whatever was lost.
            let old = queue.claim("topology", "hot", self.incarnation - 1);
            assert!(matches!(old, Err(Error::OldIncarnation { .. })), "{old:?}");
            assert_eq!(queue.last_claim("topology"), Some(("hot".into(), self.incarnation)));
        }
        self.incarnation += 1;
        let claim = queue.claim("topology", "hot", self.incarnation).unwrap();
        self.open = Some((store, claim));
        self.messages.values_mut().for_each(|message| message.held = false);
    }

    fn claim(&self) -> &Claim {
        &self.open.as_ref().unwrap().1
    }

    fn run(&mut self, step: &Step) {
        let now = self.clock.now_ms();
        match *step {
            Step::Send { count, bytes } => {
                let messages = bodies(self.next, count, bytes);
                let ids = self.claim().queue().send(&messages).unwrap();
                self.add(self.next, ids.iter().map(|id| id.0));
                self.next += count;
            }
            Step::Once { again, count, bytes } => {
                if !again || self.last.0 == 0 {
                    self.last = (self.last.0 + 3, self.next, count, bytes);
                    self.next += count;
                }
                let (number, first, count, bytes) = self.last;
                let batch = bodies(first, count, bytes).into_iter().collect();
                let sent = self.claim().queue().send_once(batch, "p", number).unwrap();
                let sent = sent.wait().unwrap();
                let known = self.messages.values().any(|message| message.number == first);
                assert_eq!(sent.count as usize, if known { 0 } else { count });
                self.add(first, sent.ids().map(|id| id.0));
            }
            Step::Read { max } => drop(self.read(max, now)),
            Step::Settle { from, every, count } => {
                let ranges = self.some(from, every, count);
                let position = self.claim().position(ranges.clone());
                self.claim().settle_position(&position).unwrap().wait().unwrap();
                for offset in ranges.into_iter().flatten() {
                    self.messages.get_mut(&offset).unwrap().settled = true;
                }
            }
            Step::Bury { from, every, count } => {
                let offsets = self.some(from, every, count).into_iter().flatten();
                let dead: Vec<(u64, &str, &str)> = offsets.map(|at| (at, "why", "by")).collect();
                self.claim().dead_letters(&dead).unwrap().wait().unwrap();
                for (offset, ..) in dead {
                    let message = self.messages.get_mut(&offset).unwrap();
                    if !std::mem::replace(&mut message.settled, true) {
                        self.buried.push(message.number);
                    }
                }
            }
            Step::Fail { which, seconds } => {
                let mut held = self.messages.iter_mut().filter(|(_, m)| m.held && !m.settled);
                if let Some((&offset, message)) = held.nth(which) {
                    (message.held, message.visible_ms) = (false, now + seconds * 1_000);
                    let delay = Duration::from_secs(seconds);
                    self.claim().fail(offset, delay, "not now", true).unwrap();
                }
            }
            Step::Pass { seconds } => self.clock.advance(Duration::from_secs(seconds)),
            Step::Release => {
                self.claim().release_all().unwrap();
                self.forget();
                let read = self.read(usize::MAX, now);
                assert!(read.is_sorted(), "out of order: {read:?}");
            }
            Step::TakeOver => {
                self.incarnation += 1;
                let (_, old) = self.open.as_ref().unwrap();
                let new = old.queue().claim("topology", "hot", self.incarnation).unwrap();
                let fenced = |result: Result<(), Error>| {
                    assert!(matches!(result, Err(Error::Fenced { .. })), "{result:?}");
                };
                fenced(old.read(1, 1).map(drop));
                fenced(old.settle_confirmed(&[0..u64::MAX]).map(drop));
                fenced(old.dead_letters(&[(0, "why", "by")]).map(drop));
                fenced(old.release_all());
                fenced(old.floor().map(drop));
                self.open.as_mut().unwrap().1 = new;
                self.messages.values_mut().for_each(|message| message.held = false);
            }
            Step::Reopen => self.open(),
            Step::Kill { ledger } => {
                if ledger {
                    self.open.as_ref().unwrap().0.flush().unwrap();
                }
                self.disk = self.disk.lose_power(now, 0.5);
                self.open = None;
                if !ledger {
                    // It is on another disk, and knows what was lost here.
                    std::fs::remove_dir_all(self.folder.path().join("ledger")).unwrap();
                }
                self.open();
                // How long those that failed were to wait is not flushed for its own sake.
                self.claim().release_all().unwrap();
                self.forget();
                self.read_up_to = 0;
            }
        }
    }

    fn add(&mut self, first: usize, offsets: impl Iterator<Item = u64>) {
        for (index, offset) in offsets.enumerate() {
            let message = Modelled { number: first + index, ..Modelled::default() };
            assert!(self.messages.insert(offset, message).is_none());
        }
    }

    fn forget(&mut self) {
        for message in self.messages.values_mut() {
            (message.held, message.visible_ms) = (false, 0);
        }
    }

    fn read(&mut self, max: usize, now: u64) -> Vec<u64> {
        let ready = |m: &&Modelled| !m.settled && !m.held && m.visible_ms <= now;
        let wanted = self.messages.values().filter(ready).count().min(max);
        let mut read = Vec::new();
        while read.len() < wanted {
            let frames = self.claim().read(max - read.len(), 100_000).unwrap();
            assert!(!frames.is_empty(), "{} of {wanted} came", read.len());
            for delivered in frames.iter().flat_map(|frame| frame.iter().collect::<Vec<_>>()) {
                let message = self.messages.get_mut(&delivered.offset).expect("never sent");
                assert!(ready(&&*message), "{} came: {message:?}", delivered.offset);
                assert!(delivered.body.starts_with(format!("{} ", message.number).as_bytes()));
                message.held = true;
                read.push(delivered.offset);
            }
        }
        assert_eq!(read.len(), wanted);
        self.read_up_to = self.read_up_to.max(read.iter().max().map_or(0, |last| last + 1));
        read
    }

    /// Ranges of messages, read or not, counted from the oldest that is not settled.
    fn some(&self, from: usize, every: usize, count: usize) -> Vec<Range<u64>> {
        let open = self.messages.iter().position(|(_, message)| !message.settled).unwrap_or(0);
        let offsets = self.messages.keys().skip(open.saturating_sub(20) + from).step_by(every);
        offsets.take(count).map(|&offset| offset..offset + 1).collect()
    }

    fn check(&mut self) {
        let floor = self.claim().floor().unwrap();
        let open = self.messages.iter().find(|(_, message)| !message.settled);
        let first =
            open.map_or(self.messages.keys().next_back().map_or(0, |last| last + 1), |m| *m.0);
        assert!(floor <= first, "a floor of {floor}, but {first} is open");
        assert!(floor >= first.min(self.read_up_to), "a floor of {floor}, and {first} is open");
        assert!(floor >= self.floor, "the floor fell from {} to {floor}", self.floor);
        self.floor = floor;
        let store = &self.open.as_ref().unwrap().0;
        let mut letters: Vec<usize> = match store.queue("q.dead") {
            Ok(dead) => dead.peek(usize::MAX).unwrap().iter().map(|m| number(&m.body)).collect(),
            Err(_) => Vec::new(),
        };
        let mut buried = self.buried.clone();
        letters.sort_unstable();
        buried.sort_unstable();
        assert_eq!(letters, buried);
    }
}

fn bodies(first: usize, count: usize, bytes: usize) -> Vec<Message> {
    let body = |number| Message::new(format!("{number} {}", "x".repeat(bytes)));
    (first..first + count).map(body).collect()
}

fn number(body: &[u8]) -> usize {
    std::str::from_utf8(body).unwrap().split(' ').next().unwrap().parse().unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: cases(), max_shrink_iters: 200, ..ProptestConfig::default() })]

    #[test]
    fn a_claim_does_what_the_model_does(steps in proptest::collection::vec(step(), 1..60)) {
        let mut world = World::new();
        for step in &steps {
            world.run(step);
            world.check();
        }
        world.run(&Step::Release);
    }
}

fn cases() -> u32 {
    if std::env::var_os("SQUALL_SOAK").is_some() { 2_000 } else { 60 }
}
