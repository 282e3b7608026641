//! Groupings: which task of a subscriber gets a tuple.

use std::{fmt, sync::Arc};

use xxhash_rust::xxh3::xxh3_64_with_seed;

use super::target::Target;
use crate::{
    state::{Groups, KEY_GROUPS, group_of},
    tuple::{Schema, ValueRef},
};

/// How the tuples of a stream are shared among the tasks of a bolt.
#[derive(Debug, Clone)]
pub enum Grouping {
    /// In turn.
    Shuffle,
    /// By the values of these fields: equal values meet at one task.
    Fields(Vec<String>),
    /// All to the first task.
    Global,
    /// Each tuple to every task.
    All,
    /// It does not matter; as shuffle.
    None,
    /// The sender names the task.
    Direct,
    /// In turn among the tasks on the sender's thread, if there are any,
    /// otherwise among all.
    LocalOrShuffle,
    /// By the values of these fields, but each key has two tasks and takes
    /// the one with less to do: for keys of very unequal weight.
    PartialKey(Vec<String>),
    /// By the user's own rule.
    Custom(CustomGrouping),
}

/// A grouping by the user's own rule: given a row and the number of tasks,
/// the index of the task that gets it.
#[derive(Clone)]
pub struct CustomGrouping {
    name: String,
    choose: Arc<dyn Fn(&[ValueRef<'_>], usize) -> usize + Send + Sync>,
}

impl CustomGrouping {
    /// A grouping with a name for graphs and messages. An index beyond the
    /// last task wraps around.
    pub fn new(
        name: &str,
        choose: impl Fn(&[ValueRef<'_>], usize) -> usize + Send + Sync + 'static,
    ) -> Self {
        CustomGrouping { name: name.into(), choose: Arc::new(choose) }
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }
}

impl fmt::Debug for CustomGrouping {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("CustomGrouping").field(&self.name).finish()
    }
}

impl Grouping {
    /// The name a YAML file uses.
    #[must_use]
    pub fn name(&self) -> &str {
        match self {
            Grouping::Shuffle => "shuffle",
            Grouping::Fields(_) => "fields",
            Grouping::Global => "global",
            Grouping::All => "all",
            Grouping::None => "none",
            Grouping::Direct => "direct",
            Grouping::LocalOrShuffle => "local_or_shuffle",
            Grouping::PartialKey(_) => "partial_key",
            Grouping::Custom(custom) => custom.name(),
        }
    }

    /// The fields that a bolt's state can go by: those of `fields`, none for `global`. Other
    /// groupings may send equal values to different tasks.
    #[must_use]
    pub fn keys(&self) -> Option<Vec<String>> {
        match self {
            Grouping::Fields(fields) => Some(fields.clone()),
            Grouping::Global => Some(Vec::new()),
            _ => None,
        }
    }

    /// The fields that decide, if any do.
    #[must_use]
    pub fn fields(&self) -> &[String] {
        match self {
            Grouping::Fields(fields) | Grouping::PartialKey(fields) => fields,
            _ => &[],
        }
    }
}

/// Where a row goes.
pub(super) enum Way {
    To(usize),
    ToAll,
    Nowhere,
}

/// A grouping at work, with what it remembers between rows.
pub(super) enum Route {
    One,
    Turn { next: usize, among: Vec<usize> },
    Fields { columns: Vec<usize>, key: Vec<u8> },
    PartialKey { columns: Vec<usize>, key: Vec<u8>, sent: Vec<u64> },
    All,
    Direct,
    Custom(CustomGrouping),
}

const SECOND_SEED: u64 = 0x5155_414c_4c00_0002;

impl Route {
    /// `local` are the indexes of the tasks on the sender's thread.
    pub(super) fn new(
        grouping: &Grouping,
        schema: &Schema,
        tasks: usize,
        local: Vec<usize>,
        start: usize,
    ) -> Self {
        let columns = || grouping.fields().iter().filter_map(|f| schema.index(f)).collect();
        match grouping {
            Grouping::Direct => Route::Direct,
            _ if tasks == 1 => Route::One,
            Grouping::Global => Route::One,
            Grouping::All => Route::All,
            Grouping::Fields(_) => Route::Fields { columns: columns(), key: Vec::new() },
            Grouping::PartialKey(_) => {
                Route::PartialKey { columns: columns(), key: Vec::new(), sent: vec![0; tasks] }
            }
            Grouping::LocalOrShuffle if !local.is_empty() => {
                Route::Turn { next: start % local.len(), among: local }
            }
            Grouping::Shuffle | Grouping::None | Grouping::LocalOrShuffle => {
                Route::Turn { next: start % tasks, among: (0..tasks).collect() }
            }
            Grouping::Custom(custom) => Route::Custom(custom.clone()),
        }
    }

    #[inline]
    pub(super) fn choose(&mut self, row: &[ValueRef<'_>], targets: &[Target]) -> Way {
        Way::To(match self {
            Route::One => 0,
            Route::Turn { next, among } => {
                // The same task until its batch has left, then the next one
                // that is not blocked: batches stay full, load stays even.
                if targets[among[*next]].is_fresh() {
                    *next = (*next + 1) % among.len();
                    for step in 0..among.len() {
                        let candidate = (*next + step) % among.len();
                        if !targets[among[candidate]].is_blocked() {
                            *next = candidate;
                            break;
                        }
                    }
                }
                among[*next]
            }
            Route::Fields { columns, key } => {
                encode(row, columns, key);
                Groups::task_of(group_of(key), targets.len())
            }
            Route::PartialKey { columns, key, sent } => {
                encode(row, columns, key);
                let one = Groups::task_of(group_of(key), targets.len());
                let second = (xxh3_64_with_seed(key, SECOND_SEED) % KEY_GROUPS) as u8;
                let other = Groups::task_of(second, targets.len());
                let chosen = if sent[other] < sent[one] { other } else { one };
                sent[chosen] += 1;
                chosen
            }
            Route::Custom(custom) => (custom.choose)(row, targets.len()) % targets.len(),
            Route::All => return Way::ToAll,
            Route::Direct => return Way::Nowhere,
        })
    }
}

fn encode(row: &[ValueRef<'_>], columns: &[usize], key: &mut Vec<u8>) {
    key.clear();
    for column in columns {
        row[*column].encode(key);
    }
}
