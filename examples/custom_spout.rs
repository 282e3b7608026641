//! A spout of one's own. It numbers its messages, and is told by these numbers what became of them.
//!
//! ```text
//! $ cargo run -q -p squall-examples --example custom-spout -- run examples/custom_spout.yaml --until-idle
//! {"left":3}
//! {"left":2}
//! {"left":1}
//! {"left":0}
//! ```

#![forbid(unsafe_code)]

use std::process::ExitCode;

use schemars::JsonSchema;
use serde::Deserialize;
use squall::prelude::*;

/// Options of the spout `countdown`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct CountdownConfig {
    /// Where to begin.
    from: u32,
}

struct Countdown {
    left: Option<u32>,
}

impl Spout for Countdown {
    fn declare(&self) -> Result<Streams, Problem> {
        Ok(Streams::one(Schema::new([("left", Kind::Int)])))
    }

    // Must not wait: a spout that has nothing for now says `Next::Idle` or `Next::At`, and the
    // thread is free for others. `room` is what the topology can take at this moment.
    fn next(&mut self, out: &mut SpoutOutput) -> Result<Next> {
        while out.room() > 0 {
            let Some(left) = self.left else { return Ok(Next::Done) };
            out.emit(u64::from(left), [i64::from(left)])?;
            self.left = left.checked_sub(1);
        }
        Ok(Next::More)
    }

    // All that came of these messages is done. A spout over a durable source settles them there;
    // one that also brings failed messages back by itself says so by `replays`.
    fn ack(&mut self, ids: &[u64]) -> Result<()> {
        let _ = ids;
        Ok(())
    }
}

fn main() -> ExitCode {
    squall::app()
        .spout("countdown", |config: &CountdownConfig| Ok(Countdown { left: Some(config.from) }))
        .main()
}
