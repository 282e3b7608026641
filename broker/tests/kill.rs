//! SIGKILL at random moments, while a child process sends, leases, settles, buries and claims:
//! nothing that was confirmed is lost, nothing whose settling was confirmed comes back, and what is
//! sent once is there once.
//!
//! 15 kills; 150 with `SQUALL_SOAK=1`. The child is this same test program.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::print_stdout)]

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Mutex;
use std::thread;
use std::time::Duration;

use squall_broker::{Batch, Message, Queue, QueueAttributes, Store, StoreOptions};

const CHILD: &str = "SQUALL_KILL_TEST_FOLDER";

fn options() -> StoreOptions {
    StoreOptions { checkpoint_bytes: 300 << 10, ..StoreOptions::small() }
}

#[test]
fn a_killed_process_loses_nothing_confirmed_and_brings_nothing_settled_back() {
    if let Some(folder) = std::env::var_os(CHILD) {
        return child(Path::new(&folder));
    }
    let kills = if std::env::var_os("SQUALL_SOAK").is_some() { 150 } else { 15 };
    let folder = tempfile::tempdir().unwrap();
    let mut sent: BTreeSet<u64> = BTreeSet::new();
    let mut settled: BTreeMap<&str, BTreeSet<u64>> = BTreeMap::new();
    let mut random = fastrand::Rng::with_seed(7);
    for round in 0..kills {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args([
                "--exact",
                "--nocapture",
                "a_killed_process_loses_nothing_confirmed_and_brings_nothing_settled_back",
            ])
            .env(CHILD, folder.path())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let reader = thread::spawn(move || lines.map_while(Result::ok).collect::<Vec<String>>());
        thread::sleep(Duration::from_millis(random.u64(20..250)));
        child.kill().unwrap();
        child.wait().unwrap();
        for line in reader.join().unwrap() {
            // A line is written at once, so it is whole or not there.
            let mut words = line.split(' ');
            let Some(kind) = words.next() else { continue };
            let numbers = words.map(|word| word.parse::<u64>().unwrap());
            match kind {
                "sent" => sent.extend(numbers),
                "leased" => settled.entry("lease").or_default().extend(numbers),
                "claimed" => settled.entry("claim").or_default().extend(numbers),
                _ => {}
            }
        }
        // Every fourth time from the log alone.
        check(folder.path(), round % 4 != 3, &sent, &settled);
    }
    println!(
        "{} sent, {} leased and deleted, {} claimed and settled",
        sent.len(),
        settled["lease"].len(),
        settled["claim"].len()
    );
    let batches = next_batch(folder.path());
    assert!(batches > 50, "{batches} batches were sent once");
    assert!(sent.len() > 1_000 && settled["lease"].len() > 100 && settled["claim"].len() > 100);
}

fn check(
    folder: &Path,
    ledger: bool,
    sent: &BTreeSet<u64>,
    settled: &BTreeMap<&str, BTreeSet<u64>>,
) {
    let store = Store::open(folder, StoreOptions { ledger, ..options() }).unwrap();
    // sled does not survive every kill. That is what the log is for: it is said and made good.
    let odd = |what: &String| {
        !what.contains("interrupted write") && !what.contains("the ledger was not usable")
    };
    assert_eq!(store.damage().into_iter().filter(odd).collect::<Vec<_>>(), Vec::<String>::new());
    let Ok(queue) = store.queue("q") else { return assert!(sent.is_empty()) };
    let buried: BTreeSet<u64> = store
        .queue("q.dead")
        .map(|dead| bodies(&dead.peek(usize::MAX).unwrap()))
        .unwrap_or_default();
    for group in ["lease", "claim"] {
        let open = bodies(&queue.group(group).unwrap().peek(usize::MAX).unwrap());
        let done = settled.get(group).cloned().unwrap_or_default();
        let back: Vec<&u64> = open.intersection(&done).collect();
        assert!(back.is_empty(), "{group}: settled came back: {back:?}");
        if group == "claim" {
            let both: Vec<&u64> = open.intersection(&buried).collect();
            assert!(both.is_empty(), "in the queue and in the dead-letter queue: {both:?}");
        }
    }
    // Settled without a confirmation is not lost either, but it is not known; each number that was
    // sent is in the queue, in the dead-letter queue, or was seen by the consumer.
    let seen: BTreeSet<u64> = std::fs::read_to_string(folder.join("seen"))
        .unwrap_or_default()
        .lines()
        .flat_map(|line| line.split(' ').filter_map(|word| word.parse().ok()).collect::<Vec<u64>>())
        .collect();
    let open = bodies(&queue.group("claim").unwrap().peek(usize::MAX).unwrap());
    let lost: Vec<u64> = sent
        .iter()
        .filter(|n| !open.contains(n) && !seen.contains(n) && !buried.contains(n))
        .copied()
        .collect();
    assert!(lost.is_empty(), "confirmed and lost: {lost:?}");
    check_once(folder, &store);
    store.close().unwrap();
}

