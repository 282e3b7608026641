//! Squall: events from where they happen to a table with right numbers.
//!
//! This crate is the `squall` command, and what the author of a bolt imports. [`app`] is the whole
//! command as a value; a binary that adds its own bolts to it is a complete `squall` in which a
//! YAML file may name them:
//!
//! ```no_run
//! use squall::prelude::*;
//! use std::process::ExitCode;
//!
//! struct Shout;
//!
//! impl Bolt for Shout {
//!     fn declare(&self, inputs: &Inputs) -> Result<Streams, Problem> {
//!         inputs.require("word")?;
//!         Ok(Streams::one(Schema::new([("word", Kind::Text)])))
//!     }
//!
//!     fn execute(&mut self, tuple: &Tuple, out: &mut Output) -> Result<()> {
//!         out.emit([tuple.str("word")?.to_uppercase()])
//!     }
//! }
//!
//! fn main() -> ExitCode {
//!     squall::app().bolt("shout", |_: &Config| Ok(Shout)).main()
//! }
//! ```
//!
//! Everything behind it is in crates of its own: the engine in `squall-framework`, the queue in
//! `squall-broker`, the components that a file may name in `squall-components`.

#![forbid(unsafe_code)]

mod app;
mod args;
mod bench;
mod cases;
mod commands;
mod demo;
mod failure;
mod local;
mod logs;
pub mod prelude;
mod run;
mod terminal;
mod text;

pub use app::{App, app};
