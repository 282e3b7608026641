//! Every grouping sends tuples where it says.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
};

use squall_framework::{
    Bolt, CustomGrouping, Grouping, Inputs, Lent, Output, Problem, Result, Settings, Streams,
    TaskContext, Topology, Tuple, ValueRef, start, testing::Numbers,
};

use crate::parts::LONG;

/// Which task index got which numbers.
type ByTask = Arc<Mutex<HashMap<usize, Vec<i64>>>>;

struct NoteTask {
    index: usize,
    by_task: ByTask,
}

impl Bolt for NoteTask {
    fn prepare(&mut self, context: &TaskContext) -> Result<()> {
        self.index = context.index();
        Ok(())
    }

    fn execute(&mut self, tuple: &Tuple<'_>, _: &mut Output) -> Result<()> {
        let number = tuple.int("number")?;
        self.by_task.lock().unwrap().entry(self.index).or_default().push(number);
        Ok(())
    }
}

/// Emits numbers modulo 100, so that keys repeat.
struct Modulo;

impl Bolt for Modulo {
    fn declare(&self, inputs: &Inputs) -> Result<Streams, Problem> {
        Ok(Streams::one(inputs.common()))
    }

    fn execute(&mut self, tuple: &Tuple<'_>, out: &mut Output) -> Result<()> {
        out.emit([tuple.int("number")? % 100])
    }
}

fn run(grouping: Grouping, tasks: usize) -> HashMap<usize, Vec<i64>> {
    let by_task = ByTask::default();
    let noted = by_task.clone();
    let topology = Topology::builder("t")
        .spout("numbers", 1, || Ok(Numbers::up_to(20_000)))
        .bolt("modulo", 2, &[("numbers", Grouping::Shuffle)], || Ok(Modulo))
        .bolt("note", tasks, &[("modulo", grouping)], move || {
            Ok(NoteTask { index: 0, by_task: noted.clone() })
        })
        .build()
        .unwrap();
    let running = start(topology, Lent::default()).unwrap();
    assert!(running.wait_idle(LONG));
    running.stop();
    by_task.lock().unwrap().clone()
}

fn total(by_task: &HashMap<usize, Vec<i64>>) -> usize {
    by_task.values().map(Vec::len).sum()
}

/// For each number the tasks that got it.
fn homes(by_task: &HashMap<usize, Vec<i64>>) -> HashMap<i64, Vec<usize>> {
    let mut homes: HashMap<i64, Vec<usize>> = HashMap::new();
    for (task, numbers) in by_task {
        for number in numbers {
            let tasks = homes.entry(*number).or_default();
            if !tasks.contains(task) {
                tasks.push(*task);
            }
        }
    }
    homes
}

#[test]
fn shuffle_none_and_local_use_every_number_once() {
    for grouping in [Grouping::Shuffle, Grouping::None, Grouping::LocalOrShuffle] {
        let by_task = run(grouping, 4);
        assert_eq!(total(&by_task), 20_000);
    }
}

#[test]
fn shuffle_is_fair() {
    let by_task = run(Grouping::Shuffle, 4);
    for (task, numbers) in &by_task {
        assert!(numbers.len() > 1000, "task {task} got only {}", numbers.len());
    }
}

#[test]
fn fields_keeps_equal_values_together() {
    let by_task = run(Grouping::Fields(vec!["number".into()]), 5);
    assert_eq!(total(&by_task), 20_000);
    assert_eq!(by_task.len(), 5, "every task has keys");
    for (number, tasks) in homes(&by_task) {
        assert_eq!(tasks.len(), 1, "{number} is at {tasks:?}");
    }
}

#[test]
fn partial_key_gives_each_value_at_most_two_tasks_per_sender() {
    let by_task = run(Grouping::PartialKey(vec!["number".into()]), 5);
    assert_eq!(total(&by_task), 20_000);
    for (number, tasks) in homes(&by_task) {
        assert!(tasks.len() <= 2, "{number} is at {tasks:?}");
    }
}

#[test]
fn global_uses_one_task_and_all_uses_each() {
    let by_task = run(Grouping::Global, 3);
    assert_eq!((by_task.len(), total(&by_task)), (1, 20_000));
    let by_task = run(Grouping::All, 3);
    assert_eq!((by_task.len(), total(&by_task)), (3, 60_000));
}

#[test]
fn custom_follows_the_users_rule() {
    let by_parity = CustomGrouping::new("parity", |row, _| match row[0] {
        ValueRef::Int(number) => number as usize % 2,
        _ => 0,
    });
    let by_task = run(Grouping::Custom(by_parity), 3);
    assert_eq!(total(&by_task), 20_000);
    for (task, numbers) in by_task {
        assert!(numbers.iter().all(|number| *number as usize % 2 == task));
    }
}

