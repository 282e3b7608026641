//! A window as one would define it: it knows all rows, and works everything out of them.

use std::collections::{BTreeMap, BTreeSet};

use squall_framework::Value;

use crate::rows::{Row, SECOND};

/// The kinds of windows, in seconds.
#[derive(Debug, Clone, Copy)]
pub enum Windows {
    Endless,
    Tuples { every: i64, panes: i64 },
    Time { every: i64, panes: i64 },
    Sessions { gap: i64 },
}

/// What groups rows.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum GroupBy {
    Place,
    PlaceAndOther,
    /// With `grouping: global`.
    Other,
    Nothing,
}

impl GroupBy {
    pub fn keys(self) -> &'static [&'static str] {
        match self {
            GroupBy::Place | GroupBy::PlaceAndOther => &["place"],
            GroupBy::Other | GroupBy::Nothing => &[],
        }
    }

    pub fn fields(self) -> &'static [&'static str] {
        match self {
            GroupBy::Place => &["place"],
            GroupBy::PlaceAndOther => &["place", "other"],
            GroupBy::Other => &["other"],
            GroupBy::Nothing => &[],
        }
    }

    pub fn of(self, row: &Row) -> Vec<Value> {
        let values = row.values();
        let field =
            |name: &&str| if *name == "place" { values[0].clone() } else { values[1].clone() };
        self.fields().iter().map(field).collect()
    }
}

/// A window of a group: its borders, or number, and the group.
pub type Key = (Vec<i64>, String);

/// All rows that count, and how far time has come.
#[derive(Debug, Clone)]
pub struct Model {
    pub windows: Windows,
    pub group_by: GroupBy,
    pub lateness: i64,
    pub watermark: i64,
    largest: BTreeMap<usize, i64>,
    /// Each with the watermark when it came.
    rows: Vec<(i64, Row)>,
    pub late: Vec<Row>,
    /// Sessions that are over, and those that are open: their rows.
    closed: Vec<Vec<Row>>,
    open: Vec<Vec<Row>>,
}

impl Model {
    pub fn new(windows: Windows, group_by: GroupBy, lateness: i64) -> Self {
        Self {
            windows,
            group_by,
            lateness,
            watermark: i64::MIN,
            largest: BTreeMap::new(),
            rows: Vec::new(),
            late: Vec::new(),
            closed: Vec::new(),
            open: Vec::new(),
        }
    }

    pub fn add(&mut self, row: &Row) {
        let largest = self.largest.entry(row.sender).or_insert(row.at);
        *largest = row.at.max(*largest);
        let late = match self.windows {
            Windows::Time { every, panes } => {
                (row.at.div_euclid(every) + panes) * every <= self.watermark
            }
            Windows::Sessions { gap } => row.at + gap <= self.watermark,
            Windows::Endless | Windows::Tuples { .. } => false,
        };
        if late {
            self.late.push(row.clone());
            return;
        }
        if let Windows::Sessions { gap } = self.windows {
            let group = self.group_by.of(row);
            let (joined, others) =
                std::mem::take(&mut self.open).into_iter().partition(|session| {
                    let (start, end) = borders(session, gap);
                    self.group_by.of(&session[0]) == group && row.at < end && start < row.at + gap
                });
            self.open = others;
            let joined: Vec<Vec<Row>> = joined;
            self.open.push(joined.into_iter().flatten().chain([row.clone()]).collect());
        }
        self.rows.push((self.watermark, row.clone()));
    }

    pub fn flush(&mut self) {
        if let Some(least) = self.largest.values().min() {
            self.watermark = self.watermark.max(least - self.lateness);
        }
        if let Windows::Sessions { gap } = self.windows {
            let watermark = self.watermark;
            let (closed, open) = std::mem::take(&mut self.open)
                .into_iter()
                .partition(|session| borders(session, gap).1 <= watermark);
            self.open = open;
            let closed: Vec<Vec<Row>> = closed;
            self.closed.extend(closed);
        }
    }

    /// All windows that have rows, and whether each is over.
    pub fn table(&self) -> BTreeMap<Key, (bool, Vec<Value>)> {
        let mut windows: BTreeMap<Key, (bool, Vec<Row>)> = BTreeMap::new();
        if let Windows::Sessions { gap } = self.windows {
            let over = self.closed.iter().map(|session| (true, session));
            for (over, session) in over.chain(self.open.iter().map(|session| (false, session))) {
                let (start, end) = borders(session, gap);
                let key = (vec![start, end], self.group(&session[0]));
                // In the order of arrival, which joining may have changed.
                let of_session = self.rows.iter().filter(|(_, row)| session.contains(row));
                let group = self.group_by.of(&session[0]);
                let rows = of_session.filter(|(_, row)| self.group_by.of(row) == group);
                let rows = rows.map(|(_, row)| row.clone()).collect();
                assert!(windows.insert(key, (over, rows)).is_none());
            }
        }
        let mut seen: BTreeMap<String, i64> = BTreeMap::new();
        for (watermark, row) in &self.rows {
            let group = self.group(row);
            let order = seen.entry(group.clone()).or_default();
            *order += 1;
            for (borders, over) in self.windows_of(row, *watermark, *order - 1) {
                let window = windows.entry((borders, group.clone())).or_default();
                window.0 = over;
                window.1.push(row.clone());
            }
        }
        if let Windows::Tuples { every, .. } = self.windows {
            for ((borders, group), (over, _)) in &mut windows {
                *over = borders[0] * every <= seen[group];
            }
        }
        windows.into_iter().map(|(key, (over, rows))| (key, (over, aggregates(&rows)))).collect()
    }

