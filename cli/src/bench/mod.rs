//! `squall bench`: what is measured, beside what the crates measure of themselves.

mod crash;
mod folder;
mod freshness;
mod memory;
mod pipeline;
mod queue;
mod state;

pub(crate) use crash::{Crashed, Plan, crash};
pub(crate) use folder::Scratch;
pub(crate) use freshness::{Freshness, freshness};
pub(crate) use pipeline::{Measured, Pipeline, pipeline};
pub(crate) use queue::{fill_and_die, queue};
pub(crate) use state::{StateMeasured, StatePlan, state};
