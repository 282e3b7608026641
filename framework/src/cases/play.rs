//! A test is led through its time.

use std::time::{Duration, Instant};

use super::{
    TestCase,
    notes::DEAD,
    stage::{Door, Stage},
};
use crate::{
    clock::Clock,
    component::Resources,
    engine::{Epochs, Lent, Running, Snapshot, TaskState, TopologyState, start_in_epochs},
    tuple::Value,
};

/// How often it is looked whether something is done, and whether something is wrong.
const LOOK: Duration = Duration::from_millis(1);
const LOOK_FOR_TROUBLE: Duration = Duration::from_millis(10);
/// The most ticks while time passes between two tuples.
const MOST_TICKS: usize = 10_000;

/// Tuples that come at one time by one door.
struct Step {
    time: Duration,
    door: usize,
    tuples: Vec<Vec<Value>>,
}

/// Runs the test. Gives the errors that components had outside of any tuple, by their ids.
///
/// # Errors
/// Why it did not come to its end.
pub(super) fn play(
    stage: &Stage,
    case: &TestCase,
    resources: &Resources,
    patience: Duration,
) -> Result<Vec<(String, String)>, String> {
    let clock = Clock::set_to(case.at);
    let lent = Lent { resources: resources.clone(), clock: clock.clone(), ..Lent::default() };
    let epochs = Epochs {
        outbox: Box::new(stage.notes.clone()),
        dead_letters: DEAD.to_owned(),
        ..Epochs::in_memory()
    };
    let running = start_in_epochs(stage.topology.clone(), lent, epochs)
        .map_err(|error| format!("it cannot begin: {error}"))?;
    let mut play =
        Play { stage, running, clock, at: case.at, now: Duration::ZERO, given: 0, patience };
    for step in steps(case) {
        play.pass(step.time)?;
        if let Some(door) = &stage.doors[step.door] {
            play.give(door, step.tuples)?;
        }
    }
    play.pass(case.input.iter().map(|input| input.end).max().unwrap_or_default())?;
    play.end()
}

/// What comes, in order of time; at one time, input by input in the order of the file.
fn steps(case: &TestCase) -> Vec<Step> {
    let mut steps: Vec<Step> = Vec::new();
    for (door, input) in case.input.iter().enumerate() {
        for (time, tuple) in &input.tuples {
            match steps.last_mut() {
                Some(last) if last.door == door && last.time == *time => {
                    last.tuples.push(tuple.clone());
                }
                _ => steps.push(Step { time: *time, door, tuples: vec![tuple.clone()] }),
            }
        }
    }
    steps.sort_by_key(|step| step.time);
    steps
}

struct Play<'a> {
    stage: &'a Stage,
    running: Running,
    clock: Clock,
    at: i64,
    /// The time of the test.
    now: Duration,
    /// Tuples that were given so far.
    given: u64,
    patience: Duration,
}

