//! Logs: to the standard error output, quiet unless `SQUALL_LOG` asks for more.

use std::io::{self, Write};

use tracing_subscriber::EnvFilter;

use crate::{
    args::Command,
    terminal::{Terminal, write_undrawn},
};

/// What is logged if nobody says otherwise.
const DEFAULT: &str = "warn";
/// The demo shows by itself what falls and stands up again, and tests tell what failed.
const TOLD: &str = "error";

/// Starts logging for the process.
pub(crate) fn start(command: &Command, terminal: &Terminal) {
    let wanted = std::env::var("SQUALL_LOG").unwrap_or_default();
    let told = matches!(command, Command::Demo(_) | Command::Test(_));
    let default = if told { TOLD } else { DEFAULT };
    let wanted = if wanted.is_empty() { default } else { &wanted };
    let filter = EnvFilter::try_new(wanted).unwrap_or_else(|error| {
        terminal.note(&format!("SQUALL_LOG is not a filter, so it counts as `{DEFAULT}`: {error}"));
        EnvFilter::new(DEFAULT)
    });
    let started = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(|| Undrawn)
        .with_ansi(terminal.style() == squall_config::Style::Fancy)
        .with_target(false)
        .try_init();
    if started.is_err() {
        tracing::debug!("logs were started before");
    }
}

/// Hides the text that a panic in a component would write among what is drawn: the supervisor
/// catches it and reports it with its component.
pub(crate) fn quiet_panics() {
    let before = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        let ours = std::thread::current().name().is_some_and(|name| name.contains("arbiter"));
        if ours { tracing::debug!(%panic, "a component panicked") } else { before(panic) }
    }));
}

/// Records in place of what was drawn, so that neither garbles the other.
struct Undrawn;

impl Write for Undrawn {
    fn write(&mut self, record: &[u8]) -> io::Result<usize> {
        write_undrawn(record);
        Ok(record.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
