//! `squall replay`: results computed again, into tables of their own.

use squall_components::Replay;
use squall_framework::{Registry, TopologyFile};

use super::{load, queue::moment, run::watched};
use crate::{
    args::ReplayArgs,
    failure::{Exit, Failure},
    local::DataFolder,
    logs,
    run::{Session, Signals, Watch},
    terminal::Terminal,
};

pub(super) fn run(
    args: &ReplayArgs,
    registry: &Registry,
    terminal: &Terminal,
) -> Result<Exit, Failure> {
    let file = load(&args.topology, &args.set, registry, terminal)?;
    if !file.topology.runs_in_epochs() {
        let name = file.topology.name();
        return Err(Failure::usage(format!("`{name}` keeps no state, so it cannot be replayed"))
            .help(
                "with `config: { delivery: exactly_once }` it commits what was read, and can be",
            ));
    }
    check_suffix(&args.suffix)?;
    let replay = Replay {
        from_ms: moment(&args.from)?,
        group_suffix: format!("-{}", args.suffix),
        table_suffix: format!("_{}", args.suffix),
        only_settled: false,
    };
    let name = format!("{}-{}", file.topology.name(), args.suffix);
    let topology = file.topology.to_builder().name(&name).build().map_err(Failure::failed)?;
    let file = TopologyFile { topology, ..file };
    let signals = Signals::listen()?;
    logs::quiet_panics();
    let folder = DataFolder::open(&args.data.folder)?;
    let session = Session::replay(file, folder, replay)?;
    let patience = args.patience.into();
    let summary =
        watched(session, Watch::new(signals, true, patience), Vec::new(), patience, terminal)?;
    terminal.clear();
    if args.json {
        terminal.json(&summary)?;
    } else {
        terminal.note(&summary.text(terminal));
    }
    Ok(summary.exit())
}

/// It becomes part of the names of tables, groups and folders.
fn check_suffix(suffix: &str) -> Result<(), Failure> {
    let good = |c: char| c.is_ascii_alphanumeric() || c == '_';
    if !suffix.is_empty() && suffix.len() <= 32 && suffix.chars().all(good) {
        return Ok(());
    }
    Err(Failure::usage(format!("--suffix: `{suffix}` cannot be part of a table's name"))
        .help("use up to 32 letters, digits and _, such as --suffix may"))
}
