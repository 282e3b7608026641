//! A topology that runs in this process: with a data folder, inputs, a status line and a summary.

mod dead_letters;
mod epochs;
mod input;
mod lines;
mod rebuild;
mod session;
mod signals;
mod status;
mod summary;
mod watch;

pub(crate) use epochs::{commit_store, of_states, state_folder};
pub(crate) use input::{Input, parse as parse_input};
pub(crate) use lines::{LineReader, Lines};
pub(crate) use rebuild::rebuild;
pub(crate) use session::Session;
pub(crate) use signals::Signals;
pub(crate) use status::Rates;
pub(crate) use summary::{Outcome, Summary};
pub(crate) use watch::{Verdict, Watch};
