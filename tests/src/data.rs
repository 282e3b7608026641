//! Files that tests read.

use std::{
    io::Write,
    path::{Path, PathBuf},
};

/// A file of the checkout.
#[must_use]
pub fn project(path: &str) -> PathBuf {
    let tests = Path::new(env!("CARGO_MANIFEST_DIR"));
    tests.parent().unwrap_or(tests).join(path)
}

/// A file of the public data sets that the tests count: in the folder that `SQUALL_DATA` names, or
/// in `../shared/data` beside the checkout. `None`, with a message, where there is none.
#[must_use]
pub fn real_data(name: &str) -> Option<PathBuf> {
    let folder = std::env::var_os("SQUALL_DATA").map(PathBuf::from);
    let file = folder.unwrap_or_else(|| project("../shared/data")).join(name);
    if file.is_file() {
        return Some(file);
    }
    skipped(&format!("no data set {name}; SQUALL_DATA names the folder that has it"));
    None
}

/// Says so that it is seen, whatever the test's own output becomes, that it did not run.
pub fn skipped(reason: &str) {
    // There is nobody to tell if the terminal is gone.
    let _ = writeln!(std::io::stderr(), "SKIPPED: {reason}");
}
