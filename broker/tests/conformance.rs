//! What every store of queues has to do, run over each of them.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::single_range_in_vec_init)]

use std::time::Duration;

use squall_broker::{
    Clock, Error, MemoryStore, Message, QueueAttributes, QueueStore, Received, Store, StoreOptions,
};

const T0: u64 = 1_700_000_000_000;

/// A store, its clock, and what must outlive it.
struct Bench {
    store: Box<dyn QueueStore>,
    clock: Clock,
    _folder: Option<tempfile::TempDir>,
}

fn memory() -> Bench {
    let clock = Clock::manual(T0);
    Bench { store: Box::new(MemoryStore::new(clock.clone())), clock, _folder: None }
}

fn durable() -> Bench {
    let folder = tempfile::tempdir().unwrap();
    let clock = Clock::manual(T0);
    let options = StoreOptions { clock: clock.clone(), ..StoreOptions::small() };
    let store = Store::open(folder.path(), options).unwrap();
    Bench { store: Box::new(store), clock, _folder: Some(folder) }
}

impl Bench {
    fn queue(&self, name: &str) {
        self.store.create_queue(name, &QueueAttributes::default()).unwrap();
    }

    fn send(&self, queue: &str, bodies: &[&str]) {
        let messages: Vec<Message> =
            bodies.iter().map(|body| Message::new(body.to_string())).collect();
        self.store.send(queue, &messages).unwrap();
    }

    fn pass(&self, time: Duration) {
        self.clock.advance(time);
        self.store.tick();
    }

    fn receive(&self, queue: &str, max: usize) -> Vec<Received> {
        self.store.receive(queue, "default", max, None).unwrap()
    }

