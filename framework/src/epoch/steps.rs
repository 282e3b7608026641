//! Named steps of recovery and commit, at which tests have the process killed.

use std::sync::{
    OnceLock,
    atomic::{AtomicI64, Ordering::SeqCst},
};

/// `SQUALL_DIE_AT=commit.redo` kills the process with SIGKILL when it comes to that step for the
/// first time, `commit.redo:3` for the third time. For tests of crashes.
const VARIABLE: &str = "SQUALL_DIE_AT";

/// All steps, in the order in which a run comes to them.
pub const STEPS: [&str; 21] = [
    "recover.claim",
    "recover.sources",
    "recover.apply",
    "recover.publish",
    "recover.settle",
    "recover.drop",
    "epoch.open",
    "epoch.seal",
    "epoch.fire",
    "epoch.cut",
    "commit.begin",
    "commit.rows",
    "commit.redo",
    "commit.commit",
    "commit.committed",
    "commit.publish",
    "commit.dead",
    "commit.settle",
    "commit.apply",
    "commit.drop",
    "commit.done",
];

struct Fate {
    step: String,
    left: AtomicI64,
}

fn fate() -> Option<&'static Fate> {
    static FATE: OnceLock<Option<Fate>> = OnceLock::new();
    let read = || {
        let wish = std::env::var(VARIABLE).ok()?;
        let (step, times) = wish.split_once(':').unwrap_or((&wish, "1"));
        Some(Fate { step: step.to_owned(), left: AtomicI64::new(times.parse().ok()?) })
    };
    FATE.get_or_init(read).as_ref()
}

/// The run has come to this step: it is about to do what the name says.
pub(crate) fn reached(step: &'static str) {
    debug_assert!(STEPS.contains(&step), "{step} is not in the list");
    if let Some(fate) = fate()
        && fate.step == step
        && fate.left.fetch_sub(1, SeqCst) == 1
    {
        let us = rustix::process::getpid();
        // Should it fail, the test that asked for it fails.
        let _ = rustix::process::kill_process(us, rustix::process::Signal::KILL);
    }
}