/// Each message of each batch that was confirmed has stood in one place, that of the consumer or
/// of the queue.
fn check_once(folder: &Path, store: &Store) {
    let Ok(queue) = store.queue("once") else { return };
    let mut places: BTreeMap<String, BTreeSet<u64>> = BTreeMap::new();
    let seen = std::fs::read_to_string(folder.join("once-seen")).unwrap_or_default();
    for line in seen.lines() {
        for (name, place) in line.split(' ').filter_map(|word| word.split_once('@')) {
            places.entry(name.to_owned()).or_default().insert(place.parse().unwrap());
        }
    }
    for message in queue.group("claim").unwrap().peek(usize::MAX).unwrap() {
        places.entry(name(&message.body).to_owned()).or_default().insert(message.offset);
    }
    let twice: Vec<_> = places.iter().filter(|(_, places)| places.len() > 1).take(5).collect();
    assert!(twice.is_empty(), "sent once and there twice: {twice:?}");
    let all =
        (1..next_batch(folder)).flat_map(|n| (0..batch_size(n)).map(move |i| format!("{n}-{i}")));
    let lost: Vec<_> = all.filter(|name| !places.contains_key(name)).take(5).collect();
    assert!(lost.is_empty(), "sent once and lost: {lost:?}");
}

/// What a batch of this number has in it, always the same.
fn once_batch(number: u64) -> Batch {
    let mut random = fastrand::Rng::with_seed(number);
    let mut body = |i| format!("{number}-{i} {}", " ".repeat(random.usize(..600)));
    (0..batch_size(number)).map(|i| Message::new(body(i))).collect()
}

fn batch_size(number: u64) -> u64 {
    fastrand::Rng::with_seed(number).u64(1..400)
}

fn name(body: &[u8]) -> &str {
    std::str::from_utf8(body).unwrap().trim_end()
}

/// The number of the first batch of which the child does not know that it was confirmed.
fn next_batch(folder: &Path) -> u64 {
    std::fs::read_to_string(folder.join("number")).map_or(1, |text| text.parse().unwrap())
}

/// Sends one batch after the other, from the one on that the last process may have been killed in.
fn send_once(folder: &Path, queue: &Queue) {
    let mut number = next_batch(folder);
    loop {
        while queue.stats().unwrap().active > 3_000 {
            thread::sleep(Duration::from_millis(1));
        }
        queue.send_once(once_batch(number), "child", number).unwrap().wait().unwrap();
        if number.is_multiple_of(5) {
            let again = queue.send_once(once_batch(number), "child", number).unwrap();
            assert_eq!(again.wait().unwrap().count, 0);
        }
        number += 1;
        std::fs::write(folder.join("number.new"), number.to_string()).unwrap();
        std::fs::rename(folder.join("number.new"), folder.join("number")).unwrap();
    }
}

fn consume_once(folder: &Path, queue: &Queue) {
    let claim = queue.claim("claim", "topology", 1).unwrap();
    let seen = folder.join("once-seen");
    let mut seen = std::fs::OpenOptions::new().append(true).create(true).open(seen).unwrap();
    loop {
        for frame in claim.read(200, 1 << 20).unwrap() {
            let places = frame.iter().map(|m| format!("{}@{}", name(&m.body), m.offset));
            let line = places.collect::<Vec<_>>().join(" ") + "\n";
            seen.write_all(line.as_bytes()).unwrap();
            let ranges: Vec<_> = frame.offsets().map(|offset| offset..offset + 1).collect();
            claim.settle_confirmed(&ranges).unwrap().wait().unwrap();
        }
        thread::yield_now();
    }
}

