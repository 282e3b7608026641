//! Small components for tests and examples, and harnesses that run one bolt or spout alone.

mod harness;
mod memory;
mod memory_store;
mod spout;

pub use harness::{BoltHarness, HarnessInput};
pub use memory::MemoryState;
pub use memory_store::MemoryStateStore;
pub use spout::SpoutHarness;

use crate::{
    Bolt, Kind, Next, Output, Problem, Result, Schema, Spout, SpoutOutput, Streams, Tuple,
};

/// A spout that emits the whole numbers from 0 on, in a field `number`.
#[derive(Debug)]
pub struct Numbers {
    next: u64,
    end: u64,
}

impl Numbers {
    /// Emits this many numbers.
    #[must_use]
    pub fn up_to(end: u64) -> Self {
        Numbers { next: 0, end }
    }
}

impl Spout for Numbers {
    fn declare(&self) -> Result<Streams, Problem> {
        Ok(Streams::one(Schema::new([("number", Kind::Int)])))
    }

    fn next(&mut self, out: &mut SpoutOutput) -> Result<Next> {
        let room = (out.room() as u64).min(self.end - self.next);
        for number in self.next..self.next + room {
            out.emit(number, [number as i64])?;
        }
        self.next += room;
        Ok(if self.next == self.end { Next::Done } else { Next::More })
    }
}

/// A bolt that takes everything and emits nothing.
#[derive(Debug)]
pub struct Discard;

impl Bolt for Discard {
    fn execute(&mut self, _: &Tuple<'_>, _: &mut Output) -> Result<()> {
        Ok(())
    }
}
