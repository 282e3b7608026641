//! How a command ends: its exit code, and what it says when it could not do its work.

use std::{fmt::Display, io, process::ExitCode};

use squall_config::{Mistakes, render_all};

use crate::terminal::Terminal;

/// The exit codes, as `--help` documents them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Exit {
    /// All is well.
    Done,
    /// Something failed while it was running, or a test did not pass.
    Failed,
    /// The arguments or the topology are wrong; nothing was run.
    Usage,
    /// Finished, but some messages became dead letters.
    DeadLetters,
    /// The topology stalled or failed and could not go on.
    Stalled,
    /// Stopped by a second Ctrl-C without finishing what was under way.
    Interrupted,
}

impl Exit {
    pub(crate) fn code(self) -> u8 {
        match self {
            Exit::Done => 0,
            Exit::Failed => 1,
            Exit::Usage => 2,
            Exit::DeadLetters => 3,
            Exit::Stalled => 4,
            Exit::Interrupted => 130,
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        ExitCode::from(exit.code())
    }
}

/// Why a command could not do its work.
#[derive(Debug)]
pub(crate) struct Failure {
    exit: Exit,
    what: What,
}

#[derive(Debug)]
enum What {
    /// One line, and perhaps one more that says what to do.
    Line(String, Option<String>),
    /// What is wrong in a file.
    Mistakes(Mistakes),
    /// Whoever read the output has gone, so there is nobody to tell.
    Silent,
}

impl Failure {
    /// Something went wrong while it was running.
    pub(crate) fn failed(message: impl Display) -> Self {
        Failure { exit: Exit::Failed, what: What::Line(message.to_string(), None) }
    }

    /// The arguments are wrong.
    pub(crate) fn usage(message: impl Display) -> Self {
        Failure { exit: Exit::Usage, what: What::Line(message.to_string(), None) }
    }

    /// Says what to do about it.
    #[must_use]
    pub(crate) fn help(mut self, text: impl Into<String>) -> Self {
        if let What::Line(_, help) = &mut self.what {
            *help = Some(text.into());
        }
        self
    }

    /// Says what to do about it, if there is anything to say.
    #[must_use]
    pub(crate) fn maybe_help(self, text: Option<String>) -> Self {
        match text {
            Some(text) => self.help(text),
            None => self,
        }
    }

    /// Says it on the standard error output.
    pub(crate) fn tell(self, terminal: &Terminal) -> Exit {
        match self.what {
            What::Line(message, help) => {
                terminal.note(&format!("{}: {message}", terminal.red("error")));
                if let Some(help) = help {
                    terminal.note(&format!("  {}: {help}", terminal.cyan("help")));
                }
            }
            What::Mistakes(mistakes) => {
                let all: Vec<_> = mistakes.into_iter().collect();
                terminal.note(&render_all(&all, terminal.style()));
            }
            What::Silent => {}
        }
        self.exit
    }
}

impl std::fmt::Display for Failure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.what {
            What::Line(message, None) => f.write_str(message),
            What::Line(message, Some(help)) => write!(f, "{message}; {help}"),
            What::Mistakes(mistakes) => mistakes.fmt(f),
            What::Silent => Ok(()),
        }
    }
}

impl From<Mistakes> for Failure {
    fn from(mistakes: Mistakes) -> Self {
        Failure { exit: Exit::Usage, what: What::Mistakes(mistakes) }
    }
}

impl From<squall_broker::Error> for Failure {
    fn from(error: squall_broker::Error) -> Self {
        Failure::failed(error)
    }
}

/// Of writing to the standard output; what else can fail says what it was doing.
impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        if error.kind() == io::ErrorKind::BrokenPipe {
            return Failure { exit: Exit::Done, what: What::Silent };
        }
        Failure::failed(format!("cannot write the output: {error}"))
    }
}
