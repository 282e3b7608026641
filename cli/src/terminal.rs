//! Where the command writes: results to the standard output, everything else to the standard
//! error output, with colours only where a person sees them.

use std::{
    io::{self, IsTerminal, Write},
    sync::atomic::{AtomicUsize, Ordering::Relaxed},
};

use serde::Serialize;
use squall_config::Style;

/// Lines that the next drawing goes over. Logs come from any thread and there is one terminal, so
/// there is one count.
static DRAWN: AtomicUsize = AtomicUsize::new(0);

/// The two outputs of the process.
#[derive(Debug)]
pub(crate) struct Terminal {
    colours: bool,
    stderr: bool,
    stdout: bool,
}

impl Terminal {
    /// The process's own outputs. `NO_COLOR` (any value) turns colours off.
    pub(crate) fn of_process() -> Self {
        let stderr = io::stderr().is_terminal();
        let plain = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty())
            || std::env::var_os("TERM").is_some_and(|value| value == "dumb");
        Terminal { colours: stderr && !plain, stderr, stdout: io::stdout().is_terminal() }
    }

    /// Whether somebody watches what is not the result.
    pub(crate) fn is_watched(&self) -> bool {
        self.stderr
    }

    /// Whether somebody watches the results.
    pub(crate) fn shows_results(&self) -> bool {
        self.stdout
    }

    /// How mistakes are drawn.
    pub(crate) fn style(&self) -> Style {
        if self.colours { Style::Fancy } else { Style::Plain }
    }

    /// Writes a line of the result.
    pub(crate) fn line(&self, text: &str) -> io::Result<()> {
        let mut out = io::stdout().lock();
        out.write_all(text.as_bytes())?;
        if text.ends_with('\n') { out.flush() } else { out.write_all(b"\n") }
    }

    /// Writes a result as JSON on one line.
    pub(crate) fn json(&self, value: &impl Serialize) -> io::Result<()> {
        self.line(&serde_json::to_string(value)?)
    }

    /// Says something that is not the result.
    pub(crate) fn note(&self, text: &str) {
        write_undrawn(format!("{}\n", text.trim_end_matches('\n')).as_bytes());
    }

    /// Draws lines over those drawn before, where somebody watches.
    pub(crate) fn draw(&self, lines: &[String]) {
        if !self.stderr {
            return;
        }
        let width = width();
        let mut text = String::new();
        for line in lines {
            text.push_str(&cut(line, width));
            text.push('\n');
        }
        let mut out = io::stderr().lock();
        let text = erase() + &text;
        DRAWN.store(lines.len(), Relaxed);
        // There is nobody to tell if the terminal is gone.
        let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
    }

    /// Takes away what was drawn.
    pub(crate) fn clear(&self) {
        write_undrawn(&[]);
    }

    /// Red, where there are colours.
    pub(crate) fn red(&self, text: &str) -> String {
        self.paint("31;1", text)
    }

    /// Yellow, where there are colours.
    pub(crate) fn yellow(&self, text: &str) -> String {
        self.paint("33", text)
    }

    /// Green, where there are colours.
    pub(crate) fn green(&self, text: &str) -> String {
        self.paint("32;1", text)
    }

    /// Cyan, where there are colours.
    pub(crate) fn cyan(&self, text: &str) -> String {
        self.paint("36", text)
    }

    /// Bold, where there are colours.
    pub(crate) fn bold(&self, text: &str) -> String {
        self.paint("1", text)
    }

    fn paint(&self, code: &str, text: &str) -> String {
        if self.colours { format!("\x1b[{code}m{text}\x1b[0m") } else { text.to_owned() }
    }
}

/// Writes to the standard error output in place of what was drawn.
pub(crate) fn write_undrawn(bytes: &[u8]) {
    let mut out = io::stderr().lock();
    let erased = erase();
    // There is nobody to tell if the terminal is gone.
    let _ = out.write_all(erased.as_bytes()).and_then(|()| out.write_all(bytes));
}

/// What takes away what was drawn; call it with the output locked.
fn erase() -> String {
    match DRAWN.swap(0, Relaxed) {
        0 => String::new(),
        lines => format!("\x1b[{lines}A\r\x1b[J"),
    }
}

/// Columns of the terminal.
fn width() -> usize {
    let size = rustix::termios::tcgetwinsize(io::stderr());
    size.ok().map(|size| usize::from(size.ws_col)).filter(|width| *width > 0).unwrap_or(80)
}

/// The beginning of a line that fits `width` columns; colours take none.
fn cut(line: &str, width: usize) -> String {
    let (mut shown, mut inside) = (0, false);
    let mut text = String::new();
    for c in line.chars() {
        inside |= c == '\x1b';
        if !inside {
            if shown + 1 >= width {
                text.push_str("\x1b[0m");
                break;
            }
            shown += 1;
        }
        text.push(c);
        inside &= c != 'm';
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_take_no_columns() {
        assert_eq!(cut("short", 10), "short");
        assert_eq!(cut("\x1b[1mshort\x1b[0m", 10), "\x1b[1mshort\x1b[0m");
        assert_eq!(cut("too long", 5), "too \x1b[0m");
    }
}
