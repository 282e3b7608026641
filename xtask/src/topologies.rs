//! The topologies that come with the project: each is valid, passes its tests, and works on its
//! sample.

use std::{path::Path, process::Command};

use anyhow::{Context, Result, bail};

use crate::{
    report::Outcome,
    shell::{built, output, root, squall},
};

/// Validates, tests and draws every topology, and runs it on its samples: the files in `samples/`,
/// each named after the queue that it is for.
pub(crate) fn run_all() -> Result<Outcome> {
    test(squall(), &root().join("config/topology.yaml"))?;
    let mut found = 0;
    for entry in std::fs::read_dir(root().join("topologies")).context("cannot read topologies/")? {
        let folder = entry?.path();
        let file = folder.join("topology.yaml");
        if !file.is_file() {
            continue;
        }
        found += 1;
        let name = folder.file_name().unwrap_or_default().to_string_lossy().into_owned();
        output(squall().arg("validate").arg(&file))?;
        test(squall(), &file)?;
        output(squall().arg("graph").arg(&file))?;
        let data = built("topologies").join(&name);
        if data.exists() {
            std::fs::remove_dir_all(&data)?;
        }
        let mut run = squall();
        run.arg("run").arg(&file).args(["--until-idle", "--json", "--data"]).arg(&data);
        run.arg("--set").arg(format!("STORE=sqlite://{}/results.db", data.display()));
        for sample in std::fs::read_dir(folder.join("samples")).context("there is no sample")? {
            let sample = sample?.path();
            let queue = sample.file_stem().unwrap_or_default().to_string_lossy().into_owned();
            run.arg("--input").arg(format!("{queue}={}", sample.display()));
        }
        output(&mut run)?;
        println!("{name}: valid, passes its tests, and is done with its sample");
    }
    if found == 0 {
        bail!("there is no topology in topologies/");
    }
    Ok(Outcome::Passed)
}

/// Runs the tests that a topology has; there is at least one.
pub(crate) fn test(mut squall: Command, file: &Path) -> Result<()> {
    let printed = output(squall.arg("test").arg(file))?;
    if printed.contains("no tests") {
        bail!("{} has no tests", file.display());
    }
    Ok(())
}
