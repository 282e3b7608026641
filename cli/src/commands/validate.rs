//! `squall validate`: checks topologies without running them.

use serde_json::json;
use squall_config::render_all;
use squall_framework::{Delivered, Registry, Topology, TopologyFile};

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
        let (valid, mistakes, topology) = match TopologyFile::load(path, &variables, registry) {
            Ok(file) => (true, file.warnings, Some(file.topology)),
            Err(mistakes) => (false, mistakes.into_iter().collect(), None),
        };
        let outputs = topology.as_ref().map(Topology::deliveries).unwrap_or_default();
        if !valid {
            exit = Exit::Usage;
        }
        if args.json {
            results.push(json!({
                "file": name,
                "valid": valid,
                "mistakes": mistakes,
                "outputs": outputs,
            }));
            continue;
        }
        if !mistakes.is_empty() {
            terminal.note(&render_all(&mistakes, terminal.style()));
        }
        if let Some(topology) = topology {
            let ok = terminal.green("ok");
            let components = plural(topology.components().len() as u64, "component");
            terminal.line(&format!("{name}: {ok}, {components}"))?;
            for output in &outputs {
                terminal.line(&line(output, terminal))?;
            }
        }
    }
    if args.json {
        terminal.json(&results)?;
    }
    Ok(exit)
}

/// `  save    exactly once: ...`
fn line(output: &Delivered, terminal: &Terminal) -> String {
    let often = match output.exactly_once {
        true => terminal.green("exactly once"),
        false => terminal.yellow("at least once"),
    };
    format!("  {}: {often} ({})", output.component, output.why)
}
