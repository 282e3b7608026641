//! `sample`: a share of the tuples, the same ones whenever they come.

use schemars::JsonSchema;
use serde::Deserialize;
use squall_framework::{
    Bolt, Inputs, Output, Problem, Result, StateKey, Streams, TaskContext, Tuple,
};
use xxhash_rust::xxh3::xxh3_64_with_seed;

use super::parser::not_prepared;
use crate::columns::Columns;

/// Options of the bolt `sample`.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct SampleConfig {
    /// Which share of the tuples to hand on, from 0 to 1.
    share: f64,
    /// Fields that decide: tuples with the same values are all handed on, or none of them. By default
    /// all fields.
    #[serde(default)]
    by: Option<Vec<String>>,
    /// Another number makes another choice.
    #[serde(default)]
    seed: u64,
}

pub(crate) struct Sample {
    config: SampleConfig,
    ready: Option<Ready>,
}

struct Ready {
    by: Columns,
    all: Columns,
    bytes: Vec<u8>,
}

impl Sample {
    pub(crate) fn new(config: &SampleConfig) -> Result<Self> {
        Ok(Self { config: config.clone(), ready: None })
    }
}

impl Bolt for Sample {
    fn declare(&self, inputs: &Inputs) -> Result<Streams, Problem> {
        let mut problems = Vec::new();
        if !(0.0..=1.0).contains(&self.config.share) {
            problems.push(
                Problem::new(format!("{} is no share", self.config.share))
                    .at("share")
                    .help("write a number from 0 to 1, such as 0.1 for a tenth"),
            );
        }
        for (index, name) in self.config.by.iter().flatten().enumerate() {
            problems.extend(inputs.require(name).err().map(|p| p.at(format!("by.{index}"))));
        }
        Problem::all(problems)?;
        Ok(Streams::one(inputs.common()))
    }

    fn prepare(&mut self, context: &TaskContext) -> Result<()> {
        let inputs = context.inputs();
        let common = inputs.common();
        let all = common.names().collect::<Vec<_>>();
        let by = match &self.config.by {
            Some(by) => by.iter().map(String::as_str).collect(),
            None => all.clone(),
        };
        let (by, all) = (Columns::new(inputs, by)?, Columns::new(inputs, all)?);
        self.ready = Some(Ready { by, all, bytes: Vec::new() });
        Ok(())
    }

    fn execute(&mut self, tuple: &Tuple<'_>, out: &mut Output) -> Result<()> {
        let Ready { by, all, bytes } = self.ready.as_mut().ok_or_else(not_prepared)?;
        bytes.clear();
        by.of(tuple).iter().for_each(|&column| tuple.at(column).encode_key(bytes));
        // The upper 53 bits, as a number from 0 to 1.
        let chance =
            (xxh3_64_with_seed(bytes, self.config.seed) >> 11) as f64 / (1_u64 << 53) as f64;
        if chance >= self.config.share {
            return Ok(());
        }
        let row: Vec<_> = all.of(tuple).iter().map(|&column| tuple.at(column)).collect();
        out.emit(&row)
    }
}
