//! Documents that are made from the code.

use std::path::PathBuf;

use anyhow::{Context, Result, bail};

use crate::{
    report::Outcome,
    shell::{cargo, output, root, run, squall},
};

fn components() -> PathBuf {
    root().join("docs/components.md")
}

/// Whether the reference of components says what the code says.
pub(crate) fn check() -> Result<Outcome> {
    let file = components();
    let found = std::fs::read_to_string(&file)
        .with_context(|| format!("cannot read {}", file.display()))?;
    if found != output(squall().arg("docs"))? {
        bail!("docs/components.md is out of date; `cargo xtask docs` writes it again");
    }
    Ok(Outcome::Passed)
}

/// Writes the reference of components.
pub(crate) fn write() -> Result<()> {
    run(&mut cargo(&["build", "--package", "squall"]))?;
    let file = components();
    std::fs::write(&file, output(squall().arg("docs"))?)
        .with_context(|| format!("cannot write {}", file.display()))
}