    fn bodies(&self, queue: &str, max: usize) -> Vec<String> {
        self.receive(queue, max).iter().map(|m| text(&m.body)).collect()
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// Each function becomes a test over every store.
macro_rules! suite {
    ($($name:ident),* $(,)?) => {
        mod over_memory { $(#[test] fn $name() { super::$name(&super::memory()); })* }
        mod over_durable { $(#[test] fn $name() { super::$name(&super::durable()); })* }
    };
}

suite!(
    messages_come_in_order_with_all_they_carry,
    a_lease_runs_out_and_redeliveries_come_first,
    handles_are_good_for_one_delivery,
    visibility_can_be_changed,
    delays_end_and_keep_the_id,
    each_group_has_its_own_account,
    too_many_deliveries_end_in_the_dead_letter_queue,
    dead_letters_cannot_go_in_a_circle,
    a_claim_excludes_others_and_a_newer_incarnation_takes_over,
    a_claim_fails_settles_and_buries,
    a_dropped_claim_gives_back_what_it_held,
    a_batch_is_sent_once_however_often_it_is_given,
    a_message_is_buried_once,
    a_claim_gives_nothing_up_by_itself,
    what_is_released_comes_again_in_order_and_at_once,
    the_floor_is_below_all_that_is_not_settled,
    a_new_group_is_not_given_what_all_others_have_settled,
    a_group_from_a_time_is_given_what_is_kept,
    purge_empties_and_raises_the_generation,
    rewind_brings_back_what_was_settled,
    retention_ends_messages,
    the_catalogue_keeps_names_and_attributes,
    large_messages_are_refused,
);

fn messages_come_in_order_with_all_they_carry(b: &Bench) {
    b.queue("q");
    b.store.send("q", &[Message::new("a").header("city", "Bern"), Message::new("b")]).unwrap();
    let peeked = b.store.peek("q", "default", 5).unwrap();
    assert_eq!(peeked.iter().map(|m| text(&m.body)).collect::<Vec<_>>(), ["a", "b"]);
    let got = b.receive("q", 5);
    assert_eq!(got.iter().map(|m| text(&m.body)).collect::<Vec<_>>(), ["a", "b"]);
    assert_eq!(got[0].headers, [("city".to_owned(), "Bern".to_owned())]);
    assert_eq!((got[0].enqueued_ms, got[0].dequeue_count), (T0, 1));
    assert!(b.receive("q", 5).is_empty());
    let stats = b.store.stats("q").unwrap();
    assert_eq!((stats.active, stats.inactive, stats.sent), (0, 2, 2));
    b.store.delete("q", "default", &[got[0].handle, got[1].handle]).unwrap();
    let stats = b.store.stats("q").unwrap();
    assert_eq!((stats.active, stats.inactive), (0, 0));
}

fn a_lease_runs_out_and_redeliveries_come_first(b: &Bench) {
    b.queue("q");
    b.send("q", &["a", "b", "c"]);
    assert_eq!(b.bodies("q", 2), ["a", "b"]);
    b.pass(seconds(31));
    let again = b.receive("q", 10);
    assert_eq!(again.iter().map(|m| text(&m.body)).collect::<Vec<_>>(), ["a", "b", "c"]);
    assert_eq!(again.iter().map(|m| m.dequeue_count).collect::<Vec<_>>(), [2, 2, 1]);
}

fn handles_are_good_for_one_delivery(b: &Bench) {
    b.queue("q");
    b.send("q", &["a"]);
    let first = b.receive("q", 1)[0].handle;
    b.pass(seconds(31));
    let second = b.receive("q", 1)[0].handle;
    assert!(matches!(b.store.delete("q", "default", &[first]), Err(Error::BadHandle(_))));
    b.store.delete("q", "default", &[second]).unwrap();
    assert!(matches!(b.store.delete("q", "default", &[second]), Err(Error::BadHandle(_))));
    b.pass(seconds(31));
    assert!(b.receive("q", 1).is_empty());
}

fn visibility_can_be_changed(b: &Bench) {
    b.queue("q");
    b.send("q", &["a", "b"]);
    let got = b.receive("q", 2);
    b.store.change_visibility("q", "default", got[0].handle, seconds(100)).unwrap();
    b.store.change_visibility("q", "default", got[1].handle, seconds(0)).unwrap();
    assert_eq!(b.bodies("q", 5), ["b"]);
    b.pass(seconds(40));
    assert_eq!(b.bodies("q", 5), ["b"]);
    b.pass(seconds(70));
    assert_eq!(b.bodies("q", 5).len(), 2);
}

fn delays_end_and_keep_the_id(b: &Bench) {
    b.queue("q");
    let messages = [
        Message::new("late").delayed(seconds(60)),
        Message::new("now"),
        Message::new("soon").delayed(seconds(5)),
    ];
    let ids = b.store.send("q", &messages).unwrap();
    let stats = b.store.stats("q").unwrap();
    assert_eq!((stats.active, stats.delayed), (1, 2));
    assert_eq!(b.bodies("q", 5), ["now"]);
    b.pass(seconds(6));
    let soon = b.receive("q", 5);
    assert_eq!((text(&soon[0].body), soon[0].id, soon[0].enqueued_ms), ("soon".into(), ids[2], T0));
    b.store.delete("q", "default", &[soon[0].handle]).unwrap();
    b.pass(seconds(55));
    // "now" is due again, and comes first.
    assert_eq!(b.bodies("q", 5), ["now", "late"]);
    assert_eq!(b.store.stats("q").unwrap().delayed, 0);
}

fn each_group_has_its_own_account(b: &Bench) {
    b.queue("q");
    b.send("q", &["a", "b"]);
    let one = b.store.receive("q", "one", 5, None).unwrap();
    let two = b.store.receive("q", "two", 1, None).unwrap();
    assert_eq!((one.len(), two.len()), (2, 1));
    b.store.delete("q", "one", &[one[0].handle, one[1].handle]).unwrap();
    let stats = b.store.stats("q").unwrap();
    assert_eq!((stats.active, stats.inactive), (1, 1));
    b.store.delete("q", "two", &[two[0].handle]).unwrap();
    let rest = b.store.receive("q", "two", 5, None).unwrap();
    assert_eq!(text(&rest[0].body), "b");
    b.store.delete("q", "two", &[rest[0].handle]).unwrap();
    assert!(b.store.receive("q", "three", 5, None).unwrap().is_empty());
}

fn too_many_deliveries_end_in_the_dead_letter_queue(b: &Bench) {
    b.queue("dead");
    b.store.create_queue("q", &QueueAttributes::default().dead_letter("dead", 2)).unwrap();
    b.send("q", &["bad"]);
    for _ in 0..2 {
        assert_eq!(b.bodies("q", 5), ["bad"]);
        b.pass(seconds(31));
    }
    assert!(b.bodies("q", 5).is_empty());
    b.store.tick();
    assert_eq!(b.store.stats("q").unwrap().dead_letters, Some(("dead".into(), 1)));
    let dead = &b.store.peek("dead", "default", 5).unwrap()[0];
    let why = dead.dead_letter.clone().unwrap();
    assert_eq!(
        (why.source.as_str(), why.by.as_str(), why.attempts, why.enqueued_ms),
        ("q", "broker", 2, T0)
    );
    assert_eq!(b.store.redrive("dead", None).unwrap(), 1);
    let back = b.receive("q", 5);
    assert_eq!(
        (text(&back[0].body), back[0].dequeue_count, back[0].dead_letter.clone()),
        ("bad".into(), 1, None)
    );
    assert!(b.receive("dead", 5).is_empty());
}

fn dead_letters_cannot_go_in_a_circle(b: &Bench) {
    b.store.create_queue("b", &QueueAttributes::default().dead_letter("c", 2)).unwrap();
    b.store.create_queue("a", &QueueAttributes::default().dead_letter("b", 2)).unwrap();
    let refused = b.store.create_queue("c", &QueueAttributes::default().dead_letter("a", 2));
    assert!(
        matches!(&refused, Err(Error::DeadLetterCycle(path)) if path == "c -> a -> b -> c"),
        "{refused:?}"
    );
    let refused = b.store.set_attributes("a", &QueueAttributes::default().dead_letter("a", 1));
    assert!(matches!(refused, Err(Error::DeadLetterCycle(_))));
}

fn a_claim_excludes_others_and_a_newer_incarnation_takes_over(b: &Bench) {
    b.queue("q");
    b.send("q", &["a", "b"]);
    let first = b.store.claim("q", "default", "hot", 1).unwrap();
    assert_eq!(first.read(1).unwrap().len(), 1);
    let refused = b.store.receive("q", "default", 1, None).unwrap_err();
    assert!(refused.to_string().contains("`hot`"), "{refused}");
    assert!(matches!(b.store.claim("q", "default", "other", 9), Err(Error::Claimed { .. })));
    assert!(matches!(b.store.claim("q", "default", "hot", 1), Err(Error::Claimed { .. })));
    let second = b.store.claim("q", "default", "hot", 2).unwrap();
    assert!(matches!(first.read(1), Err(Error::Fenced { current: 2, .. })));
    assert!(matches!(first.settle(&[0..1]), Err(Error::Fenced { .. })));
    drop(first);
    let got = second.read(5).unwrap();
    assert_eq!(
        got.iter().map(|m| (text(&m.body), m.attempt)).collect::<Vec<_>>(),
        [("a".into(), 2), ("b".into(), 1)]
    );
    drop(second);
    let refused = b.store.claim("q", "default", "hot", 1).map(|_| ()).unwrap_err();
    assert!(matches!(refused, Error::OldIncarnation { ours: 1, current: 2, .. }));
    assert!(refused.to_string().contains("or claim another group"), "{refused}");
    assert_eq!(b.receive("q", 5).len(), 2);
}

fn a_claim_fails_settles_and_buries(b: &Bench) {
    b.queue("q");
    b.send("q", &["a", "b", "c", "d"]);
    let claim = b.store.claim("q", "default", "hot", 1).unwrap();
    let got = claim.read(10).unwrap();
    claim.settle(&[got[0].offset..got[0].offset + 1]).unwrap();
    claim.fail(got[1].offset, seconds(10), "no such table", true).unwrap();
    claim.fail(got[2].offset, seconds(0), "store is away", false).unwrap();
    claim.dead_letter(got[3].offset, "not json", "parse").unwrap();
    let again = claim.read(10).unwrap();
    assert_eq!(
        again.iter().map(|m| (text(&m.body), m.attempt)).collect::<Vec<_>>(),
        [("c".into(), 1)]
    );
    b.pass(seconds(11));
    let again = claim.read(10).unwrap();
    assert_eq!(
        again.iter().map(|m| (text(&m.body), m.attempt)).collect::<Vec<_>>(),
        [("b".into(), 2)]
    );
    let dead = &b.store.peek("q.dead", "default", 5).unwrap()[0];
    let why = dead.dead_letter.clone().unwrap();
    assert_eq!(
        (text(&dead.body), why.reason.as_str(), why.by.as_str()),
        ("d".into(), "not json", "parse")
    );
    claim.settle(&[got[1].offset..got[2].offset + 1]).unwrap();
    let stats = b.store.stats("q").unwrap();
    assert_eq!(
        (stats.active, stats.inactive, stats.groups[0].claimed_by.clone()),
        (0, 0, Some(("hot".into(), 1)))
    );
}

fn a_dropped_claim_gives_back_what_it_held(b: &Bench) {
    b.queue("q");
    b.send("q", &["a", "b"]);
    let claim = b.store.claim("q", "topology", "hot", 1).unwrap();
    assert_eq!(claim.read(5).unwrap().len(), 2);
    claim.release_all().unwrap();
    let again = claim.read(5).unwrap();
    assert_eq!(
        again.iter().map(|m| (text(&m.body), m.attempt)).collect::<Vec<_>>(),
        [("a".into(), 1), ("b".into(), 1)]
    );
    claim.settle(&[again[0].offset..again[0].offset + 1]).unwrap();
    drop(claim);
    let claim = b.store.claim("q", "topology", "other", 1).unwrap();
    assert_eq!(claim.read(5).unwrap().iter().map(|m| text(&m.body)).collect::<Vec<_>>(), ["b"]);
}

fn a_batch_is_sent_once_however_often_it_is_given(b: &Bench) {
    b.queue("q");
    let batch = |bodies: &[&str]| -> Vec<Message> {
        bodies.iter().map(|body| Message::new(body.to_string())).collect()
    };
    let send = |number, bodies: &[&str]| {
        b.store.send_once("q", &batch(bodies), "topology:hot", number).map(|ids| ids.len())
    };
    assert_eq!(b.store.last_number("q", "topology:hot").unwrap(), None);
    assert_eq!(send(4, &["a", "b"]).unwrap(), 2);
    assert_eq!(send(4, &["a", "b"]).unwrap(), 0);
    assert_eq!(send(3, &["old"]).unwrap(), 0);
    let refused = send(4, &["a"]).unwrap_err();
    assert!(matches!(refused, Error::OtherBatch { had: 2, given: 1, .. }), "{refused}");
    assert_eq!(send(5, &[]).unwrap(), 0);
    assert_eq!(send(9, &["c"]).unwrap(), 1);
    assert_eq!(b.store.last_number("q", "topology:hot").unwrap(), Some(9));
    // Others are others, and other queues too.
    assert_eq!(b.store.send_once("q", &batch(&["d"]), "other", 1).unwrap().len(), 1);
    b.queue("p");
    assert_eq!(b.store.send_once("p", &batch(&["a"]), "topology:hot", 4).unwrap().len(), 1);
    assert_eq!(b.bodies("q", 10), ["a", "b", "c", "d"]);
    // What was sent is remembered as long as there is a queue.
    b.store.purge("q").unwrap();
    assert_eq!(send(9, &["c"]).unwrap(), 0);
    b.store.delete_queue("q").unwrap();
    b.queue("q");
    assert_eq!(send(9, &["c"]).unwrap(), 1);
    let nameless = b.store.send_once("q", &batch(&["x"]), "", 1);
    assert!(matches!(nameless, Err(Error::BadProducer(_))));
}

fn a_message_is_buried_once(b: &Bench) {
    b.queue("q");
    b.send("q", &["a", "b", "c", "d"]);
    let claim = b.store.claim("q", "topology", "hot", 1).unwrap();
    let offsets: Vec<u64> = claim.read(3).unwrap().iter().map(|m| m.offset).collect();
    claim.dead_letter(offsets[0], "first", "parse").unwrap();
    claim.dead_letter(offsets[0], "again", "parse").unwrap();
    claim.settle(&[offsets[1]..offsets[1] + 1]).unwrap();
    let dead: Vec<(u64, &str, &str)> = [0, 2, 1, 2, 3]
        .iter()
        .map(|at| (offsets[0] + *at as u64, "too late or not", "parse"))
        .collect();
    // The last of them has not been read.
    claim.dead_letters(&dead).unwrap();
    claim.dead_letters(&dead).unwrap();
    let letters: Vec<_> = b
        .store
        .peek("q.dead", "default", 10)
        .unwrap()
        .iter()
        .map(|m| (text(&m.body), m.dead_letter.clone().unwrap().reason))
        .collect();
    let late = |body: &str| (body.to_owned(), "too late or not".to_owned());
    assert_eq!(letters, [("a".into(), "first".into()), late("c"), late("d")]);
    assert!(claim.read(10).unwrap().is_empty());
}

fn a_claim_gives_nothing_up_by_itself(b: &Bench) {
    b.store.create_queue("q", &QueueAttributes::default().dead_letter("dead", 2)).unwrap();
    b.send("q", &["a"]);
    for incarnation in 1..6 {
        // A takeover counts, as it may have been the message that killed the one before.
        let claim = b.store.claim("q", "topology", "hot", incarnation).unwrap();
        let got = claim.read(5).unwrap();
        assert_eq!(got.iter().map(|m| u64::from(m.attempt)).collect::<Vec<_>>(), [incarnation]);
        std::mem::forget(claim);
    }
    assert!(b.store.stats("q").unwrap().dead_letters.is_none_or(|(_, count)| count == 0));
}

fn what_is_released_comes_again_in_order_and_at_once(b: &Bench) {
    b.queue("q");
    b.send("q", &["a", "b", "c", "d", "e", "f"]);
    let claim = b.store.claim("q", "topology", "hot", 1).unwrap();
    let first = claim.read(5).unwrap()[0].offset;
    claim.fail(first + 3, seconds(1_000), "not now", true).unwrap();
    claim.fail(first, seconds(0), "again", true).unwrap();
    assert_eq!(claim.read(1).unwrap()[0].attempt, 2);
    claim.settle(&[first + 1..first + 2]).unwrap();
    claim.release_all().unwrap();
    let got = claim.read(10).unwrap();
    assert_eq!(
        got.iter().map(|m| (text(&m.body), m.attempt)).collect::<Vec<_>>(),
        [("a", 2), ("c", 1), ("d", 2), ("e", 1), ("f", 1)].map(|(body, n)| (body.to_owned(), n))
    );
}

fn the_floor_is_below_all_that_is_not_settled(b: &Bench) {
    b.queue("q");
    b.send("q", &["a", "b", "c", "d"]);
    let claim = b.store.claim("q", "topology", "hot", 1).unwrap();
    let first = claim.read(4).unwrap()[0].offset;
    assert_eq!(claim.floor().unwrap(), first);
    claim.settle(&[first + 1..first + 2]).unwrap();
    assert_eq!(claim.floor().unwrap(), first);
    claim.settle(&[first..first + 1]).unwrap();
    assert_eq!(claim.floor().unwrap(), first + 2);
    claim.release_all().unwrap();
    claim.dead_letters(&[(first + 2, "not json", "parse")]).unwrap();
    assert_eq!(claim.floor().unwrap(), first + 3);
    claim.settle(&[first + 3..first + 4]).unwrap();
    assert_eq!(claim.floor().unwrap(), first + 4);
    let taken = b.store.claim("q", "topology", "hot", 2).unwrap();
    assert!(matches!(claim.floor(), Err(Error::Fenced { .. })));
    let late = claim.dead_letters(&[(first, "not json", "parse")]);
    assert!(matches!(late, Err(Error::Fenced { .. })));
    assert!(matches!(claim.release_all(), Err(Error::Fenced { .. })));
    assert_eq!(taken.floor().unwrap(), first + 4);
}

fn a_new_group_is_not_given_what_all_others_have_settled(b: &Bench) {
    let attributes = QueueAttributes { rewind: seconds(100), ..QueueAttributes::default() };
    b.store.create_queue("q", &attributes).unwrap();
    b.send("q", &["a"]);
    let all = |group: &str| -> Vec<String> {
        let got = b.store.receive("q", group, 10, None).unwrap();
        b.store.delete("q", group, &got.iter().map(|m| m.handle).collect::<Vec<_>>()).unwrap();
        got.iter().map(|m| text(&m.body)).collect()
    };
    assert_eq!(all("one"), ["a"]);
    assert!(all("two").is_empty());
    b.send("q", &["b"]);
    assert_eq!(
        (all("two"), all("one"), all("three")),
        (vec!["b".into()], vec!["b".into()], vec![])
    );
    b.send("q", &["c"]);
    assert_eq!(all("three"), ["c"]);
}

fn a_group_from_a_time_is_given_what_is_kept(b: &Bench) {
    let attributes = QueueAttributes { rewind: seconds(100), ..QueueAttributes::default() };
    b.store.create_queue("q", &attributes).unwrap();
    let all = |group: &str| -> Vec<String> {
        let got = b.store.receive("q", group, 10, None).unwrap();
        b.store.delete("q", group, &got.iter().map(|m| m.handle).collect::<Vec<_>>()).unwrap();
        got.iter().map(|m| text(&m.body)).collect()
    };
    for body in ["a", "b", "c"] {
        b.send("q", &[body]);
        assert_eq!(all("one"), [body]);
        b.pass(seconds(10));
    }
    // It has come to nothing yet, and is not to be given what comes back for others.
    assert!(all("idle").is_empty());
    b.store.group_from("q", "again", T0 + 10_000).unwrap();
    let refused = b.store.group_from("q", "again", 0);
    assert!(matches!(refused, Err(Error::GroupExists { .. })), "{refused:?}");
    b.pass(seconds(95));
    assert!(all("one").is_empty() && all("idle").is_empty());
    assert_eq!(all("again"), ["b", "c"]);
    assert!(all("again").is_empty());
    // They are kept anew from when the last group has settled them, then they go.
    b.pass(seconds(50));
    b.store.group_from("q", "third", 0).unwrap();
    assert_eq!(all("third"), ["b", "c"]);
    b.pass(seconds(101));
    b.store.group_from("q", "late", 0).unwrap();
    assert!(all("late").is_empty());
    assert_eq!(b.store.stats("q").unwrap().generation, 0);
    b.store.group_from("q", "latest", u64::MAX).unwrap();
    b.send("q", &["d"]);
    assert_eq!((all("latest"), all("one")), (vec!["d".into()], vec!["d".into()]));
}

fn purge_empties_and_raises_the_generation(b: &Bench) {
    b.queue("q");
    b.send("q", &["a", "b"]);
    b.store.send("q", &[Message::new("late").delayed(seconds(5))]).unwrap();
    assert_eq!(b.receive("q", 1).len(), 1);
    assert_eq!(b.store.purge("q").unwrap(), 3);
    b.pass(seconds(60));
    assert!(b.receive("q", 5).is_empty());
    b.send("q", &["new"]);
    assert_eq!(b.bodies("q", 5), ["new"]);
    assert_eq!(b.store.stats("q").unwrap().generation, 1);
}

fn rewind_brings_back_what_was_settled(b: &Bench) {
    let attributes = QueueAttributes { rewind: seconds(100), ..QueueAttributes::default() };
    b.store.create_queue("q", &attributes).unwrap();
    b.send("q", &["old"]);
    b.pass(seconds(50));
    b.send("q", &["a", "b"]);
    let handles: Vec<_> = b.receive("q", 10).iter().map(|m| m.handle).collect();
    b.store.delete("q", "default", &handles).unwrap();
    assert_eq!(b.store.stats("q").unwrap().rewindable, 3);
    assert!(b.receive("q", 5).is_empty());
    b.store.rewind("q", T0 + 40_000).unwrap();
    let again = b.receive("q", 5);
    assert_eq!(
        again.iter().map(|m| (text(&m.body), m.dequeue_count)).collect::<Vec<_>>(),
        [("a".into(), 1), ("b".into(), 1)]
    );
    b.store.delete("q", "default", &[again[0].handle, again[1].handle]).unwrap();
    b.pass(seconds(101));
    assert_eq!(b.store.stats("q").unwrap().rewindable, 0);
    b.store.rewind("q", T0).unwrap();
    assert!(b.receive("q", 5).is_empty());
    b.queue("other");
    assert!(matches!(b.store.rewind("other", 0), Err(Error::BadAttribute { .. })));
}

fn retention_ends_messages(b: &Bench) {
    let attributes = QueueAttributes { retention: seconds(100), ..QueueAttributes::default() };
    b.store.create_queue("q", &attributes).unwrap();
    b.send("q", &["a"]);
    assert_eq!(b.receive("q", 1).len(), 1);
    b.pass(seconds(60));
    b.send("q", &["b"]);
    b.pass(seconds(50));
    assert_eq!(b.bodies("q", 5), ["b"]);
}

fn the_catalogue_keeps_names_and_attributes(b: &Bench) {
    let attributes =
        QueueAttributes { visibility_timeout: seconds(5), ..QueueAttributes::default() };
    b.store.create_queue("b", &attributes).unwrap();
    b.queue("a");
    assert_eq!(b.store.list(), ["a", "b"]);
    assert_eq!(b.store.attributes("b").unwrap(), attributes);
    assert!(matches!(
        b.store.create_queue("b", &QueueAttributes::default()),
        Err(Error::QueueExists(_))
    ));
    assert!(matches!(b.store.create_queue("no blanks", &attributes), Err(Error::BadName(_))));
    b.store.set_attributes("b", &QueueAttributes::default()).unwrap();
    assert_eq!(b.store.attributes("b").unwrap(), QueueAttributes::default());
    b.send("a", &["x"]);
    b.store.delete_queue("a").unwrap();
    assert!(matches!(b.store.stats("a"), Err(Error::NoQueue(_))));
    b.queue("a");
    assert!(b.receive("a", 5).is_empty());
}

fn large_messages_are_refused(b: &Bench) {
    b.store
        .create_queue("q", &QueueAttributes { max_message_size: 100, ..QueueAttributes::default() })
        .unwrap();
    let refused = b.store.send("q", &[Message::new(vec![0; 101])]);
    assert!(matches!(refused, Err(Error::TooLarge { bytes: 101, allowed: 100 })));
    b.queue("wide");
    b.store.send("wide", &[Message::new(vec![7; 65_536])]).unwrap();
    assert_eq!(b.receive("wide", 1)[0].body.len(), 65_536);
}
