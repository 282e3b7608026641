//! `squall schema`: the JSON Schema of topology files.

use squall_framework::Registry;

use crate::{
    failure::{Exit, Failure},
    terminal::Terminal,
};

pub(super) fn run(registry: &Registry, terminal: &Terminal) -> Result<Exit, Failure> {
    terminal.line(&format!("{:#}", registry.schema()))?;
    Ok(Exit::Done)
}