/// Sends number n directly to task n % 3, and to one that is not there.
struct Direct {
    wrong: bool,
}

impl Bolt for Direct {
    fn declare(&self, inputs: &Inputs) -> Result<Streams, Problem> {
        Ok(Streams::one(inputs.common()))
    }

    fn execute(&mut self, tuple: &Tuple<'_>, out: &mut Output) -> Result<()> {
        let number = tuple.int("number")?;
        let tasks = out.direct_tasks(0);
        assert_eq!(tasks.len(), 3);
        let task = if self.wrong && number == 7 { 999 } else { tasks[number as usize % 3] };
        out.emit_direct(0, task, [number])
    }
}

#[test]
fn direct_goes_to_the_named_task_and_a_wrong_one_is_an_error() {
    for wrong in [false, true] {
        let by_task = ByTask::default();
        let noted = by_task.clone();
        let topology = Topology::builder("t")
            .spout("numbers", 1, || Ok(Numbers::up_to(3000)))
            .bolt("direct", 1, &[("numbers", Grouping::Shuffle)], move || Ok(Direct { wrong }))
            .bolt("note", 3, &[("direct", Grouping::Direct)], move || {
                Ok(NoteTask { index: 0, by_task: noted.clone() })
            })
            .build()
            .unwrap();
        let running = start(topology, Lent::default()).unwrap();
        assert!(running.wait_idle(LONG));
        let snapshot = running.snapshot();
        let by_task = by_task.lock().unwrap();
        assert_eq!(total(&by_task), 3000 - usize::from(wrong));
        assert_eq!(snapshot.component("numbers").unwrap().dead, u64::from(wrong));
        for (task, numbers) in &*by_task {
            assert!(numbers.iter().all(|number| *number as usize % 3 == *task));
        }
        let error = snapshot.component("direct").unwrap().last_error.clone();
        assert_eq!(error.is_some_and(|e| e.contains("task 999")), wrong);
    }
}

/// Fifty tasks on two threads, every grouping, small credits, a million
/// tuples: nothing stalls.
#[test]
fn fifty_tasks_on_two_threads_never_stall() {
    let soak = std::env::var_os("SQUALL_SOAK").is_some();
    let many: u64 = if soak { 10_000_000 } else { 500_000 };
    let by_key = || Grouping::Fields(vec!["number".into()]);
    let by_two = || Grouping::PartialKey(vec!["number".into()]);
    let by_rule = || {
        CustomGrouping::new("low", |row, _| match row[0] {
            ValueRef::Int(number) => number as usize,
            _ => 0,
        })
    };
    let settings = Settings {
        edge_batches: 4,
        edge_bytes: 16 * 1024,
        max_pending: 20_000,
        ..Settings::default()
    };
    let pass = || Ok(crate::parts::Do(|number, out: &mut Output| out.emit([number])));
    let topology = Topology::builder("t")
        .settings(settings)
        .spout("a", 1, move || Ok(Numbers::up_to(many)))
        .spout("b", 1, move || Ok(Numbers::up_to(many)))
        .bolt("shuffled", 8, &[("a", Grouping::Shuffle), ("b", Grouping::None)], pass)
        .bolt("keyed", 8, &[("shuffled", by_key())], pass)
        .bolt("two", 8, &[("shuffled", by_two()), ("keyed", by_key())], pass)
        .bolt("local", 8, &[("two", Grouping::LocalOrShuffle)], pass)
        .bolt("custom", 8, &[("keyed", Grouping::Custom(by_rule()))], pass)
        .bolt("global", 2, &[("custom", Grouping::Global)], pass)
        .bolt("all", 3, &[("local", Grouping::All)], || Ok(squall_framework::testing::Discard))
        .bolt("end", 3, &[("global", Grouping::Shuffle), ("custom", Grouping::Shuffle)], pass)
        .build()
        .unwrap();
    let tasks: usize = topology.components().iter().map(|c| c.parallelism).sum();
    assert_eq!(tasks, 50);
    let running = start(topology, Lent::default()).unwrap();
    assert!(running.wait_idle(10 * LONG), "{:#?}", running.snapshot().tasks);
    let snapshot = running.snapshot();
    let executed = |id: &str| snapshot.component(id).unwrap().executed;
    assert_eq!(executed("shuffled"), 2 * many);
    assert_eq!(executed("two"), 4 * many);
    assert_eq!(executed("all"), 12 * many);
    assert_eq!(executed("end"), 4 * many);
    assert_eq!(snapshot.spouts(|c| c.acked), 2 * many);
}
