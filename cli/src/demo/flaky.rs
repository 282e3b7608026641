//! A bolt that hands everything on and panics now and then.

use std::time::{Duration, Instant};

use squall_framework::{
    AnyConfig, Bolt, ComponentType, Inputs, Output, Problem, Result, Streams, Tuple,
};

use super::FLAKY;

/// The shortest and the longest time from the start of the bolt to its panic, in seconds.
const LIFE: (f64, f64) = (1.0, 4.0);

/// The type of the bolt.
pub(super) fn flaky() -> ComponentType {
    ComponentType::bolt(FLAKY, |_: &AnyConfig| Ok(Flaky::new()))
        .docs("Hands everything on and panics now and then, to show that nothing is lost.")
}

struct Flaky {
    dies: Instant,
}

impl Flaky {
    fn new() -> Self {
        let life = LIFE.0 + fastrand::f64() * (LIFE.1 - LIFE.0);
        Flaky { dies: Instant::now() + Duration::from_secs_f64(life) }
    }
}

impl Bolt for Flaky {
    fn declare(&self, inputs: &Inputs) -> Result<Streams, Problem> {
        Ok(Streams::one(inputs.common()))
    }

    fn execute(&mut self, tuple: &Tuple<'_>, out: &mut Output) -> Result<()> {
        #[allow(clippy::panic)] // What it is for.
        if Instant::now() > self.dies {
            panic!("on purpose, in the middle of a batch");
        }
        out.emit(*tuple)
    }
}
