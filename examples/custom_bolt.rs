//! A bolt of one's own, in a program that is a complete `squall` with this bolt in it.
//!
//! ```text
//! $ cargo run -q -p squall-examples --example custom-bolt -- run examples/custom_bolt.yaml --until-idle
//! {"word":"HELLO!"}
//! {"word":"WORLD!"}
//! ```

#![forbid(unsafe_code)]

use std::process::ExitCode;

use schemars::JsonSchema;
use serde::Deserialize;
use squall::prelude::*;

/// Options of the bolt `shout`, as a YAML file may have them. The comments here are what
/// `custom-bolt components shout` prints.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct ShoutConfig {
    /// What to put behind every word.
    #[serde(default = "exclamation_mark")]
    behind: String,
}

fn exclamation_mark() -> String {
    "!".to_owned()
}

struct Shout {
    behind: String,
}

impl Bolt for Shout {
    // Asked by `validate` as well: what comes in must have a word, and this is what goes out.
    fn declare(&self, inputs: &Inputs) -> Result<Streams, Problem> {
        inputs.require("word")?;
        Ok(Streams::one(Schema::new([("word", Kind::Text)])))
    }

    // `Ok` acks the tuple. An error fails it, with its reason; nothing that this call has emitted
    // leaves then.
    fn execute(&mut self, tuple: &Tuple<'_>, out: &mut Output) -> Result<()> {
        let word = tuple.str("word")?.to_uppercase();
        out.emit([format!("{word}{}", self.behind)])
    }
}

fn main() -> ExitCode {
    squall::app()
        .bolt("shout", |config: &ShoutConfig| Ok(Shout { behind: config.behind.clone() }))
        .main()
}
