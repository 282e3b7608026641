//! Whatever the rows, their order, the commits and the crashes: the results are those of the model.

use std::collections::BTreeMap;

use proptest::prelude::*;
use squall_framework::{Value, testing::BoltHarness};

use crate::{
    model::{AGGREGATES, GroupBy, Key, Model, SLIDING, Windows, sliding},
    rows::{Row, row, schema},
    table::{Table, harness},
};

#[derive(Debug, Clone)]
enum Step {
    Row(Row),
    Commit,
    /// The input ends, for now.
    End,
    /// What was not committed is lost and comes again.
    Crash,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        30 => row().prop_map(Step::Row),
        3 => Just(Step::Commit),
        1 => Just(Step::End),
        1 => Just(Step::Crash),
    ];
    proptest::collection::vec(step, 0..120)
}

#[derive(Debug, Clone)]
struct Options {
    windows: Windows,
    group_by: GroupBy,
    lateness: i64,
    updates: bool,
    /// Only aggregates that slide along.
    slides: bool,
    memory: usize,
}

fn options(windows: impl Strategy<Value = Windows>) -> impl Strategy<Value = Options> {
    let group_by = prop_oneof![
        Just(GroupBy::Place),
        Just(GroupBy::PlaceAndOther),
        Just(GroupBy::Other),
        Just(GroupBy::Nothing)
    ];
    let lateness = prop_oneof![Just(0i64), Just(15), Just(200)];
    let memory = prop_oneof![Just(usize::MAX), Just(0)];
    (windows, group_by, lateness, any::<bool>(), any::<bool>(), memory).prop_map(
        |(windows, group_by, lateness, updates, slides, memory)| Options {
            windows,
            group_by,
            lateness,
            updates,
            slides,
            memory,
        },
    )
}

impl Options {
    fn yaml(&self) -> String {
        let lateness = self.lateness;
        let windows = match self.windows {
            Windows::Endless => String::new(),
            Windows::Tuples { every, panes } => format!("count: {}\nevery: {every}", every * panes),
            Windows::Time { every, panes } => {
                format!("size: {}s\nevery: {every}s\nlateness: {lateness}s", every * panes)
            }
            Windows::Sessions { gap } => format!("gap: {gap}s\nlateness: {lateness}s"),
        };
        let emit = if self.updates { "emit: update" } else { "" };
        let aggregates = if self.slides { SLIDING } else { AGGREGATES };
        let group_by = self.group_by.fields().join(", ");
        format!("{windows}\n{emit}\ngroup_by: [{group_by}]\naggregates: {aggregates}")
    }
}

/// The bolt and the model, side by side.
struct Both {
    options: Options,
    bolt: BoltHarness,
    model: Model,
    committed: Model,
    table: Table,
    /// All windows as of the last commit: whether each is over, and its aggregates.
    known: BTreeMap<Key, (bool, Vec<Value>)>,
    /// Rows that were not committed.
    rows: Vec<Row>,
}

impl Both {
    fn new(options: Options) -> Self {
        let bolt = harness(&options.yaml(), &schema(), options.group_by.keys());
        let model = Model::new(options.windows, options.group_by, options.lateness);
        Self {
            bolt: bolt.with_memory(options.memory).unwrap(),
            table: Table::new(model.keys()),
            committed: model.clone(),
            model,
            known: BTreeMap::new(),
            rows: Vec::new(),
            options,
        }
    }

    fn take(&mut self, step: Step) {
        match step {
            Step::Row(row) => self.add(row),
            Step::Commit => self.commit(false),
            Step::End => self.commit(true),
            Step::Crash => {
                self.bolt.restart().unwrap();
                self.model = self.committed.clone();
                for row in std::mem::take(&mut self.rows) {
                    self.add(row);
                }
            }
        }
    }

    fn add(&mut self, row: Row) {
        self.bolt.execute_from(0, row.sender, &row.values()).unwrap();
        self.model.add(&row);
        self.rows.push(row);
    }

