//! A `squall` with a bolt that some messages kill, and the whole process with it.

#![forbid(unsafe_code)]

use std::process::ExitCode;

use schemars::JsonSchema;
use serde::Deserialize;
use squall::prelude::*;

/// Options of the bolt `fragile`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct FragileConfig {
    /// The field to look at.
    field: String,
    /// A value that begins so ends the process.
    kills: String,
}

/// Passes on what comes, if it survives that.
struct Fragile {
    field: String,
    kills: String,
}

impl Bolt for Fragile {
    fn declare(&self, inputs: &Inputs) -> Result<Streams, Problem> {
        inputs.require(&self.field)?;
        Ok(Streams::one(Schema::new([(self.field.as_str(), Kind::Text)])))
    }

    fn execute(&mut self, tuple: &Tuple<'_>, out: &mut Output) -> Result<()> {
        let value = tuple.str(&self.field)?;
        if value.starts_with(&self.kills) {
            std::process::abort();
        }
        out.emit([value])
    }
}

fn main() -> ExitCode {
    squall::app()
        .bolt("fragile", |config: &FragileConfig| {
            Ok(Fragile { field: config.field.clone(), kills: config.kills.clone() })
        })
        .main()
}
