//! Word count: a spout, two bolts, and a grouping that sends a word always to the same task.
//!
//! ```text
//! $ cargo run -q -p squall-examples --example word-count
//! the 4
//! a 3
//! squall 3
//! is 2
//! ```

#![forbid(unsafe_code)]
#![allow(clippy::print_stdout, reason = "an example shows what it found")]

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use squall_framework::{
    AnyError, Bolt, Error, Flush, Grouping, Inputs, Kind, Next, Output, Problem, Result, Schema,
    Spout, SpoutOutput, Streams, Topology, Tuple, start,
};

const TEXT: [&str; 4] = [
    "a squall is a sudden strong wind",
    "the wind drops the sails fill",
    "the rain comes and goes",
    "squall after squall the deck is wet for a while",
];

/// Emits the lines of a text.
struct Lines {
    next: usize,
}

impl Spout for Lines {
    fn declare(&self) -> Result<Streams, Problem> {
        Ok(Streams::one(Schema::new([("line", Kind::Text)])))
    }

    fn next(&mut self, out: &mut SpoutOutput) -> Result<Next> {
        let Some(line) = TEXT.get(self.next) else { return Ok(Next::Done) };
        // The number comes back in `ack` or `fail`, which this spout leaves to the engine.
        out.emit(self.next as u64, [*line])?;
        self.next += 1;
        Ok(Next::More)
    }
}

/// Emits the words of a line.
struct Split;

impl Bolt for Split {
    fn declare(&self, inputs: &Inputs) -> Result<Streams, Problem> {
        inputs.require("line")?;
        Ok(Streams::one(Schema::new([("word", Kind::Text)])))
    }

    fn execute(&mut self, tuple: &Tuple<'_>, out: &mut Output) -> Result<()> {
        tuple.str("line")?.split_whitespace().try_for_each(|word| out.emit([word]))
    }
}

/// Counts words. Each task sees words that no other task sees, so nothing is counted in two places.
#[derive(Default)]
struct Count {
    counts: HashMap<String, i64>,
}

impl Bolt for Count {
    fn declare(&self, inputs: &Inputs) -> Result<Streams, Problem> {
        inputs.require("word")?;
        Ok(Streams::one(Schema::new([("word", Kind::Text), ("count", Kind::Int)])))
    }

    fn execute(&mut self, tuple: &Tuple<'_>, _: &mut Output) -> Result<()> {
        *self.counts.entry(tuple.str("word")?.to_owned()).or_default() += 1;
        Ok(())
    }

    // Called when the topology drains, component after component.
    fn flush(&mut self, out: &mut Output) -> Result<Flush> {
        for (word, count) in self.counts.drain() {
            out.emit((word.as_str(), count))?;
        }
        Ok(Flush::Done)
    }
}

/// Keeps what arrives where `main` finds it.
struct Keep(Arc<Mutex<Vec<(String, i64)>>>);

impl Bolt for Keep {
    fn execute(&mut self, tuple: &Tuple<'_>, _: &mut Output) -> Result<()> {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.push((tuple.str("word")?.to_owned(), tuple.int("count")?));
        Ok(())
    }
}

fn main() -> Result<(), AnyError> {
    let found = Arc::new(Mutex::new(Vec::new()));
    let keep = found.clone();
    let by_word = Grouping::Fields(vec!["word".into()]);
    let topology = Topology::builder("word-count")
        .spout("lines", 1, || Ok(Lines { next: 0 }))
        .bolt("split", 2, &[("lines", Grouping::Shuffle)], || Ok(Split))
        .bolt("count", 4, &[("split", by_word)], || Ok(Count::default()))
        .bolt("keep", 1, &[("count", Grouping::Global)], move || Ok(Keep(keep.clone())))
        .build()?;

    let running = start(topology, Default::default())?;
    let done = running.wait_idle(Duration::from_secs(30)) && running.drain(Duration::from_secs(30));
    running.stop();
    if !done {
        return Err(Error::retry("the topology did not come to rest").into());
    }

    let mut counts = found.lock().unwrap_or_else(PoisonError::into_inner).clone();
    counts.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
    for (word, count) in counts.iter().take(4) {
        println!("{word} {count}");
    }
    Ok(())
}
