//! A folder of its own for a test, and the command in it.
#![allow(dead_code, clippy::unwrap_used, clippy::panic)]

use std::{
    fs,
    process::{Child, Output, Stdio},
    time::{Duration, Instant},
};

use assert_cmd::cargo::CommandCargoExt;
use tempfile::TempDir;

/// A folder in which commands run.
pub(crate) struct Place(TempDir);

impl Place {
    pub(crate) fn new() -> Self {
        Place(tempfile::tempdir().unwrap())
    }

    pub(crate) fn write(&self, name: &str, text: &str) {
        fs::write(self.0.path().join(name), text).unwrap();
    }

    pub(crate) fn path(&self, name: &str) -> std::path::PathBuf {
        self.0.path().join(name)
    }

    fn command(&self, arguments: &[&str]) -> std::process::Command {
        let mut command = std::process::Command::cargo_bin("squall").unwrap();
        command.args(arguments).current_dir(self.0.path());
        command.env_remove("SQUALL_LOG").env("NO_COLOR", "1").stdin(Stdio::null());
        command
    }

    /// Runs a command to its end.
    pub(crate) fn squall(&self, arguments: &[&str]) -> Done {
        Done(self.command(arguments).output().unwrap())
    }

    /// Starts a command that is to go on.
    pub(crate) fn start(&self, arguments: &[&str]) -> Going {
        let mut command = self.command(arguments);
        Going(Some(command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()))
    }

    /// What a command prints, as JSON; it must succeed.
    pub(crate) fn json(&self, arguments: &[&str]) -> serde_json::Value {
        let done = self.squall(arguments);
        assert_eq!(done.code(), 0, "{}", done.stderr());
        serde_json::from_str(&done.stdout()).unwrap()
    }
}

/// A command that has ended.
pub(crate) struct Done(Output);

impl Done {
    pub(crate) fn code(&self) -> i32 {
        self.0.status.code().unwrap_or(-1)
    }

    pub(crate) fn stdout(&self) -> String {
        String::from_utf8_lossy(&self.0.stdout).into_owned()
    }

    pub(crate) fn stderr(&self) -> String {
        String::from_utf8_lossy(&self.0.stderr).into_owned()
    }

    /// Exit code and both outputs, for snapshots.
    pub(crate) fn all(&self) -> String {
        format!("exit {}\n{}{}", self.code(), self.stdout(), self.stderr())
    }
}

/// A command that goes on; killed when a test fails.
pub(crate) struct Going(Option<Child>);

impl Going {
    /// Sends SIGINT, as Ctrl-C does.
    pub(crate) fn interrupt(&self) {
        let id = self.0.as_ref().unwrap().id().to_string();
        let sent = std::process::Command::new("kill").args(["-INT", &id]).status().unwrap();
        assert!(sent.success());
    }

    /// Waits for its end.
    pub(crate) fn end(mut self) -> Done {
        Done(self.0.take().unwrap().wait_with_output().unwrap())
    }

    pub(crate) fn is_going(&mut self) -> bool {
        self.0.as_mut().unwrap().try_wait().unwrap().is_none()
    }
}

impl Drop for Going {
    fn drop(&mut self) {
        if let Some(mut child) = self.0.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// Waits until something is so.
pub(crate) fn until(what: &str, mut condition: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(30);
    while !condition() {
        assert!(Instant::now() < deadline, "not so within 30 s: {what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// Words out of a queue into a table.
pub(crate) const WORDS: &str = r#"
name: words
config: { backoff: 10ms, max_backoff: 100ms }
spouts:
  - { id: lines, type: queue, queue: words }
bolts:
  - { id: parse, type: json, inputs: [lines], fields: { word: string } }
  - { id: save, type: sql, inputs: [parse], store: "${STORE:-sqlite://words.db}", table: words, keys: [word] }
"#;