impl Play<'_> {
    /// Lets time pass until then, from tick to tick. What came until now is committed before.
    fn pass(&mut self, until: Duration) -> Result<(), String> {
        if until <= self.now {
            return Ok(());
        }
        self.commit()?;
        let times = ticks(&self.stage.ticks, self.now, until)?;
        for time in times {
            self.now = time;
            let micros = i64::try_from(time.as_micros()).unwrap_or(i64::MAX);
            self.clock.set(self.at.saturating_add(micros));
            for (component, every) in &self.stage.ticks {
                if time.as_nanos().is_multiple_of(every.as_nanos()) {
                    self.running.tick(component);
                }
            }
            self.commit()?;
        }
        Ok(())
    }

    /// Gives tuples, and waits until all that comes of them is done.
    fn give(&mut self, door: &Door, tuples: Vec<Vec<Value>>) -> Result<(), String> {
        self.given += tuples.len() as u64;
        door.feed.give(door.stream, tuples);
        let given = door.feed.given();
        let settled = |snapshot: &Snapshot| {
            let spout = snapshot.component(&door.spout);
            spout.is_some_and(|spout| spout.acked + spout.dead >= given)
        };
        self.wait(|| settled(&self.running.snapshot()))
    }

    /// Ends the epoch.
    fn commit(&self) -> Result<(), String> {
        let request = self.running.request_commit();
        self.wait(|| self.running.is_committed(request))
    }

    /// Ends the input.
    fn end(self) -> Result<Vec<(String, String)>, String> {
        self.commit()?;
        self.wait(|| self.running.finish(LOOK))?;
        let snapshot = self.running.snapshot();
        self.running.stop();
        let errors = snapshot.components.into_iter();
        Ok(errors.filter_map(|component| Some((component.id, component.last_error?))).collect())
    }

    fn wait(&self, done: impl Fn() -> bool) -> Result<(), String> {
        let start = Instant::now();
        let mut looked = start;
        while !done() {
            if looked.elapsed() >= LOOK_FOR_TROUBLE {
                looked = Instant::now();
                let snapshot = self.running.snapshot();
                if let Some(trouble) = self.trouble(&snapshot) {
                    return Err(trouble);
                }
                if start.elapsed() > self.patience {
                    return Err(self.stuck(&snapshot));
                }
            }
            std::thread::sleep(LOOK);
        }
        Ok(())
    }

    /// What waiting cannot help.
    fn trouble(&self, snapshot: &Snapshot) -> Option<String> {
        match &snapshot.state {
            TopologyState::Stalled(reason) => return Some(format!("it stalled: {reason}")),
            TopologyState::Failed(reason) => return Some(reason.clone()),
            TopologyState::Running => {}
        }
        for task in &snapshot.tasks {
            if let TaskState::Restarting { reason } = &task.state
                && let Some(reason) = reason.strip_prefix("prepare: ")
            {
                return Some(format!("`{}` cannot be prepared: {reason}", task.component));
            }
        }
        let epochs = snapshot.epochs.as_ref()?;
        let attempts = u64::from(self.stage.topology.settings().retry.max_attempts);
        // Each tuple may be the reason as often as it is tried.
        (epochs.rollbacks > (self.given + 1) * attempts).then(|| {
            let reason = epochs.reason.as_deref().unwrap_or("an epoch cannot be ended");
            format!("it fails again and again: {reason}")
        })
    }

    /// Who holds everything up.
    fn stuck(&self, snapshot: &Snapshot) -> String {
        let seconds = self.patience.as_secs_f64();
        let stuck = snapshot.tasks.iter().find_map(|task| match &task.state {
            TaskState::Stuck { .. } => Some(format!("`{}` is inside one call", task.component)),
            TaskState::Restarting { reason } => {
                Some(format!("`{}` fell and was not built again: {reason}", task.component))
            }
            _ => None,
        });
        let flushed = || {
            let bolt = self.running.flushed()?;
            Some(format!("`{bolt}` is asked for what it holds back, and has always more"))
        };
        let stuck = stuck.or_else(flushed).unwrap_or_else(|| "something is missing".to_owned());
        format!("nothing has got on for {seconds} s: {stuck}")
    }
}

/// The times at which something is ticked, and the one until which time passes.
fn ticks(
    ticks: &[(String, Duration)],
    from: Duration,
    until: Duration,
) -> Result<Vec<Duration>, String> {
    let mut times = vec![until];
    for (component, every) in ticks {
        let (every, until) = (every.as_nanos().max(1), until.as_nanos());
        let first = from.as_nanos() / every + 1;
        let count = (until / every + 1).saturating_sub(first);
        if count > MOST_TICKS as u128 {
            return Err(format!("`{component}` would be ticked {count} times at once"));
        }
        let nanos = (first..first + count).map(|tick| tick * every);
        times.extend(nanos.map(|nanos| {
            Duration::new((nanos / 1_000_000_000) as u64, (nanos % 1_000_000_000) as u32)
        }));
    }
    times.sort_unstable();
    times.dedup();
    Ok(times)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn time_passes_from_tick_to_tick() {
        let s = Duration::from_secs;
        let every = [("a".to_owned(), s(20)), ("b".to_owned(), s(30))];
        assert_eq!(ticks(&every, s(0), s(60)).unwrap(), [s(20), s(30), s(40), s(60)]);
        assert_eq!(ticks(&every, s(60), s(65)).unwrap(), [s(65)]);
        assert_eq!(ticks(&[], s(0), s(5)).unwrap(), [s(5)]);
        let reason = ticks(&every, s(0), s(1_000_000)).unwrap_err();
        assert_eq!(reason, "`a` would be ticked 50000 times at once");
    }
}
