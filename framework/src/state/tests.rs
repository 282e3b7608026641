#![allow(clippy::unwrap_used)]

use std::{collections::BTreeMap, sync::Arc};

use proptest::prelude::*;

use super::{Groups, Merge, State, Working};
use crate::{Value, ValueRef, testing::MemoryState};

fn open(disk: &MemoryState, groups: Groups, limit: usize, epoch: u64) -> State {
    let disk = Arc::new(disk.clone());
    let mut working = Working::open("bolt".into(), groups, vec![vec![0]], disk, limit).unwrap();
    working.begin_epoch(epoch);
    State::new(working)
}

const ALL: Groups = Groups { index: 0, parallelism: 1 };

fn turn_to(state: &State, user: i64) {
    state.working().begin_row(0, |_| ValueRef::Int(user));
}

#[derive(Debug, Clone)]
enum Step {
    Put(i64, i64, i64),
    Delete(i64, i64),
    Timer(i64, Option<i64>),
    /// A call that writes and then fails.
    Failed(i64, i64),
    Commit,
    Crash,
    Rebalance(usize),
    Due(i64),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let (user, key, at) = (0i64..6, 0i64..4, 0i64..20);
    let step = prop_oneof![
        4 => (user.clone(), key.clone(), any::<i64>()).prop_map(|(u, k, v)| Step::Put(u, k, v)),
        2 => (user.clone(), key.clone()).prop_map(|(u, k)| Step::Delete(u, k)),
        2 => (user.clone(), proptest::option::of(at.clone())).prop_map(|(u, t)| Step::Timer(u, t)),
        1 => (user, key).prop_map(|(u, k)| Step::Failed(u, k)),
        2 => Just(Step::Commit),
        1 => Just(Step::Crash),
        1 => (1usize..5).prop_map(Step::Rebalance),
        1 => at.prop_map(Step::Due),
    ];
    proptest::collection::vec(step, 0..80)
}

type Model = (BTreeMap<(i64, i64), i64>, BTreeMap<i64, i64>);

/// The tasks of a bolt with state, as the engine would have them.
struct Tasks {
    disk: MemoryState,
    states: Vec<State>,
    limit: usize,
    epoch: u64,
}

impl Tasks {
    fn open(&mut self, parallelism: usize) {
        let task = |index| open(&self.disk, Groups { index, parallelism }, self.limit, self.epoch);
        self.states = (0..parallelism).map(task).collect();
    }

    fn of(&self, user: i64) -> &State {
        let mut key = Vec::new();
        ValueRef::Int(user).encode(&mut key);
        let state = &self.states[Groups::task_of(super::group_of(&key), self.states.len())];
        turn_to(state, user);
        state
    }

