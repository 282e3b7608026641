//! Competing consumers, and the catalogue of queues.

use squall_broker::{Error, Message, QueueAttributes};

use super::{Bench, T0, seconds, text};

pub(crate) fn messages_come_in_order_with_all_they_carry(b: &Bench) {
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

pub(crate) fn a_lease_runs_out_and_redeliveries_come_first(b: &Bench) {
    b.queue("q");
    b.send("q", &["a", "b", "c"]);
    assert_eq!(b.bodies("q", 2), ["a", "b"]);
    b.pass(seconds(31));
    let again = b.receive("q", 10);
    assert_eq!(again.iter().map(|m| text(&m.body)).collect::<Vec<_>>(), ["a", "b", "c"]);
    assert_eq!(again.iter().map(|m| m.dequeue_count).collect::<Vec<_>>(), [2, 2, 1]);
}

pub(crate) fn handles_are_good_for_one_delivery(b: &Bench) {
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

pub(crate) fn visibility_can_be_changed(b: &Bench) {
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

pub(crate) fn each_group_has_its_own_account(b: &Bench) {
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

pub(crate) fn too_many_deliveries_end_in_the_dead_letter_queue(b: &Bench) {
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

pub(crate) fn dead_letters_cannot_go_in_a_circle(b: &Bench) {
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

pub(crate) fn the_catalogue_keeps_names_and_attributes(b: &Bench) {
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
