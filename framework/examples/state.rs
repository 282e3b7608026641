//! How fast a bolt counts by key: in a map of its own, and in its state.
//!
//! `cargo run --release --example state -- [MESSAGES] [KEYS]`
#![allow(clippy::unwrap_used, clippy::print_stdout)]

use std::{collections::HashMap, time::Instant};

use squall_framework::{
    Bolt, Grouping, Inputs, Kind, Lent, Merge, Next, Output, Problem, Result, Schema, Spout,
    SpoutOutput, State, Streams, TaskContext, Topology, Tuple, Value, start,
};

struct Events {
    next: u64,
    end: u64,
    keys: u64,
}

impl Spout for Events {
    fn declare(&self) -> Result<Streams, Problem> {
        Ok(Streams::one(Schema::new([("key", Kind::Int), ("n", Kind::Int)])))
    }

    fn next(&mut self, out: &mut SpoutOutput) -> Result<Next> {
        let end = self.end.min(self.next + out.room() as u64);
        for n in self.next..end {
            out.emit(
                n,
                ((n.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 20) as i64 % self.keys as i64, n as i64),
            )?;
        }
        self.next = end;
        Ok(if self.next == self.end { Next::Done } else { Next::More })
    }

    fn replays(&self) -> bool {
        true
    }
}

#[derive(Default)]
struct InMap(HashMap<i64, i64>);

impl Bolt for InMap {
    fn declare(&self, _: &Inputs) -> Result<Streams, Problem> {
        Ok(Streams::none())
    }

    fn execute(&mut self, tuple: &Tuple<'_>, _: &mut Output) -> Result<()> {
        *self.0.entry(tuple.int("key")?).or_default() += 1;
        Ok(())
    }
}

#[derive(Default)]
struct InState(Option<State>);

impl Bolt for InState {
    fn declare(&self, _: &Inputs) -> Result<Streams, Problem> {
        Ok(Streams::none())
    }

    fn stateful(&self) -> bool {
        true
    }

    fn prepare(&mut self, context: &TaskContext) -> Result<()> {
        self.0 = Some(context.state()?);
        Ok(())
    }

    fn execute(&mut self, _: &Tuple<'_>, _: &mut Output) -> Result<()> {
        let state = self.0.as_ref().unwrap();
        assert_ne!(state.merge("n", Merge::Add, 1)?, Value::Int(0));
        Ok(())
    }
}

fn measure<B: Bolt>(name: &str, messages: u64, keys: u64, make: fn() -> B) {
    let topology = Topology::builder(name)
        .spout("events", 1, move || Ok(Events { next: 0, end: messages, keys }))
        .bolt("count", 1, &[("events", Grouping::Fields(vec!["key".into()]))], move || Ok(make()))
        .build()
        .unwrap();
    let begin = Instant::now();
    let running = start(topology, Lent::default()).unwrap();
    assert!(running.wait_idle(std::time::Duration::from_secs(600)));
    assert!(running.finish(std::time::Duration::from_secs(60)));
    let seconds = begin.elapsed().as_secs_f64();
    let snapshot = running.snapshot();
    println!(
        "{name:<8} {:.2} M/s  busy {:.2} s of {seconds:.2} s",
        messages as f64 / seconds / 1e6,
        snapshot.component("count").unwrap().busy_s
    );
    if let Some(epochs) = &snapshot.epochs {
        println!(
            "         {} commits, drain {} us, whole {} us",
            epochs.commits, epochs.drain_us, epochs.whole_us
        );
    }
    running.stop();
}

fn main() {
    let mut arguments = std::env::args().skip(1).map(|word| word.parse().unwrap());
    let messages = arguments.next().unwrap_or(5_000_000);
    let keys = arguments.next().unwrap_or(10_000);
    measure("map", messages, keys, InMap::default);
    measure("state", messages, keys, InState::default);
}