    fn group(&self, row: &Row) -> String {
        format!("{:?}", self.group_by.of(row))
    }

    /// The windows of a row that were open when it came.
    fn windows_of(&self, row: &Row, watermark: i64, order: i64) -> Vec<(Vec<i64>, bool)> {
        match self.windows {
            Windows::Endless => vec![(vec![], false)],
            Windows::Tuples { every, panes } => {
                let pane = order / every;
                (pane..pane + panes).map(|window| (vec![window + 1], false)).collect()
            }
            Windows::Time { every, panes } => {
                let pane = row.at.div_euclid(every);
                (pane..pane + panes)
                    .map(|window| ((window + 1 - panes) * every, (window + 1) * every))
                    .filter(|(_, end)| *end > watermark)
                    .map(|(start, end)| (vec![start, end], end <= self.watermark))
                    .collect()
            }
            Windows::Sessions { .. } => vec![],
        }
    }

    /// The key that the bolt's row has in the table: borders in microseconds.
    pub fn key(&self, (borders, group): &Key) -> String {
        // A session is known again by its beginning.
        let sessions = matches!(self.windows, Windows::Sessions { .. });
        let borders = if sessions { &borders[..1] } else { borders };
        let values = borders.iter().map(|border| match self.windows {
            Windows::Tuples { .. } => format!("{:?}", Value::Int(*border)),
            _ => format!("{:?}", Value::Timestamp(border * SECOND)),
        });
        let group = group.trim_matches(['[', ']']);
        let group = (!group.is_empty()).then(|| group.to_owned());
        format!("[{}]", values.chain(group).collect::<Vec<_>>().join(", "))
    }

    /// The columns by which a row is known again.
    pub fn keys(&self) -> Vec<usize> {
        let fields = self.group_by.fields().len();
        match self.windows {
            Windows::Endless => (0..fields).collect(),
            Windows::Tuples { .. } => (0..1 + fields).collect(),
            Windows::Time { .. } => (0..2 + fields).collect(),
            Windows::Sessions { .. } => [0].into_iter().chain(2..2 + fields).collect(),
        }
    }
}

fn borders(session: &[Row], gap: i64) -> (i64, i64) {
    let times = || session.iter().map(|row| row.at);
    (times().min().unwrap(), times().max().unwrap() + gap)
}

/// What the bolt is told to work out.
pub const AGGREGATES: &str = "{ rows: count(), users: count(user), sum: sum(number), mean: avg(number), \
     least: min(number), most: max(text), first: first(number), last: last(text), \
     distinct: distinct(user), texts: distinct(text), floats: sum(float) }";
/// Those that slide along.
pub const SLIDING: &str = "{ rows: count(), users: count(user), sum: sum(number), mean: avg(number), distinct: distinct(user) }";

fn aggregates(rows: &[Row]) -> Vec<Value> {
    let int = |value: Option<i64>| value.map_or(Value::Null, Value::Int);
    let numbers: Vec<_> = rows.iter().filter_map(|row| row.number).collect();
    let sum = (!numbers.is_empty()).then(|| numbers.iter().sum::<i64>());
    let users: BTreeSet<_> = rows.iter().filter_map(|row| row.user).collect();
    let texts: BTreeSet<_> = rows.iter().map(|row| row.text).collect();
    let first = rows.iter().filter(|row| row.number.is_some()).min_by_key(|row| row.at);
    let last = rows.iter().max_by_key(|row| row.at);
    let text = |text: Option<&str>| text.map_or(Value::Null, |text| Value::Text(text.to_owned()));
    vec![
        Value::Int(rows.len() as i64),
        Value::Int(rows.iter().filter(|row| row.user.is_some()).count() as i64),
        int(sum),
        sum.map_or(Value::Null, |sum| Value::Float(sum as f64 / numbers.len() as f64)),
        int(numbers.iter().min().copied()),
        text(rows.iter().map(|row| row.text).max()),
        int(first.and_then(|row| row.number)),
        text(last.map(|row| row.text)),
        Value::Int(users.len() as i64),
        Value::Int(texts.len() as i64),
        sum.map_or(Value::Null, |sum| Value::Float(sum as f64 / 2.0)),
    ]
}

/// Of all aggregates those that slide.
pub fn sliding(all: &[Value]) -> Vec<Value> {
    [0, 1, 2, 3, 8].map(|index| all[index].clone()).to_vec()
}
