//! `squall completions`: what a shell needs to complete arguments.

use clap::CommandFactory;
use clap_complete::Shell;

use crate::{
    args::Args,
    failure::{Exit, Failure},
    terminal::Terminal,
};

pub(super) fn run(shell: Shell, terminal: &Terminal) -> Result<Exit, Failure> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Args::command(), "squall", &mut script);
    terminal.line(&String::from_utf8_lossy(&script))?;
    Ok(Exit::Done)
}
