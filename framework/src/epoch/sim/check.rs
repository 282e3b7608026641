//! What must hold: after each commit, after each epoch that was applied, and in the end.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    folder::Values,
    message::{Nature, Truth, group_of_key, is_buried},
    plan::KEYS,
    store::{FIRED, LATEST, SUMS, TOTALS},
    world::World,
};
use crate::{
    epoch::OutboxMessage,
    state::{StateKey, decode_row, group_of},
    tuple::{Value, ValueRef},
};

/// A commit is in the store: of a run that may, with the rows of exactly those messages that it and
/// the sources remember as read.
pub(super) fn committed(world: &mut World, floors: Option<&[u64]>) {
    let (incarnation, epoch) = (world.store.record.incarnation, world.store.record.epoch);
    let before = world.store.history.len() as u64;
    world.check(epoch == before + 1, || format!("epoch {epoch} follows {before}"));
    let Some(read) = world.reads.get(&(incarnation, epoch)).cloned() else {
        return world.violate(format!("run {incarnation} has handed over no epoch {epoch}"));
    };
    for message in read {
        let twice = std::mem::replace(&mut world.done[message], true);
        world.check(!twice, || format!("message {message} is committed a second time"));
        let World { truth, messages, .. } = world;
        truth.add(&messages[message]);
    }
    let rows = [(SUMS, &world.truth.sums, "sums"), (LATEST, &world.truth.counts, "counts")];
    let wrong = rows.into_iter().find_map(|(table, truth, what)| {
        let found = &world.store.tables[table.0];
        let text = || format!("after epoch {epoch} the {what} are {found:?}, not {truth:?}");
        (found != truth).then(text)
    });
    if let Some(wrong) = wrong {
        return world.violate(wrong);
    }
    for spout in 0..world.spouts() {
        let position = world.store.record.positions.get(&spout_id(spout)).cloned();
        let position = position.unwrap_or_default();
        if spout >= world.plan.sources {
            let none = position.ranges.is_empty();
            world.check(none, || "there are positions of a source that cannot go back".to_owned());
            continue;
        }
        let read: BTreeSet<u64> = position.ranges.iter().cloned().flatten().collect();
        let floor = floors.map_or(0, |floors| floors[spout]);
        world.check(read.iter().all(|offset| *offset >= floor), || {
            format!("positions of spout {spout} go below the floor {floor}: {read:?}")
        });
        let queue = &world.queues[spout];
        let wrong = queue.messages.iter().enumerate().find(|(offset, message)| {
            let known = queue.settled[*offset] || read.contains(&(*offset as u64));
            known != world.done[**message]
        });
        if let Some((offset, _)) = wrong {
            return world.violate(format!(
                "after epoch {epoch} offset {offset} of spout {spout} is not known as it is: {position:?}"
            ));
        }
    }
}

/// An epoch was applied to a folder: the states are those of exactly the messages up to it.
pub(super) fn applied(world: &mut World, folder: usize) {
    let (epoch, id) = world.folders[folder].applied.clone();
    let Some(done) = world.store.history.get(epoch as usize - 1) else {
        return world.violate(format!("epoch {epoch} was applied and never committed"));
    };
    if done.commit_id != id {
        return world.violate(format!("epoch {epoch} was applied as {id}, not {}", done.commit_id));
    }
    let found = {
        let values = world.folders[folder].values.lock();
        states(&values, &done.truth)
    };
    if let Err(wrong) = found {
        return world.violate(format!("states after epoch {epoch}: {wrong}"));
    }
    if epoch == world.store.record.epoch {
        let values = world.folders[folder].values.lock();
        let number = |key| number(&values, "total", group_of_key(key), "total");
        let totals: BTreeMap<i64, i64> =
            (0..2).map(|g| (g, number(g))).filter(|(_, total)| *total > 0).collect();
        drop(values);
        let found = &world.store.tables[TOTALS.0];
        if *found != totals {
            let text = format!("the totals are {found:?}, but the states say {totals:?}");
            world.violate(text);
        }
    }
}

fn states(values: &Values, truth: &Truth) -> Result<(), String> {
    let mut pending = [0; 2];
    for key in 0..KEYS {
        let (at, expected) = (key as i64, truth.count(key));
        let members = truth.members.get(&at).map_or(0, BTreeSet::len) as i64;
        for (name, expected) in [("count", expected), ("distinct", members)] {
            let found = number(values, "count", at, name);
            if found != expected {
                return Err(format!("the {name} of key {key} is {found}, not {expected}"));
            }
        }
        if !is_buried(key) {
            pending[group_of_key(at) as usize] += number(values, "count", at, "delta");
        }
    }
    for group in 0..2 {
        let found = number(values, "total", group, "total") + pending[group as usize];
        let expected = truth.of_group(group);
        if found != expected {
            return Err(format!("group {group} has {found} messages, not {expected}"));
        }
    }
    Ok(())
}

/// A number that a bolt remembers by a key of its grouping and a name; 0 when it does not.
fn number(values: &Values, component: &str, place: i64, name: &str) -> i64 {
    let mut encoded = Vec::new();
    ValueRef::Int(place).encode(&mut encoded);
    let mut key = vec![0, group_of(&encoded)];
    key.append(&mut encoded);
    name.encode_key(&mut key);
    let value = values.get(component, &key).and_then(|value| decode_row(value).ok());
    match value.as_deref() {
        Some([Value::Int(number)]) => *number,
        _ => 0,
    }
}