fn bodies(messages: &[squall_broker::Peeked]) -> BTreeSet<u64> {
    let mut numbers = BTreeSet::new();
    for message in messages {
        let number = String::from_utf8(message.body.to_vec()).unwrap().trim_end().parse().unwrap();
        assert!(numbers.insert(number), "{number} is there twice");
    }
    numbers
}

/// Works until it is killed, and says what was confirmed, a line at a time.
fn child(folder: &Path) {
    let store = Store::open(folder, options()).unwrap();
    let queue = store.create_queue("q", &QueueAttributes::default()).unwrap();
    let once = store.create_queue("once", &QueueAttributes::default()).unwrap();
    let group = queue.group("lease").unwrap();
    let claim = queue
        .claim("claim", "topology", std::process::id().into())
        .or_else(|_| queue.claim("claim", "again", u64::MAX))
        .unwrap();
    // Numbers of earlier children are lower; a queue's ids rise for ever.
    let next =
        Mutex::new(u64::from(std::process::id()) << 32 | u64::from(fastrand::u32(..)) >> 8 << 8);
    let seen = Mutex::new(
        std::fs::OpenOptions::new().append(true).create(true).open(folder.join("seen")).unwrap(),
    );
    thread::scope(|scope| {
        scope.spawn(|| send_once(folder, &once));
        scope.spawn(|| consume_once(folder, &once));
        for producer in 0..3 {
            let (queue, next) = (&queue, &next);
            scope.spawn(move || {
                loop {
                    // A backlog of any length would do; a short one keeps the checks quick.
                    while queue.stats().unwrap().active > 3_000 {
                        thread::sleep(Duration::from_millis(1));
                    }
                    let size = if producer == 0 { 1 } else { fastrand::u64(1..100) };
                    let first = {
                        let mut next = next.lock().unwrap();
                        *next += size;
                        *next - size
                    };
                    let mut batch = Batch::default();
                    (first..first + size).for_each(|n| {
                        batch.push_message(&Message::new(format!(
                            "{n}{}",
                            " ".repeat(fastrand::usize(..600))
                        )))
                    });
                    queue.send_batch(batch).unwrap().wait().unwrap();
                    say("sent", first..first + size);
                }
            });
        }
        scope.spawn(|| {
            loop {
                let got = group.receive(50, Some(Duration::from_millis(300))).unwrap();
                let handles: Vec<_> = got.iter().map(|m| m.handle).collect();
                // Late ones may have run out and been leased anew.
                if group.delete(&handles).is_ok() {
                    say("leased", got.iter().map(|m| number(&m.body)));
                }
            }
        });
        scope.spawn(|| {
            loop {
                for frame in claim.read(100, 1 << 20).unwrap() {
                    let line = line("", frame.bodies().map(number));
                    seen.lock().unwrap().write_all(line.as_bytes()).unwrap();
                    let offsets: Vec<u64> = frame.offsets().collect();
                    if fastrand::u8(..) < 8 {
                        claim.dead_letter(offsets[0], "by chance", "test").unwrap().wait().unwrap();
                    }
                    if fastrand::u8(..) < 20 {
                        claim.fail(offsets[0], Duration::ZERO, "by chance", true).unwrap();
                    } else {
                        let all: Vec<_> =
                            offsets.iter().map(|&offset| offset..offset + 1).collect();
                        claim.settle_confirmed(&all).unwrap().wait().unwrap();
                        say("claimed", frame.bodies().map(number));
                    }
                }
                thread::yield_now();
            }
        });
    });
}

fn number(body: &[u8]) -> u64 {
    std::str::from_utf8(body).unwrap().trim_end().parse().unwrap()
}

fn line(kind: &str, numbers: impl Iterator<Item = u64>) -> String {
    let mut line = kind.to_owned();
    numbers.for_each(|number| write!(line, " {number}").unwrap());
    line + "\n"
}

fn say(kind: &str, numbers: impl Iterator<Item = u64>) {
    let line = line(kind, numbers);
    if line.len() > kind.len() + 1 {
        std::io::stdout().lock().write_all(line.as_bytes()).unwrap();
    }
}
