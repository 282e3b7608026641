//! The examples: each one runs to its end and prints what its own documentation says it prints, and
//! the tests of its topology pass.

use anyhow::{Context, Result, bail};

use crate::{
    report::Outcome,
    shell::{built, command, output, root},
    topologies,
};

/// The line in an example's documentation behind which stands how it is run.
const COMMAND: &str = "//! $ cargo run -q -p squall-examples --example ";

/// Runs every example with the command that its documentation gives.
pub(crate) fn run_all() -> Result<Outcome> {
    let mut found = 0;
    for entry in std::fs::read_dir(root().join("examples")).context("cannot read examples/")? {
        let file = entry?.path();
        if file.extension().is_none_or(|extension| extension != "rs") {
            continue;
        }
        found += 1;
        run(&file)?;
    }
    if found == 0 {
        bail!("there is no example in examples/");
    }
    Ok(Outcome::Passed)
}

fn run(file: &std::path::Path) -> Result<()> {
    let text = std::fs::read_to_string(file)?;
    let named = || format!("{} does not say how it is run", file.display());
    let mut lines = text.lines().skip_while(|line| !line.starts_with(COMMAND));
    let words = lines.next().and_then(|line| line.strip_prefix(COMMAND)).with_context(named)?;
    let mut words = words.split_whitespace();
    let name = words.next().with_context(named)?;
    let arguments: Vec<_> = words.filter(|word| *word != "--").collect();
    let expected: Vec<_> = lines
        .map_while(|line| line.strip_prefix("//! "))
        .take_while(|line| *line != "```")
        .collect();
    let data = built("examples").join("data").join(name);
    if data.exists() {
        std::fs::remove_dir_all(&data)?;
    }
    let example = || command(built("debug/examples").join(name));
    let printed = output(example().args(&arguments).env("SQUALL_DATA_DIR", &data))?;
    for line in &expected {
        if !printed.lines().any(|printed| printed.trim_end() == *line) {
            bail!("the example {name} does not print `{line}` but:\n{printed}");
        }
    }
    for topology in arguments.iter().filter(|argument| argument.ends_with(".yaml")) {
        topologies::test(example(), topology.as_ref())?;
    }
    println!("{name}: prints its {} lines", expected.len());
    Ok(())
}
