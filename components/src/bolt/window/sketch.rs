//! Aggregates that are kept as a sketch, under keys of their own for each pane.

use squall_framework::{Result, Value, ValueRef};

use super::{
    aggregate::{Aggregate, Function},
    buckets::{self, Buckets},
    keys::Key,
    registers::{self, Registers},
    store::Store,
};

/// Where the sketch of an aggregate for a pane of a group is kept.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place<'a> {
    pub(super) group: &'a [u8],
    pub(super) pane: i64,
    pub(super) aggregate: usize,
}

impl<'a> Place<'a> {
    pub(super) fn key(self) -> Key<'a> {
        Key::Sketch(self.group, self.pane, self.aggregate)
    }

    pub(super) fn part(self, part: i64) -> Key<'a> {
        Key::SketchPart(self.group, self.pane, self.aggregate, part)
    }
}

/// Adds a value, if the aggregate is a sketch.
pub(super) fn add(
    store: &Store,
    place: Place<'_>,
    of: &Aggregate,
    value: ValueRef<'_>,
) -> Result<()> {
    match of.function {
        _ if value.is_null() => Ok(()),
        Function::ApproxDistinct => registers::add(store, place.key(), value),
        Function::Quantile(_) => buckets::add(store, place, of, value),
        _ => Ok(()),
    }
}

/// Forgets the sketch, if the aggregate is one.
pub(super) fn forget(store: &Store, place: Place<'_>, of: &Aggregate) -> Result<()> {
    match of.function {
        Function::ApproxDistinct => store.state().delete(place.key()),
        Function::Quantile(_) => buckets::forget(store, place),
        _ => Ok(()),
    }
}

/// What the sketches of several panes amount to.
pub(super) enum Sketch {
    /// The aggregate is none.
    None,
    Registers(Registers),
    Buckets(Buckets, f64),
}

impl Sketch {
    pub(super) fn of(aggregate: &Aggregate) -> Self {
        match aggregate.function {
            Function::ApproxDistinct => Sketch::Registers(Registers::new()),
            Function::Quantile(share) => Sketch::Buckets(Buckets::default(), share),
            _ => Sketch::None,
        }
    }

    /// Puts in the sketch of a pane.
    pub(super) fn merge(&mut self, store: &Store, place: Place<'_>) -> Result<()> {
        match self {
            Sketch::None => Ok(()),
            Sketch::Registers(all) => all.merge(store, place.key()),
            Sketch::Buckets(all, _) => all.merge(store, place),
        }
    }

    /// The aggregate, if it is a sketch.
    pub(super) fn result(&self) -> Option<Value> {
        match self {
            Sketch::None => None,
            Sketch::Registers(all) => Some(all.estimate()),
            Sketch::Buckets(all, share) => Some(all.quantile(*share)),
        }
    }
}
