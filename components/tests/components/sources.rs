//! Spouts whose source can go back, and messages that leave after a commit, as a topology that runs
//! in epochs uses them.

use std::{
    collections::HashSet,
    fs,
    path::Path,
    sync::Arc,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use squall_broker::{Message, Queue, QueueAttributes, Store, StoreOptions};
use squall_framework::{
    CommitNumber, Factory, Next, Outbox, OutboxMessage, ReplayableSource, Resources, Role,
    SourceClaim, SourceDead, Value, testing::SpoutHarness,
};

use crate::harness::{factory, run_spout};

/// A run of a topology, as far as its spout is concerned.
struct Run {
    source: Arc<dyn ReplayableSource>,
    identity: String,
    spout: SpoutHarness,
}

fn run(yaml: &str, incarnation: u64, resources: &Resources) -> Result<Run, String> {
    let Factory::Spout(make) = factory(Role::Spout, yaml)? else { panic!("not a spout") };
    let source = make().unwrap().source().expect("a source that can go back");
    let resources = resources.clone();
    let claim = SourceClaim { topology: "hot".into(), incarnation, resources };
    let identity = source.claim(&claim).map_err(|error| error.to_string())?;
    let spout = SpoutHarness::new(make().unwrap(), Some(source.clone()), claim.resources);
    Ok(Run { source, identity, spout: spout.map_err(|error| error.to_string())? })
}

impl Run {
    /// Number and first field of up to this many messages.
    fn read(&mut self, most: usize) -> Vec<(u64, String)> {
        let mut read: Vec<(u64, String)> = Vec::new();
        while read.len() < most {
            let (next, rows) = self.spout.next(most - read.len()).unwrap();
            let text = |row: &[Value]| match &row[0] {
                Value::Text(text) => text.clone(),
                other => panic!("{other:?}"),
            };
            read.extend(rows.iter().map(|(id, row)| (*id, text(row))));
            match next {
                Next::More => {}
                Next::At(_) => std::thread::yield_now(),
                Next::Idle | Next::Done => break,
            }
        }
        read
    }

    fn settle(&self, read: &[(u64, String)]) {
        let ranges: Vec<_> = read.iter().map(|(id, _)| *id..id + 1).collect();
        self.source.settle(&ranges).unwrap();
    }
}

fn dead(read: &[(u64, String)]) -> Vec<SourceDead> {
    let letter = |offset| SourceDead { offset, reason: "not json".into(), by: "parse".into() };
    read.iter().map(|(id, _)| letter(*id)).collect()
}

fn texts(read: &[(u64, String)]) -> Vec<&str> {
    read.iter().map(|(_, text)| text.as_str()).collect()
}

fn open(folder: &Path) -> (Store, Resources) {
    let store = Store::open(folder, StoreOptions::small()).unwrap();
    (store.clone(), Resources::default().with(store))
}

fn send(store: &Store, name: &str, attributes: &QueueAttributes, count: usize) -> Queue {
    let queue = store.create_queue(name, attributes).unwrap();
    let messages = (0..count).map(|n| Message::new(format!("m{n}")));
    queue.send(&messages.collect::<Vec<_>>()).unwrap();
    queue
}

fn bodies(store: &Store, queue: &str) -> Vec<String> {
    let Ok(queue) = store.queue(queue) else { return Vec::new() };
    let peeked = queue.peek(10_000).unwrap();
    peeked.iter().map(|m| String::from_utf8(m.body.to_vec()).unwrap()).collect()
}

const IN: &str = "{ type: queue, queue: in }";

#[test]
fn a_queue_goes_back_to_what_is_not_settled() {
    let folder = tempfile::tempdir().unwrap();
    let (store, resources) = open(folder.path());
    send(&store, "in", &QueueAttributes::default(), 1_000);
    let mut run = run(IN, 1, &resources).unwrap();
    let first = run.read(300);
    assert_eq!(first[299].1, "m299");
    assert_eq!(run.source.floor(), 0);
    run.settle(&first[..100]);
    assert_eq!(run.source.floor(), first[100].0);
    run.settle(&first[150..200]);
    // What was read ahead does not come behind what is read again.
    run.read(50);
    run.source.rewind().unwrap();
    let again = run.read(2_000);
    let expected: Vec<_> = (100..150).chain(200..1_000).map(|n| format!("m{n}")).collect();
    assert_eq!(texts(&again), expected);
    assert!(run.read(1).is_empty());
    // A letter is written once, and settles its message.
    run.source.dead_letter(&dead(&again[..2])).unwrap();
    run.source.dead_letter(&dead(&again[..3])).unwrap();
    run.source.dead_letter(&dead(&first[..5])).unwrap();
    assert_eq!(bodies(&store, "in.dead"), ["m100", "m101", "m102"]);
    run.source.rewind().unwrap();
    assert_eq!(run.read(1)[0].1, "m103");
    run.settle(&again);
    assert_eq!(run.source.floor(), 1_000);
}

#[test]
fn a_later_run_takes_over_and_an_earlier_one_is_refused_with_what_to_do() {
    let folder = tempfile::tempdir().unwrap();
    let (store, resources) = open(folder.path());
    send(&store, "in", &QueueAttributes::default(), 10);
    let mut first = run(IN, 7, &resources).unwrap();
    let read = first.read(5);
    first.settle(&read[..2]);
    let mut second = run(IN, 8, &resources).unwrap();
    assert_eq!(first.identity, second.identity);
    let fenced = first.source.settle(&[2..3]).unwrap_err().to_string();
    assert!(
        fenced.contains("incarnation 7 of `hot` has been replaced by incarnation 8"),
        "{fenced}"
    );
    assert!(first.source.dead_letter(&dead(&read)).is_err() && first.source.rewind().is_err());
    assert_eq!(second.read(20).len(), 8);
    drop((first, second, store, resources));

    let (store, resources) = open(folder.path());
    let refused = run(IN, 3, &resources).map(|_| ()).unwrap_err();
    assert!(
        refused.contains("run 8 of `hot` has read queue `in` as group `hot`, and this is run 3")
            && refused
                .contains("use the store of the earlier runs, or give the spout another `group`"),
        "{refused}"
    );
    // Before anything is read, the positions that the store has are settled.
    let mut third = run(IN, 9, &resources).unwrap();
    third.source.settle(&[0..4, 6..7]).unwrap();
    assert_eq!(texts(&third.read(20)), ["m4", "m5", "m7", "m8", "m9"]);
    drop(third);
    // A topology that no longer runs in epochs goes on, and so does one that does so again.
    let ran = run_spout("{ type: queue, queue: in, group: hot }", resources.clone());
    assert_eq!(ran.rows.len(), 5);
    send(&store, "in", &QueueAttributes::default(), 1);
    let mut fourth = run(IN, 10, &resources).unwrap();
    assert_eq!(texts(&fourth.read(20)), ["m0"]);
}

#[test]
fn an_identity_is_that_of_one_life_of_one_group() {
    let folder = tempfile::tempdir().unwrap();
    let (store, resources) = open(folder.path());
    let queue = send(&store, "in", &QueueAttributes::default(), 1);
    let mut seen = HashSet::new();
    let mut identity = |yaml: &str, incarnation| {
        assert!(seen.insert(run(yaml, incarnation, &resources).unwrap().identity));
    };
    identity(IN, 1);
    identity("{ type: queue, queue: in, group: other }", 1);
    queue.purge().unwrap();
    identity(IN, 2);
    queue.delete_group("hot").unwrap();
    identity(IN, 3);
    store.delete_queue("in").unwrap();
    identity(IN, 4);
}

#[test]
fn nothing_is_given_up_because_workers_were_killed() {
    let folder = tempfile::tempdir().unwrap();
    let (store, _) = open(folder.path());
    send(&store, "in", &QueueAttributes::default().dead_letter("dead", 2), 10);
    store.close().unwrap();
    drop(store);
    for incarnation in 1..7 {
        let (store, resources) = open(folder.path());
        let mut run = run(IN, incarnation, &resources).unwrap();
        assert_eq!(run.read(20).len(), 10);
        // The store is closed with the claim alive, as after a kill.
        store.close().unwrap();
    }
    let (store, _) = open(folder.path());
    assert!(bodies(&store, "dead").is_empty());
}

#[test]
fn a_new_group_starts_where_it_is_told_to() {
    let folder = tempfile::tempdir().unwrap();
    let (store, resources) = open(folder.path());
    let kept = QueueAttributes { rewind: Duration::from_secs(1_000), ..QueueAttributes::default() };
    let queue = send(&store, "in", &kept, 3);
    assert_eq!(run_spout(IN, resources.clone()).rows.len(), 3);
    let read = |group: &str, from: &str| {
        let yaml = format!("{{ type: queue, queue: in, group: {group}, from: {from} }}");
        run(&yaml, 1, &resources).map(|mut run| run.read(10).len())
    };
    assert_eq!(read("a", "earliest").unwrap(), 0);
    assert_eq!(read("b", "latest").unwrap(), 0);
    assert_eq!(read("c", "2020-01-01T00:00:00Z").unwrap(), 3);
    queue.send(&[Message::new("new")]).unwrap();
    // A group that exists goes on where it is.
    for group in ["a", "b"] {
        assert_eq!(read(group, "2020-01-01T00:00:00Z").unwrap(), 1);
    }
    let Factory::Spout(make) =
        factory(Role::Spout, "{ type: queue, queue: in, from: yesterday }").unwrap()
    else {
        panic!("not a spout")
    };
    let problem = make().unwrap().declare().unwrap_err();
    assert_eq!(problem.option.as_deref(), Some("from"));
}

#[test]
fn lines_are_read_again_from_the_first_that_is_not_settled() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("input.txt");
    let line = |n: usize| format!("line {n} {}", "x".repeat(n % 70));
    let text = |lines: std::ops::RangeInclusive<usize>| -> String {
        lines.map(|n| line(n) + "\n").collect()
    };
    fs::write(&path, text(1..=20_000)).unwrap();
    let yaml = format!("{{ type: lines, path: {}, skip: 1 }}", path.display());
    let resources = Resources::default();
    let mut first = run(&yaml, 1, &resources).unwrap();
    let read = first.read(5_000);
    assert_eq!((read[0].clone(), read.len()), ((2, line(2)), 5_000));
    first.settle(&read[..3_000]);
    first.source.dead_letter(&dead(&read[3_500..3_501])).unwrap();
    first.source.rewind().unwrap();
    let again = first.read(1_000);
    assert_eq!(
        (again[0].clone(), again[499].0, again[500].0),
        ((3_002, line(3_002)), 3_501, 3_503)
    );
    assert_eq!(first.source.floor(), 0);

    // A later run is told what was settled, and finds what was added since.
    let mut file = fs::OpenOptions::new().append(true).open(&path).unwrap();
    std::io::Write::write_all(&mut file, b"one more\n").unwrap();
    let mut second = run(&yaml, 2, &resources).unwrap();
    assert_eq!(first.identity, second.identity);
    second.source.settle(&[2..20_001]).unwrap();
    assert_eq!(second.read(10), [(20_001, "one more".to_owned())]);
    // Another file under the same name is another source.
    fs::write(&path, text(2..=20_000)).unwrap();
    assert_ne!(run(&yaml, 3, &resources).unwrap().identity, first.identity);

    let missing = run("{ type: lines, path: /no/such/file }", 1, &resources).map(|_| ());
    assert!(missing.unwrap_err().contains("/no/such/file"));
    let Factory::Spout(make) = factory(Role::Spout, "{ type: lines, path: '-' }").unwrap() else {
        panic!("not a spout")
    };
    assert!(make().unwrap().source().is_none(), "the standard input cannot be read twice");
}