    fn commit(&mut self) {
        let changes: Vec<_> = self.states.iter().map(|state| state.working().freeze()).collect();
        self.disk.apply(self.epoch, &changes);
        self.epoch += 1;
        self.states.iter().for_each(|state| state.working().begin_epoch(self.epoch));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    /// Whatever is written, committed, lost and moved, the state is what a plain map would be,
    /// with much memory and with none.
    #[test]
    fn a_state_is_a_map(steps in steps(), limit in prop_oneof![Just(0usize), Just(usize::MAX)]) {
        let mut tasks = Tasks { disk: MemoryState::default(), states: vec![], limit, epoch: 1 };
        tasks.open(1);
        let mut model: Model = Model::default();
        let mut committed = model.clone();
        for step in steps {
            match step {
                Step::Put(user, key, value) => {
                    tasks.of(user).put(key, value).unwrap();
                    model.0.insert((user, key), value);
                }
                Step::Delete(user, key) => {
                    tasks.of(user).delete(key).unwrap();
                    model.0.remove(&(user, key));
                }
                Step::Timer(user, at) => {
                    tasks.of(user).set_timer(at).unwrap();
                    match at {
                        Some(at) => model.1.insert(user, at),
                        None => model.1.remove(&user),
                    };
                }
                Step::Failed(user, key) => {
                    let state = tasks.of(user);
                    state.put(key, 1).unwrap();
                    state.delete((key, "other")).unwrap();
                    state.set_timer(Some(3)).unwrap();
                    state.set_timer(Some(4)).unwrap();
                    state.working().roll_back();
                }
                Step::Commit => {
                    tasks.commit();
                    committed = model.clone();
                }
                Step::Crash => {
                    tasks.open(tasks.states.len());
                    model = committed.clone();
                }
                Step::Rebalance(parallelism) => {
                    tasks.commit();
                    committed = model.clone();
                    tasks.open(parallelism);
                }
                Step::Due(up_to) => {
                    let mut due = Vec::new();
                    for state in &tasks.states {
                        while let Some(at) = state.next_due(up_to).unwrap() {
                            due.push(at);
                        }
                    }
                    due.sort_unstable();
                    let mut expected: Vec<_> =
                        model.1.values().copied().filter(|at| *at <= up_to).collect();
                    expected.sort_unstable();
                    model.1.retain(|_, at| *at > up_to);
                    prop_assert_eq!(due, expected);
                }
            }
            for user in 0..6 {
                let state = tasks.of(user);
                for key in 0..4 {
                    let expected = model.0.get(&(user, key)).map(|value| Value::Int(*value));
                    prop_assert_eq!(state.get(key).unwrap(), expected);
                }
                prop_assert_eq!(state.timer().unwrap(), model.1.get(&user).copied());
            }
        }
    }
}

#[test]
fn values_come_back_as_they_were() {
    let state = open(&MemoryState::default(), ALL, usize::MAX, 1);
    let row = [
        Value::Null,
        Value::Bool(true),
        Value::Int(1),
        Value::Float(1.0),
        Value::Timestamp(-5),
        Value::Text("a".into()),
        Value::Bytes(vec![0, 255]),
        Value::Json("[1]".into()),
    ];
    state.put_row("row", &row[..]).unwrap();
    assert_eq!(state.row("row").unwrap().unwrap(), row);
    let error = state.put("large", "x".repeat(5000)).unwrap_err().to_string();
    assert!(error.contains("use several keys"), "{error}");
    let long = "k".repeat(5000);
    state.put(long.as_str(), 1).unwrap();
    assert_eq!(state.get(long.as_str()).unwrap(), Some(Value::Int(1)));
}

#[test]
fn values_are_merged() {
    let state = open(&MemoryState::default(), ALL, usize::MAX, 1);
    assert_eq!(state.merge("n", Merge::Add, 2).unwrap(), Value::Int(2));
    assert_eq!(state.merge("n", Merge::Add, 3).unwrap(), Value::Int(5));
    assert_eq!(state.merge("n", Merge::Max, 1).unwrap(), Value::Int(5));
    assert_eq!(state.merge("n", Merge::Min, 0.5).unwrap(), Value::Float(0.5));
    assert_eq!(state.merge("n", Merge::First, 9).unwrap(), Value::Float(0.5));
    assert_eq!(state.merge("n", Merge::Add, ValueRef::Null).unwrap(), Value::Float(0.5));
    assert!(state.merge("n", Merge::Add, "text").is_err());
    state.put("n", i64::MAX).unwrap();
    assert!(state.merge("n", Merge::Add, 1).is_err());
}

#[test]
fn marks_are_the_smallest_of_all_tasks_after_a_rebalance() {
    let disk = MemoryState::default();
    let task =
        |index, parallelism, epoch| open(&disk, Groups { index, parallelism }, usize::MAX, epoch);
    let commit = |state: &State, epoch| disk.apply(epoch, &[state.working().freeze()]);
    for (index, value) in [(0, 10), (1, 20), (2, 5)] {
        let state = task(index, 3, 1);
        assert_eq!(state.mark("watermark").unwrap(), None);
        state.set_mark("watermark", value).unwrap();
        if index < 2 {
            commit(&state, 1);
        } else {
            commit(&state, 2);
        }
        if index == 1 {
            assert_eq!(task(1, 3, 1).mark("watermark").unwrap(), Some(20));
        }
    }
    let both = [task(0, 2, 3), task(1, 2, 3)];
    for state in &both {
        assert_eq!(state.mark("watermark").unwrap(), Some(5));
    }
    for (state, value) in both.iter().zip([30, 31]) {
        state.set_mark("watermark", value).unwrap();
        commit(state, 3);
    }
    assert_eq!(task(0, 1, 4).mark("watermark").unwrap(), Some(30));
}
