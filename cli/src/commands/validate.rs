//! `squall validate`: checks topologies without running them.

use serde_json::json;
use squall_config::render_all;
use squall_framework::{Registry, TopologyFile};

use super::variables;
use crate::{
    args::ValidateArgs,
    failure::{Exit, Failure},
    terminal::Terminal,
    text::plural,
};

pub(super) fn run(
    args: &ValidateArgs,
    registry: &Registry,
    terminal: &Terminal,
) -> Result<Exit, Failure> {
    let variables = variables(&args.set)?;
    let mut exit = Exit::Done;
    let mut results = Vec::new();
    for path in &args.topologies {
        let name = path.display().to_string();
        let (valid, mistakes, size) = match TopologyFile::load(path, &variables, registry) {
            Ok(file) => (true, file.warnings, Some(file.topology.components().len() as u64)),
            Err(mistakes) => (false, mistakes.into_iter().collect(), None),
        };
        if !valid {
            exit = Exit::Usage;
        }
        if args.json {
            results.push(json!({ "file": name, "valid": valid, "mistakes": mistakes }));
            continue;
        }
        if !mistakes.is_empty() {
            terminal.note(&render_all(&mistakes, terminal.style()));
        }
        if let Some(components) = size {
            let ok = terminal.green("ok");
            terminal.line(&format!("{name}: {ok}, {}", plural(components, "component")))?;
        }
    }
    if args.json {
        terminal.json(&results)?;
    }
    Ok(exit)
}
