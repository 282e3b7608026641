//! The messages, and what a set of them must come to.

use std::collections::{BTreeMap, BTreeSet};

use fastrand::Rng;

use super::plan::KEYS;

/// What a message does to those who work on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Nature {
    Plain,
    /// The first bolt cannot work on it.
    Bad,
    /// The second bolt cannot, when the first has emitted already.
    BadInCount,
    /// The second bolt panics on it.
    Panics,
    /// The process dies of it.
    Kills,
    /// The store rejects its row.
    Rejected,
}

#[derive(Debug, Clone)]
pub(super) struct Message {
    /// Its spout, by place, and its number there.
    pub(super) spout: usize,
    pub(super) offset: u64,
    pub(super) key: usize,
    pub(super) value: i64,
    /// One of sixteen; a key remembers which of them it has seen.
    pub(super) member: u8,
    pub(super) nature: Nature,
    /// The queue that it is passed on to.
    pub(super) mail: Option<usize>,
}

impl Message {
    pub(super) fn draw(
        rng: &mut Rng,
        (spout, offset): (usize, u64),
        keys: usize,
        trouble: u8,
    ) -> Self {
        let nature = match rng.u8(..100) < trouble {
            true => [
                Nature::Bad,
                Nature::Bad,
                Nature::BadInCount,
                Nature::BadInCount,
                Nature::Rejected,
                Nature::Rejected,
                Nature::Panics,
            ][rng.usize(..7)],
            false => Nature::Plain,
        };
        Message {
            spout,
            offset,
            key: rng.usize(..keys),
            value: rng.i64(1..100),
            member: rng.u8(..16),
            nature,
            mail: (rng.u8(..3) == 0).then(|| rng.usize(..2)),
        }
    }

    /// Whether it is to become a dead letter of its source.
    pub(super) fn dies(&self) -> bool {
        !matches!(self.nature, Nature::Plain | Nature::Rejected)
    }

    /// Whether it is to be passed on.
    pub(super) fn mailed_to(&self) -> Option<usize> {
        match self.nature {
            Nature::Plain | Nature::Rejected | Nature::BadInCount => self.mail,
            Nature::Bad | Nature::Panics | Nature::Kills => None,
        }
    }

    /// The body of what is passed on.
    pub(super) fn body(&self) -> String {
        format!("{}/{}", self.spout, self.offset)
    }
}

/// What the messages that were worked on come to, computed in the simplest way.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Truth {
    /// The sum of the rows that are added, by key.
    pub(super) sums: BTreeMap<i64, i64>,
    /// How many messages the second bolt has counted, by key.
    pub(super) counts: BTreeMap<i64, i64>,
    pub(super) members: BTreeMap<i64, BTreeSet<u8>>,
}

impl Truth {
    pub(super) fn add(&mut self, message: &Message) {
        let key = message.key as i64;
        match message.nature {
            Nature::Plain | Nature::Rejected => {
                *self.counts.entry(key).or_default() += 1;
                self.members.entry(key).or_default().insert(message.member);
            }
            Nature::BadInCount => {}
            Nature::Bad | Nature::Panics | Nature::Kills => return,
        }
        if message.nature != Nature::Rejected {
            *self.sums.entry(key).or_default() += message.value;
        }
    }

    pub(super) fn count(&self, key: usize) -> i64 {
        self.counts.get(&(key as i64)).copied().unwrap_or_default()
    }

    /// How many messages the groups of the third bolt have between them.
    pub(super) fn of_group(&self, group: i64) -> i64 {
        let keys = (0..KEYS).filter(|key| group_of_key(*key as i64) == group && !is_buried(*key));
        keys.map(|key| self.count(key)).sum()
    }
}

/// The group that a key belongs to in the third bolt.
pub(super) fn group_of_key(key: i64) -> i64 {
    key % 2
}

/// What the second bolt emits for this key the third cannot work on; no message is at fault.
pub(super) fn is_buried(key: usize) -> bool {
    key == 4
}
