//! The engine within a program of one's own: what it lends to components, what it hears of
//! failures, and what it can ask while everything runs.
//!
//! ```text
//! $ cargo run -q -p squall-examples --example engine-as-library
//! dead letter of `divide`: 0 divides nothing (1 attempt)
//! 1000 messages: 999 acked, 1 dead
//! sum of 5000 / n for n from 1 to 999: 36955
//! ```

#![forbid(unsafe_code)]
#![allow(clippy::print_stdout, reason = "an example shows what it found")]

use std::{
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering::Relaxed},
    },
    time::Duration,
};

use squall_framework::{
    AnyError, Bolt, DeadLetter, DeadLetters, Error, Grouping, Inputs, Kind, Lent, Output, Problem,
    Resources, Result, Schema, Streams, TaskContext, Topology, Tuple, start, testing::Numbers,
};

/// What the program lends to its bolts; a bolt finds it by its type.
#[derive(Default)]
struct Total(AtomicI64);

struct Divide;

impl Bolt for Divide {
    fn declare(&self, inputs: &Inputs) -> Result<Streams, Problem> {
        inputs.require("number")?;
        Ok(Streams::one(Schema::new([("quotient", Kind::Int)])))
    }

    fn execute(&mut self, tuple: &Tuple<'_>, out: &mut Output) -> Result<()> {
        // An error in the data: no retry can help, so the message becomes a dead letter at once.
        let quotient = 5000_i64
            .checked_div(tuple.int("number")?)
            .ok_or_else(|| Error::data("0 divides nothing"))?;
        out.emit([quotient])
    }
}

#[derive(Default)]
struct Sum {
    total: Option<Arc<Total>>,
}

impl Bolt for Sum {
    fn prepare(&mut self, context: &TaskContext) -> Result<()> {
        self.total = context.resource();
        Ok(())
    }

    fn execute(&mut self, tuple: &Tuple<'_>, _: &mut Output) -> Result<()> {
        if let Some(total) = &self.total {
            total.0.fetch_add(tuple.int("quotient")?, Relaxed);
        }
        Ok(())
    }
}

/// Takes the messages that nothing can be done with; a service would store them.
struct Tell;

impl DeadLetters for Tell {
    fn put(&self, letters: &[DeadLetter]) -> Result<()> {
        for letter in letters {
            let DeadLetter { failure, attempts, .. } = letter;
            println!(
                "dead letter of `{}`: {} ({attempts} attempt)",
                failure.component, failure.reason
            );
        }
        Ok(())
    }
}

fn main() -> Result<(), AnyError> {
    let topology = Topology::builder("quotients")
        .spout("numbers", 1, || Ok(Numbers::up_to(1000)))
        .bolt("divide", 2, &[("numbers", Grouping::Shuffle)], || Ok(Divide))
        .bolt("sum", 1, &[("divide", Grouping::Shuffle)], || Ok(Sum::default()))
        .build()?;

    let resources = Resources::default().with(Total::default());
    let total = resources.get::<Total>().ok_or_else(|| Error::data("nothing was lent"))?;
    let lent = Lent { resources, dead_letters: Some(Arc::new(Tell)), ..Lent::default() };

    let running = start(topology, lent)?;
    if !running.wait_idle(Duration::from_secs(30)) {
        return Err(Error::retry("the topology did not come to rest").into());
    }
    let snapshot = running.snapshot();
    let spout = snapshot.component("numbers").ok_or_else(|| Error::data("no such spout"))?;
    println!("{} messages: {} acked, {} dead", spout.emitted, spout.acked, spout.dead);
    println!("sum of 5000 / n for n from 1 to 999: {}", total.0.load(Relaxed));
    running.stop();
    Ok(())
}
