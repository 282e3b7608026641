//! A group: the rows that have the same values in all fields of `group_by`.

use squall_framework::{Result, Value};

use super::{
    aggregate::Aggregate,
    codec::{self, Reader},
    totals::Totals,
};

/// What the state keeps of a group as long as it has rows in open windows.
#[derive(Debug, Clone)]
pub(super) struct Group {
    /// The first window that has not been closed.
    pub(super) due: i64,
    /// What the panes before `due` that are in that window amount to, for those aggregates that
    /// slide. Of distinct values: how many there were in the window before `due` that may be in it.
    pub(super) behind: Totals,
    /// Its values of `group_by`.
    pub(super) values: Vec<Value>,
}

impl Group {
    pub(super) fn new(of: &[Aggregate]) -> Self {
        Self { due: 0, behind: Totals::new(of), values: Vec::new() }
    }

    /// Makes it a group without rows.
    pub(super) fn begin(&mut self, due: i64, values: impl IntoIterator<Item = Value>) {
        self.due = due;
        self.behind.clear();
        self.values.clear();
        self.values.extend(values);
    }

    pub(super) fn encode(&self, to: &mut Vec<u8>) {
        codec::signed(self.due, to);
        self.behind.encode(to);
        self.values.iter().for_each(|value| codec::value(value.as_ref(), to));
    }

    pub(super) fn decode(&mut self, from: &mut Reader<'_>) -> Result<()> {
        self.due = from.signed()?;
        self.behind.decode(from)?;
        self.values.clear();
        while !from.is_empty() {
            self.values.push(from.value()?);
        }
        Ok(())
    }
}