    fn commit(&mut self, last: bool) {
        let written = self.bolt.end_epoch(last).unwrap();
        let written = self.table.write(written);
        self.model.flush();
        self.committed = self.model.clone();
        let rows = std::mem::take(&mut self.rows);
        let now = self.model.table();
        for (key, (over, values)) in &now {
            let before = self.known.get(key);
            let was_over = before.is_some_and(|(over, _)| *over);
            let changed = before.is_none_or(|(_, before)| before != values);
            let key = self.model.key(key);
            let times = written.iter().filter(|other| **other == key).count();
            let expected = match self.options.windows {
                _ if *over => usize::from(!was_over),
                Windows::Endless => usize::from(rows.iter().any(|row| self.is_of(row, &key))),
                _ if last => 1,
                // One that has got a row may be the same as before.
                _ if self.options.updates => usize::from(changed || times == 1),
                _ => 0,
            };
            assert_eq!(times, expected, "{key}: over {over}, before {was_over}; {written:?}");
            if times > 0 || *over {
                self.check(&key, values);
            }
        }
        self.known = now;
    }

    /// For windows without end: whether a row is in this one.
    fn is_of(&self, row: &Row, key: &str) -> bool {
        format!("{:?}", self.options.group_by.of(row)) == key
    }

    fn check(&self, key: &str, values: &[Value]) {
        let expected = if self.options.slides { sliding(values) } else { values.to_vec() };
        let row = self.table.rows.get(key).unwrap_or_else(|| panic!("no row {key}"));
        assert_eq!(&row[row.len() - expected.len()..], expected, "{key}");
    }

    fn finish(mut self) {
        self.commit(true);
        for (key, (_, values)) in &self.known {
            self.check(&self.model.key(key), values);
        }
        // Sessions that became part of others were emitted again, with an end that is no end.
        let sessions = matches!(self.options.windows, Windows::Sessions { .. });
        let alive = self.table.rows.values().filter(|row| !sessions || row[0] != row[1]).count();
        assert_eq!(alive, self.known.len(), "{:#?}", self.table.rows);
        let late: Vec<_> = self.model.late.iter().map(Row::values).collect();
        assert_eq!(self.table.late, late);
        if matches!(self.options.windows, Windows::Time { .. } | Windows::Sessions { .. }) {
            self.forget();
        }
    }

    /// Of windows that are over nothing is left.
    fn forget(mut self) {
        let mut fresh = harness(&self.options.yaml(), &schema(), self.options.group_by.keys());
        for bolt in [&mut self.bolt, &mut fresh] {
            for sender in 0..3 {
                let at = self.model.watermark.max(0) + 1_000_000;
                let user = Some(1);
                let row = Row { sender, place: 7, other: 7, at, user, number: None, text: "a" };
                bolt.execute_from(0, sender, &row.values()).unwrap();
            }
            bolt.commit().unwrap();
        }
        assert_eq!(self.bolt.disk().len(), fresh.disk().len());
    }
}

fn run(options: Options, steps: Vec<Step>) {
    let mut both = Both::new(options);
    steps.into_iter().for_each(|step| both.take(step));
    both.finish();
}

fn time() -> impl Strategy<Value = Windows> {
    (
        prop_oneof![Just(7i64), Just(20), Just(60)],
        prop_oneof![Just(1i64), Just(2), Just(5), Just(30)],
    )
        .prop_map(|(every, panes)| Windows::Time { every, panes })
}

/// Few enough to be quick; `PROPTEST_CASES` says otherwise.
fn cases() -> ProptestConfig {
    match std::env::var_os("PROPTEST_CASES") {
        Some(_) => ProptestConfig::default(),
        None => ProptestConfig::with_cases(64),
    }
}

proptest! {
    #![proptest_config(cases())]

    #[test]
    fn windows_by_time(options in options(time()), steps in steps()) {
        run(options, steps);
    }

    #[test]
    fn windows_by_tuples(
        options in options((1i64..5, 1i64..4).prop_map(|(every, panes)| Windows::Tuples { every, panes })),
        steps in steps(),
    ) {
        run(options, steps);
    }

    #[test]
    fn windows_without_end(options in options(Just(Windows::Endless)), steps in steps()) {
        run(Options { updates: true, ..options }, steps);
    }

    #[test]
    fn sessions(
        options in options((1i64..60).prop_map(|gap| Windows::Sessions { gap })),
        steps in steps(),
    ) {
        run(options, steps);
    }
}