#[test]
fn made_up_events_are_the_same_again() {
    let yaml = "{ type: generator, shape: shares, seed: 5, count: 30000 }";
    let resources = Resources::default();
    let mut first = run(yaml, 1, &resources).unwrap();
    let all = first.read(40_000);
    assert_eq!((all.len(), all[29_999].0), (30_000, 29_999));
    first.settle(&all[..25_000]);
    first.source.rewind().unwrap();
    assert_eq!(first.read(100), &all[25_000..25_100]);
    let mut second = run(yaml, 2, &resources).unwrap();
    second.source.settle(&[0..10, 20..29_998]).unwrap();
    assert_eq!(second.read(100), [&all[..0], &all[10..20], &all[29_998..]].concat());
    let now = "{ type: generator, shape: shares, start: now }";
    let Factory::Spout(make) = factory(Role::Spout, now).unwrap() else { panic!("not a spout") };
    assert!(make().unwrap().source().is_none());
}

fn outgoing(queue: &str, bodies: &[&str]) -> Vec<OutboxMessage> {
    let message = |body: &&str| OutboxMessage {
        queue: queue.into(),
        body: body.as_bytes().to_vec(),
        headers: vec![("city".into(), "Bern".into())],
    };
    bodies.iter().map(message).collect()
}

#[test]
fn what_leaves_after_a_commit_arrives_once() {
    let folder = tempfile::tempdir().unwrap();
    let commit = |epoch| CommitNumber { incarnation: 7, epoch };
    let long = "x".repeat(60_000);
    let messages = [
        outgoing("a", &["one", &long, &long, &long, "two"]),
        outgoing("b", &["one"]),
        outgoing("a", &["three"]),
    ]
    .concat();
    // Sent, killed, sent again, and again by another run.
    for _ in 0..3 {
        let (store, _) = open(folder.path());
        let mut outbox = squall_components::QueueOutbox::new(store.clone());
        outbox.publish("hot", commit(5), &messages).unwrap();
        outbox.publish("hot", commit(5), &messages).unwrap();
        store.close().unwrap();
    }
    let (store, _) = open(folder.path());
    assert_eq!(bodies(&store, "a"), ["one", &long, &long, &long, "two", "three"]);
    assert_eq!(bodies(&store, "b"), ["one"]);
    let peeked = store.queue("b").unwrap().peek(1).unwrap();
    assert_eq!(peeked[0].headers, [("city".to_owned(), "Bern".to_owned())]);
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    assert!(u128::from(peeked[0].enqueued_ms) <= now.as_millis());

    let mut outbox = squall_components::QueueOutbox::new(store.clone());
    outbox.publish("hot", commit(6), &[]).unwrap();
    outbox.publish("hot", commit(9), &outgoing("b", &["two"])).unwrap();
    outbox.publish("cold", commit(1), &outgoing("b", &["three"])).unwrap();
    assert_eq!(bodies(&store, "b"), ["one", "two", "three"]);
    // The results were put back to an earlier time: what is sent now must not be taken for known.
    let refused = outbox.publish("hot", commit(8), &outgoing("b", &["four"])).unwrap_err();
    let refused = refused.to_string();
    assert!(
        refused.contains("queue `b` has messages of `hot` that are later than epoch 8 of run 7")
            && refused.contains("give the topology another name"),
        "{refused}"
    );
    // The store was made anew: epochs begin again, in a later run.
    let anew = CommitNumber { incarnation: 8, epoch: 1 };
    outbox.publish("hot", anew, &outgoing("b", &["four"])).unwrap();
    outbox.publish("hot", anew, &outgoing("b", &["four"])).unwrap();
    assert_eq!(bodies(&store, "b"), ["one", "two", "three", "four"]);
}