/// A run has ended in order, after the end of the input was told: nothing is held back.
pub(super) fn ended_with_input(world: &mut World) {
    let counts = world.truth.counts.clone();
    if world.store.tables[FIRED.0] != counts {
        let found = &world.store.tables[FIRED.0];
        let text = format!("at the end of the input the timers left {found:?}, not {counts:?}");
        world.violate(text);
    }
}

/// Everything was sent, the input has ended, and the run with it.
pub(super) fn finished(world: &mut World, lossy: &BTreeSet<usize>) {
    for spout in 0..world.plan.sources {
        let queue = &world.queues[spout];
        let mut dead: Vec<u64> = queue.dead.iter().map(|dead| dead.offset).collect();
        dead.sort_unstable();
        let dying = queue.messages.iter().map(|message| &world.messages[*message]);
        let expected: Vec<u64> =
            dying.filter(|message| message.dies()).map(|message| message.offset).collect();
        if !queue.is_done() || dead != expected {
            let text = format!(
                "spout {spout}: settled up to {} of {}, dead letters {dead:?}, not {expected:?}",
                queue.floor(),
                queue.messages.len()
            );
            world.violate(text);
        }
    }
    for offset in 0..world.kept.messages.len() {
        let message = world.kept.messages[offset];
        let reader = world.kept.read_by.get(offset);
        let accounted = world.done[message] || reader.is_some_and(|by| lossy.contains(by));
        world.check(accounted, || format!("message {message} is lost, and nobody died of it"));
    }
    let totals: BTreeMap<i64, i64> = (0..2)
        .map(|group| (group, world.truth.of_group(group)))
        .filter(|(_, total)| *total > 0)
        .collect();
    if world.store.tables[TOTALS.0] != totals {
        let found = &world.store.tables[TOTALS.0];
        let text = format!("the totals are {found:?}, not {totals:?}");
        world.violate(text);
    }
    letters(world);
    mail(world);
}

/// Dead letters that are no messages of a source: rows that the store rejected, rows of no message,
/// and messages of a source that keeps none.
fn letters(world: &mut World) {
    let mut rejected = Vec::new();
    let mut kept = Vec::new();
    let mut buried = 0;
    let none = Vec::new();
    let letters = world.mail.queues.get("dead").map_or(&none, |queue| &queue.messages);
    for letter in letters {
        let body: serde_json::Value = serde_json::from_slice(&letter.body).unwrap_or_default();
        let number = |name: &str| body[name].as_i64().unwrap_or(-1);
        match header(letter, "bolt") {
            "save" => rejected.push(number("message")),
            "total" => buried += number("delta"),
            _ => kept.push(number("message")),
        }
    }
    rejected.sort_unstable();
    kept.sort_unstable();
    let done = || world.messages.iter().enumerate().filter(|(message, _)| world.done[*message]);
    let expected: Vec<i64> = done()
        .filter(|(_, message)| message.nature == Nature::Rejected)
        .map(|(message, _)| message as i64)
        .collect();
    let sources = world.plan.sources;
    let dead: Vec<i64> = done()
        .filter(|(_, message)| message.spout >= sources && message.dies())
        .map(|(message, _)| message as i64)
        .collect();
    let of_no_message: i64 =
        (0..KEYS).filter(|key| is_buried(*key)).map(|key| world.truth.count(key)).sum();
    world.check(rejected == expected, || {
        format!("rejected rows became the letters {rejected:?}, not {expected:?}")
    });
    world.check(kept == dead, || format!("kept messages became {kept:?}, not {dead:?}"));
    world.check(buried == of_no_message, || {
        format!("letters tell of {buried} messages, not of {of_no_message}")
    });
}

/// What was passed on: each message once, and in order by spout and key.
fn mail(world: &mut World) {
    for queue in 0..2 {
        let mut expected: BTreeMap<(usize, usize), Vec<String>> = BTreeMap::new();
        for (number, message) in world.messages.iter().enumerate() {
            if world.done[number] && message.mailed_to() == Some(queue) {
                let of = expected.entry((message.spout, message.key)).or_default();
                of.push(message.body());
            }
        }
        let mut found: BTreeMap<(usize, usize), Vec<String>> = BTreeMap::new();
        if let Some(queue) = world.mail.queues.get(&mail_queue(queue)) {
            for message in &queue.messages {
                let number = header(message, "message").parse().unwrap_or(usize::MAX);
                let Some(known) = world.messages.get(number) else { continue };
                let of = found.entry((known.spout, known.key)).or_default();
                of.push(String::from_utf8_lossy(&message.body).into_owned());
            }
        }
        if found != expected {
            return world.violate(format!("queue {queue} has {found:?}, not {expected:?}"));
        }
    }
}

fn header<'m>(message: &'m OutboxMessage, name: &str) -> &'m str {
    message.headers.iter().find(|(known, _)| known == name).map_or("", |(_, value)| value)
}

pub(super) fn spout_id(spout: usize) -> String {
    format!("spout{spout}")
}

pub(super) fn mail_queue(queue: usize) -> String {
    format!("mail{queue}")
}
