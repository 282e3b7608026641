//! `squall graph`: draws a topology.

use squall_framework::Registry;

use super::load;
use crate::{
    args::GraphArgs,
    failure::{Exit, Failure},
    terminal::Terminal,
};

pub(super) fn run(
    args: &GraphArgs,
    registry: &Registry,
    terminal: &Terminal,
) -> Result<Exit, Failure> {
    let topology = load(&args.topology, &args.set, registry, terminal)?.topology;
    let drawing = if args.dot { topology.dot() } else { topology.drawing() };
    terminal.line(&drawing)?;
    Ok(Exit::Done)
}
