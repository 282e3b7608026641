//! A table as a topology describes it.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::error::StoreError;

/// What a column holds, for a table that is created.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ColumnKind {
    /// Text.
    Text,
    /// A signed integer of 64 bits.
    Int,
    /// A number of 64 bits.
    Float,
    /// True or false.
    Bool,
    /// A date and time in UTC, to the microsecond.
    Timestamp,
    /// Bytes.
    Bytes,
    /// The text of a JSON value.
    Json,
    /// Whatever comes.
    Any,
}

/// What becomes of a column when the table already has a row with the same key. A null never
/// replaces a value, except with `set`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Mode {
    /// The new value replaces the old one.
    #[default]
    Set,
    /// The new value is added to the old one.
    Add,
    /// The larger of both stays.
    Max,
    /// The smaller of both stays.
    Min,
    /// The old value stays.
    Keep,
}

/// A column.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Column {
    /// Its name.
    pub name: String,
    /// What it holds.
    pub kind: ColumnKind,
    /// What becomes of it when the key is already there; of no meaning for columns of the key.
    pub mode: Mode,
    /// For a text or bytes column of a table that is created in MySQL: at most so many
    /// characters or bytes. Without it a key holds 191 and any other column 16 MiB.
    pub length: Option<u32>,
}

/// A table and how rows are written into it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Table {
    /// Its name, after a database and a dot where it is in another one.
    pub name: String,
    /// The columns, in the order of the rows.
    pub columns: Vec<Column>,
    /// The columns by which a row is known again. Without any, every row is added as a new one.
    pub keys: Vec<String>,
    /// Whether to create the table if it is not there.
    pub create: bool,
}

impl Column {
    /// A column that is set.
    pub fn new(name: impl Into<String>, kind: ColumnKind) -> Self {
        Self { name: name.into(), kind, mode: Mode::Set, length: None }
    }

    /// The same column with another mode.
    #[must_use]
    pub fn mode(self, mode: Mode) -> Self {
        Self { mode, ..self }
    }
}

impl Table {
    /// Whether the plan can work at all, without asking a database.
    ///
    /// # Errors
    /// The first thing that is wrong.
    pub fn check(&self) -> Result<(), StoreError> {
        let problem = |text: String| Err(StoreError::table(&self.name, text));
        if self.name.split('.').any(str::is_empty) {
            return problem("the name is empty".to_owned());
        }
        if self.columns.is_empty() {
            return problem("it has no columns".to_owned());
        }
        for (index, column) in self.columns.iter().enumerate() {
            let name = &column.name;
            // Both limits are MySQL's; a table should be able to move there.
            if name.is_empty() || name.contains('\0') || name.chars().count() > 64 {
                return problem(format!(
                    "`{name}` is no name for a column; names have 1 to 64 characters"
                ));
            }
            if self.columns[..index].iter().any(|other| other.name.eq_ignore_ascii_case(name)) {
                return problem(format!("column `{name}` is there twice"));
            }
            if self.is_key(name) && column.mode != Mode::Set {
                return problem(format!(
                    "column `{name}` belongs to the key and cannot have a mode"
                ));
            }
            let number =
                matches!(column.kind, ColumnKind::Int | ColumnKind::Float | ColumnKind::Any);
            if column.mode == Mode::Add && !number {
                return problem(format!(
                    "column `{name}` is not a number, so nothing can be added to it"
                ));
            }
        }
        if let Some(key) = self.keys.iter().find(|&key| self.column(key).is_none()) {
            let names: Vec<_> = self.columns.iter().map(|column| column.name.as_str()).collect();
            return problem(format!(
                "there is no column `{key}` for the key; the columns are {}",
                names.join(", ")
            ));
        }
        if self.keys.is_empty()
            && let Some(column) = self.columns.iter().find(|column| column.mode != Mode::Set)
        {
            return problem(format!("column `{}` has a mode, which needs keys", column.name));
        }
        Ok(())
    }

    pub(super) fn column(&self, name: &str) -> Option<usize> {
        self.columns.iter().position(|column| column.name == name)
    }

    pub(super) fn is_key(&self, name: &str) -> bool {
        self.keys.iter().any(|key| key == name)
    }

    /// Where the columns of the key are.
    pub(super) fn key_columns(&self) -> Vec<usize> {
        self.keys.iter().filter_map(|key| self.column(key)).collect()
    }

    /// The columns that are not in the key, with how each is updated.
    pub(super) fn updates(&self) -> impl Iterator<Item = &Column> {
        self.columns.iter().filter(|column| !self.is_key(&column.name) && column.mode != Mode::Keep)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_plan_that_cannot_work_says_why() {
        let good = Table {
            name: "t".into(),
            columns: vec![
                Column::new("k", ColumnKind::Text),
                Column::new("n", ColumnKind::Int).mode(Mode::Add),
            ],
            keys: vec!["k".into()],
            create: true,
        };
        good.check().unwrap();
        let problem = |change: fn(&mut Table)| {
            let mut table = good.clone();
            change(&mut table);
            table.check().unwrap_err().to_string()
        };
        assert!(problem(|t| t.keys = vec!["x".into()]).contains("the columns are k, n"));
        assert!(problem(|t| t.keys.clear()).contains("needs keys"));
        assert!(problem(|t| t.columns[1].kind = ColumnKind::Text).contains("not a number"));
        assert!(problem(|t| t.columns[0].mode = Mode::Max).contains("belongs to the key"));
        assert!(problem(|t| t.columns[1].name = "K".into()).contains("twice"));
        assert!(problem(|t| t.name = "a..b".into()).contains("empty"));
    }
}
