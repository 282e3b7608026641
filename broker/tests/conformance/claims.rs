//! Reading a queue alone.

use squall_broker::{Error, QueueAttributes};

use super::{Bench, seconds, text};

pub(crate) fn a_claim_excludes_others_and_a_newer_incarnation_takes_over(b: &Bench) {
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

pub(crate) fn a_claim_fails_settles_and_buries(b: &Bench) {
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

pub(crate) fn a_dropped_claim_gives_back_what_it_held(b: &Bench) {
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

pub(crate) fn a_message_is_buried_once(b: &Bench) {
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

pub(crate) fn a_claim_gives_nothing_up_by_itself(b: &Bench) {
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

pub(crate) fn what_is_released_comes_again_in_order_and_at_once(b: &Bench) {
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

pub(crate) fn the_floor_is_below_all_that_is_not_settled(b: &Bench) {
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
