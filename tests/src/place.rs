//! A folder in which `squall` is run.

use std::{
    ffi::OsStr,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use serde_json::Value;
use tempfile::TempDir;

use crate::running::Running;

/// An empty folder, the current one of every command that runs in it, removed at the end.
#[derive(Debug)]
pub struct Place {
    folder: TempDir,
}

/// What a command said, and how it ended.
#[derive(Debug)]
pub struct Said {
    /// The exit code, or `None` after a signal.
    pub code: Option<i32>,
    /// The standard output.
    pub out: String,
    /// The standard error output.
    pub err: String,
}

impl Place {
    /// A new folder.
    ///
    /// # Panics
    /// None can be made.
    #[must_use]
    pub fn new() -> Self {
        match tempfile::Builder::new().prefix("squall-test-").tempdir() {
            Ok(folder) => Place { folder },
            Err(error) => panic!("no temporary folder: {error}"),
        }
    }

    /// A path in the folder.
    #[must_use]
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Writes a file.
    ///
    /// # Panics
    /// It cannot be written.
    pub fn write(&self, name: &str, text: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path(name);
        if let Err(error) = std::fs::write(&path, text) {
            panic!("cannot write {}: {error}", path.display());
        }
        path
    }

    /// `squall` with these arguments, not yet started.
    #[must_use]
    pub fn command(&self, arguments: &[impl AsRef<OsStr>]) -> Command {
        self.command_of(binary(), arguments)
    }

    /// The same with another program: a `squall` that has more components, say.
    #[must_use]
    pub fn command_of(
        &self,
        program: impl AsRef<OsStr>,
        arguments: &[impl AsRef<OsStr>],
    ) -> Command {
        let mut command = Command::new(program);
        command.args(arguments).current_dir(self.folder.path()).stdin(Stdio::null());
        command.env_remove("STORE").env("NO_COLOR", "1");
        command
    }

    /// Runs `squall` to its end.
    ///
    /// # Panics
    /// It cannot be started.
    pub fn squall(&self, arguments: &[impl AsRef<OsStr>]) -> Said {
        let mut command = self.command(arguments);
        let output = match command.output() {
            Ok(output) => output,
            Err(error) => panic!("cannot start {}: {error}", binary().display()),
        };
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        Said { code: output.status.code(), out: text(&output.stdout), err: text(&output.stderr) }
    }

    /// Starts `squall` and goes on.
    ///
    /// # Panics
    /// It cannot be started.
    #[must_use]
    pub fn start(&self, arguments: &[impl AsRef<OsStr>]) -> Running {
        Running::start(&mut self.command(arguments))
    }
}

impl Default for Place {
    fn default() -> Self {
        Place::new()
    }
}

impl Said {
    /// The same, if it ended with this code.
    ///
    /// # Panics
    /// It ended otherwise.
    #[must_use]
    #[track_caller]
    pub fn code(self, expected: i32) -> Self {
        assert_eq!(self.code, Some(expected), "out: {}\nerr: {}", self.out, self.err);
        self
    }

    /// The standard output as JSON.
    ///
    /// # Panics
    /// It is none.
    #[must_use]
    #[track_caller]
    pub fn json(&self) -> Value {
        match serde_json::from_str(&self.out) {
            Ok(value) => value,
            Err(error) => panic!("not JSON ({error}): {}\nerr: {}", self.out, self.err),
        }
    }
}

/// The binary that is tested.
pub(crate) fn binary() -> PathBuf {
    if let Some(path) = std::env::var_os("SQUALL_BIN") {
        return path.into();
    }
    // target/debug/deps/end-to-end-0123 is beside target/debug/squall.
    let beside = std::env::current_exe().ok();
    let beside = beside.as_deref().and_then(Path::parent).and_then(Path::parent);
    match beside.map(|folder| folder.join("squall")).filter(|file| file.is_file()) {
        Some(file) => file,
        None => {
            panic!("there is no squall beside the tests; `cargo build` first, or set SQUALL_BIN")
        }
    }
}
