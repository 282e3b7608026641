//! What is sent, how long it is kept, and who is given it.

use squall_broker::{Error, Message, QueueAttributes};

use super::{Bench, T0, seconds, text};

pub(crate) fn a_batch_is_sent_once_however_often_it_is_given(b: &Bench) {
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

pub(crate) fn delays_end_and_keep_the_id(b: &Bench) {
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

pub(crate) fn large_messages_are_refused(b: &Bench) {
    b.store
        .create_queue("q", &QueueAttributes { max_message_size: 100, ..QueueAttributes::default() })
        .unwrap();
    let refused = b.store.send("q", &[Message::new(vec![0; 101])]);
    assert!(matches!(refused, Err(Error::TooLarge { bytes: 101, allowed: 100 })));
    b.queue("wide");
    b.store.send("wide", &[Message::new(vec![7; 65_536])]).unwrap();
    assert_eq!(b.receive("wide", 1)[0].body.len(), 65_536);
}
pub(crate) fn retention_ends_messages(b: &Bench) {
    let attributes = QueueAttributes { retention: seconds(100), ..QueueAttributes::default() };
    b.store.create_queue("q", &attributes).unwrap();
    b.send("q", &["a"]);
    assert_eq!(b.receive("q", 1).len(), 1);
    b.pass(seconds(60));
    b.send("q", &["b"]);
    b.pass(seconds(50));
    assert_eq!(b.bodies("q", 5), ["b"]);
}

pub(crate) fn purge_empties_and_raises_the_generation(b: &Bench) {
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

pub(crate) fn rewind_brings_back_what_was_settled(b: &Bench) {
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

pub(crate) fn a_new_group_is_not_given_what_all_others_have_settled(b: &Bench) {
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

pub(crate) fn a_group_from_a_time_is_given_what_is_kept(b: &Bench) {
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
