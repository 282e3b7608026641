//! What rows amount to, over all aggregates of the bolt.

use squall_framework::{Result, ValueRef};

use super::{
    aggregate::Aggregate,
    codec::{self, Reader},
    partial::Partial,
};

/// What some rows amount to.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Totals {
    /// How many rows there are.
    pub(super) rows: i64,
    /// One for each aggregate.
    pub(super) parts: Vec<Partial>,
}

impl Totals {
    pub(super) fn new(of: &[Aggregate]) -> Self {
        Self { rows: 0, parts: of.iter().map(Aggregate::nothing).collect() }
    }

    pub(super) fn clear(&mut self) {
        self.rows = 0;
        self.parts.iter_mut().for_each(Partial::clear);
    }

    /// Counts a row, with the value of each aggregate's field. Distinct values are counted where
    /// it is known which were there.
    pub(super) fn add<'a>(
        &mut self,
        of: &[Aggregate],
        at: i64,
        value: impl Fn(usize) -> ValueRef<'a>,
    ) -> Result<()> {
        self.rows += 1;
        for (index, (part, of)) in self.parts.iter_mut().zip(of).enumerate() {
            if !of.is_distinct() {
                part.add(of, at, value(index))?;
            }
        }
        Ok(())
    }

    /// As [`add`](Self::add), but only to those aggregates that slide.
    pub(super) fn add_sliding<'a>(
        &mut self,
        of: &[Aggregate],
        at: i64,
        value: impl Fn(usize) -> ValueRef<'a>,
    ) -> Result<()> {
        self.rows += 1;
        for (index, (part, of)) in self.parts.iter_mut().zip(of).enumerate() {
            if of.slides() && !of.is_distinct() {
                part.add(of, at, value(index))?;
            }
        }
        Ok(())
    }

    /// Adds those aggregates that slide.
    pub(super) fn enter(&mut self, of: &[Aggregate], pane: &Totals) {
        self.rows += pane.rows;
        for ((part, other), of) in self.parts.iter_mut().zip(&pane.parts).zip(of) {
            if of.slides() {
                part.merge(of, other);
            }
        }
    }

    /// Takes away those aggregates that slide, but for distinct values, which have their own way
    /// out.
    pub(super) fn leave(&mut self, of: &[Aggregate], pane: &Totals) {
        self.rows -= pane.rows;
        for ((part, other), of) in self.parts.iter_mut().zip(&pane.parts).zip(of) {
            if of.slides() && !of.is_distinct() {
                part.remove(other);
            }
        }
    }

    /// Adds those aggregates that do not slide.
    pub(super) fn fold(&mut self, of: &[Aggregate], pane: &Totals) {
        for ((part, other), of) in self.parts.iter_mut().zip(&pane.parts).zip(of) {
            if !of.slides() {
                part.merge(of, other);
            }
        }
    }

    pub(super) fn encode(&self, to: &mut Vec<u8>) {
        codec::signed(self.rows, to);
        self.parts.iter().for_each(|part| part.encode(to));
    }

    pub(super) fn decode(&mut self, from: &mut Reader<'_>) -> Result<()> {
        self.rows = from.signed()?;
        self.parts.iter_mut().try_for_each(|part| part.decode(from))
    }
}
