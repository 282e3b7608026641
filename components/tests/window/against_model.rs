//! Whatever the rows, their order, the commits and the crashes: the results are those of the model.

use proptest::prelude::*;
use squall_framework::testing::BoltHarness;

use crate::{
    model::{AGGREGATES, GroupBy, Model, SLIDING, Windows, sliding},
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
    proptest::collection::vec(step, 0..150)
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
    /// Rows that were not committed.
    rows: Vec<Row>,
    /// Whether windows that are open may be in the table.
    ended: bool,
}

impl Both {
    fn new(options: Options) -> Self {
        let bolt = harness(&options.yaml(), &schema(), options.group_by.keys());
        let model = Model::new(options.windows, options.group_by, options.lateness);
        Self {
            bolt: bolt.with_memory(options.memory).unwrap(),
            table: Table::new(model.borders() + options.group_by.fields().len()),
            committed: model.clone(),
            model,
            rows: Vec::new(),
            ended: false,
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
        let before = std::mem::replace(&mut self.committed, self.model.clone());
        let rows = std::mem::take(&mut self.rows);
        self.ended |= last;
        let known = before.table();
        for (key, (over, values)) in self.model.table() {
            let was_over = known.get(&key).is_some_and(|(over, _)| *over);
            let was_known = known.get(&key).is_some_and(|(_, before)| *before == values);
            let key = self.model.key(&key);
            let times = written.iter().filter(|other| **other == key).count();
            let expected = match self.options.windows {
                _ if over && was_over => 0,
                _ if over => 1,
                Windows::Endless => {
                    usize::from(!was_known || rows.iter().any(|row| self.changes(row, &key)))
                }
                _ if last => 1,
                _ if self.options.updates => usize::from(!was_known || times == 1),
                _ => 0,
            };
            assert_eq!(times, expected, "{key}: over {over}, before {was_over}; {written:?}");
            if times > 0 || over {
                self.check(&key, &values);
            }
        }
    }

    /// For windows without end: whether a row is of this group.
    fn changes(&self, row: &Row, key: &str) -> bool {
        format!("{:?}", self.options.group_by.of(row)) == key
    }

    fn check(&self, key: &str, values: &[squall_framework::Value]) {
        let expected = if self.options.slides { sliding(values) } else { values.to_vec() };
        let row = self.table.rows.get(key).unwrap_or_else(|| panic!("no row {key}"));
        assert_eq!(&row[row.len() - expected.len()..], expected, "{key}");
    }

    fn finish(mut self) {
        self.commit(true);
        let table = self.model.table();
        for (key, (_, values)) in &table {
            self.check(&self.model.key(key), values);
        }
        // Sessions that became part of others are emitted again, as nothing.
        let sessions = matches!(self.options.windows, Windows::Sessions { .. });
        let alive = self.table.rows.values().filter(|row| !sessions || row[0] != row[1]).count();
        if !sessions {
            assert_eq!(alive, table.len(), "{:#?}", self.table.rows);
        }
        let late: Vec<_> = self.model.late.iter().map(Row::values).collect();
        assert_eq!(self.table.late, late);
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

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

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
