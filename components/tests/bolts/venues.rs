//! Real check-ins, against numbers that were worked out with other tools. See `../real_data.rs` for
//! where the files come from; without them the tests say that they were skipped.
#![allow(clippy::print_stderr)]

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    path::PathBuf,
};

use squall_framework::{Kind, Value, testing::BoltHarness};

use crate::harness::{bolt, schema};

fn records(name: &str) -> Option<Vec<Vec<String>>> {
    let Some(folder) = std::env::var_os("SQUALL_DATA") else {
        eprintln!("SKIPPED: SQUALL_DATA does not name a folder with {name}");
        return None;
    };
    let text = std::fs::read_to_string(PathBuf::from(folder).join(name)).unwrap();
    Some(text.lines().skip(1).map(|line| line.split(',').map(str::to_owned).collect()).collect())
}

fn int(text: &str) -> Value {
    Value::Int(text.parse().unwrap())
}

/// Commits now and then and crashes in between, so that both are part of every run.
struct Piped {
    bolt: BoltHarness,
    rows: Vec<Vec<Value>>,
}

impl Piped {
    fn new(yaml: &str, inputs: &[squall_framework::testing::HarnessInput<'_>]) -> Self {
        Self { bolt: bolt(yaml, inputs), rows: Vec::new() }
    }

    fn give(mut self, rows: &[(usize, &Vec<Value>)]) -> Self {
        for (epoch, rows) in rows.chunks(20_000).enumerate() {
            let attempts = if epoch % 3 == 1 { 2 } else { 1 };
            for attempt in 0..attempts {
                if attempt > 0 {
                    self.bolt.restart().unwrap();
                }
                for (input, row) in rows {
                    self.bolt.execute(*input, row).unwrap();
                }
            }
            self.rows.extend(self.bolt.commit().unwrap());
        }
        self
    }

    fn take(mut self) -> Vec<Vec<Value>> {
        self.rows.extend(self.bolt.commit_last().unwrap());
        self.rows
    }
}

fn one_input(rows: &[Vec<Value>]) -> Vec<(usize, &Vec<Value>)> {
    rows.iter().map(|row| (0, row)).collect()
}

/// The rows of both, one of each in turn.
fn in_turn<'a>(left: &'a [Vec<Value>], right: &'a [Vec<Value>]) -> Vec<(usize, &'a Vec<Value>)> {
    let mut rows = Vec::new();
    for index in 0..left.len().max(right.len()) {
        rows.extend(left.get(index).map(|row| (0, row)));
        rows.extend(right.get(index).map(|row| (1, row)));
    }
    rows
}

/// Visits, each user and venue once, by a bolt.
fn distinct(visits: &[Vec<Value>]) -> Vec<Vec<Value>> {
    let visit = schema(&[("user", Kind::Int), ("venue", Kind::Int)]);
    let rows = Piped::new("{ type: dedupe }", &[("visits", visit, &["user", "venue"])])
        .give(&one_input(visits))
        .take();
    let naive: HashSet<String> = visits.iter().map(|row| format!("{row:?}")).collect();
    assert_eq!(rows.len(), naive.len());
    rows
}

/// The three best by a `top` that is told of every new number.
fn best(counts: &BTreeMap<i64, i64>) -> Vec<(i64, i64)> {
    let count = schema(&[("venue", Kind::Int), ("pairs", Kind::Int)]);
    let rows: Vec<_> =
        counts.iter().map(|(venue, pairs)| vec![Value::Int(*venue), Value::Int(*pairs)]).collect();
    let yaml = "{ type: top, n: 3, by: pairs, of: [venue] }";
    let rows = Piped::new(yaml, &[("counts", count, &[])]).give(&one_input(&rows)).take();
    let mut table = BTreeMap::new();
    for row in rows {
        if let [Value::Int(rank), Value::Int(venue), Value::Int(pairs)] = row[..] {
            table.insert(rank, (venue, pairs));
        }
    }
    table.into_values().collect()
}

/// Friends who both went to a venue: friendships are joined with the visits of one friend, the
/// pairs that come of that with those of the other at the same venue.
#[test]
fn friends_at_the_same_venue() {
    let (Some(friends), Some(checkins)) =
        (records("friends_nyc.csv"), records("friends_nyc_checkins.csv"))
    else {
        return;
    };
    let friends: Vec<_> = friends
        .iter()
        // One is said to be a friend of his own.
        .filter(|row| row[2] == "old" && row[0] != row[1])
        .map(|row| vec![int(&row[0]), int(&row[1])])
        .collect();
    let visits: Vec<_> = checkins.iter().map(|row| vec![int(&row[1]), int(&row[4])]).collect();
    let visits = distinct(&visits);
    let pair = schema(&[("user_a", Kind::Int), ("user_b", Kind::Int)]);
    let visit = schema(&[("user", Kind::Int), ("venue", Kind::Int)]);
    let visited = Piped::new(
        "{ type: join }",
        &[("friends", pair, &["user_a"]), ("visits", visit.clone(), &["user"])],
    )
    .give(&in_turn(&friends, &visits))
    .take();
    let at = schema(&[("user_a", Kind::Int), ("user_b", Kind::Int), ("venue", Kind::Int)]);
    let both = Piped::new(
        "{ type: join }",
        &[("visited", at, &["user_b", "venue"]), ("visits", visit, &["user", "venue"])],
    )
    .give(&in_turn(&visited, &visits))
    .take();
    let mut counts = BTreeMap::new();
    for row in both {
        let Value::Int(venue) = row[2] else { panic!("{row:?}") };
        *counts.entry(venue).or_default() += 1;
    }
    assert_eq!(best(&counts), [(513, 1_105), (1_643, 829), (445, 313)]);
}

/// Pairs of venues by the people who went to both: the visits joined with themselves.
#[test]
fn venues_with_the_same_guests() {
    let Some(checkins) = records("checkins_nyc.csv") else { return };
    let food = checkins.iter().filter(|row| row[6] == "Food");
    let visits: Vec<_> = food.map(|row| vec![int(&row[2]), int(&row[3])]).collect();
    let visits = distinct(&visits);
    let visit = schema(&[("user", Kind::Int), ("venue", Kind::Int)]);
    let pairs = Piped::new(
        "{ type: join }",
        &[("visits", visit.clone(), &["user"]), ("visits", visit, &["user"])],
    )
    .give(&in_turn(&visits, &visits))
    .take();
    let mut counts: HashMap<(i64, i64), i64> = HashMap::new();
    for row in pairs {
        if let [_, Value::Int(a), Value::Int(b)] = row[..]
            && a < b
        {
            *counts.entry((a, b)).or_default() += 1;
        }
    }
    let most = counts.values().max();
    let best: Vec<_> = counts.iter().filter(|(_, count)| Some(*count) == most).collect();
    assert_eq!(best, [(&(2_617, 3_628), &5)]);
}
