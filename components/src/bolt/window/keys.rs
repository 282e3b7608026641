//! Under which keys a place keeps what.

use squall_framework::{StateKey, ValueRef};
use xxhash_rust::xxh3::xxh3_128;

use super::codec;

/// A longer value is known by its hash in keys and lists. With 128 bits no two are alike.
const LONGEST: usize = 32;
/// What begins such a hash; no encoding of a value does.
const HASHED: u8 = 0xFF;

/// A key in the state of a place. `group` is what [`short`] makes of the fields of `group_by` that
/// are not among the grouping's.
#[derive(Debug, Clone, Copy)]
pub(super) enum Key<'a> {
    /// How far a group has come, see `Group`.
    Group(&'a [u8]),
    /// What the rows of a pane amount to, see `Pane`.
    Pane(&'a [u8], i64),
    /// Panes with rows that are still to come, see `Agenda`.
    Agenda(&'a [u8], u64),
    /// What happens to distinct values after a window, see `Departures`.
    Departures(&'a [u8], i64),
    /// A full part of the list there.
    DeparturesPart(&'a [u8], i64, u64),
    /// The windows in which a value has been counted by an aggregate, see `members`.
    Member { group: &'a [u8], aggregate: usize, era: i64, member: &'a [u8] },
    /// The sketch of an aggregate for a pane.
    Sketch(&'a [u8], i64, usize),
    /// A part of that sketch.
    SketchPart(&'a [u8], i64, usize, i64),
    /// The groups of the place.
    Groups,
    /// A full part of their list.
    GroupsPart(u64),
}

impl StateKey for Key<'_> {
    fn encode_key(&self, to: &mut Vec<u8>) {
        let (tag, group) = match *self {
            Key::Group(group) => (b'g', group),
            Key::Pane(group, _) => (b'p', group),
            Key::Agenda(group, _) => (b'a', group),
            Key::Departures(group, _) => (b'd', group),
            Key::DeparturesPart(group, ..) => (b'e', group),
            Key::Member { group, .. } => (b'm', group),
            Key::Sketch(group, ..) => (b's', group),
            Key::SketchPart(group, ..) => (b't', group),
            Key::Groups => (b'G', &[][..]),
            Key::GroupsPart(_) => (b'H', &[][..]),
        };
        to.push(tag);
        codec::bytes(group, to);
        match *self {
            Key::Group(_) | Key::Groups => {}
            Key::Pane(_, number) | Key::Departures(_, number) => codec::signed(number, to),
            Key::Agenda(_, part) | Key::GroupsPart(part) => codec::unsigned(part, to),
            Key::DeparturesPart(_, window, part) => {
                codec::signed(window, to);
                codec::unsigned(part, to);
            }
            Key::Member { aggregate, era, member, .. } => {
                codec::unsigned(aggregate as u64, to);
                codec::signed(era, to);
                to.extend_from_slice(member);
            }
            Key::Sketch(_, pane, aggregate) => {
                codec::signed(pane, to);
                codec::unsigned(aggregate as u64, to);
            }
            Key::SketchPart(_, pane, aggregate, part) => {
                codec::signed(pane, to);
                codec::unsigned(aggregate as u64, to);
                codec::signed(part, to);
            }
        }
    }
}

/// Sets `to` to what tells these values from others, in at most 32 bytes.
pub(super) fn short<'a>(values: impl IntoIterator<Item = ValueRef<'a>>, to: &mut Vec<u8>) {
    to.clear();
    values.into_iter().for_each(|value| value.encode_key(to));
    if to.len() > LONGEST {
        let hash = xxh3_128(to);
        to.clear();
        to.push(HASHED);
        to.extend_from_slice(&hash.to_be_bytes());
    }
}
