//! `squall state`: what a topology remembers.

use std::path::Path;

use serde_json::json;
use squall_components::state::{StateFolder, StateOptions, StateStats, set_aside};
use squall_framework::{Registry, TopologyFile};

use super::load;
use crate::{
    args::{StateArgs, StateCommand},
    failure::{Exit, Failure},
    local::DataFolder,
    logs,
    run::{commit_store, of_states, rebuild, state_folder},
    terminal::Terminal,
    text::{bytes, count, plural, table},
};

pub(super) fn run(
    command: StateCommand,
    registry: &Registry,
    terminal: &Terminal,
) -> Result<Exit, Failure> {
    match command {
        StateCommand::Show { common, component, max } => {
            let file = stateful(&common, registry, terminal)?;
            let folder = state_folder(&common.data.folder, file.topology.name());
            show(&file, &folder, component.as_deref(), max, &common, terminal)
        }
        StateCommand::Rebuild { common, patience } => {
            let file = stateful(&common, registry, terminal)?;
            logs::quiet_panics();
            let data = DataFolder::open(&common.data.folder)?;
            let rebuilt = rebuild(file, data, patience.into())?;
            if common.json {
                terminal.json(&rebuilt)?;
                return Ok(Exit::Done);
            }
            let aside = rebuilt.aside.map(|aside| format!("  the old one is in {aside}\n"));
            terminal.line(&format!(
                "state rebuilt from {}, as of epoch {}\n{}",
                plural(rebuilt.messages, "message"),
                rebuilt.epoch,
                aside.unwrap_or_default()
            ))?;
            Ok(Exit::Done)
        }
        StateCommand::Forget { common } => {
            let file = stateful(&common, registry, terminal)?;
            let _data = DataFolder::open(&common.data.folder)?;
            forget(&file, &common, terminal)
        }
    }
}

/// The topology, if it keeps state.
fn stateful(
    args: &StateArgs,
    registry: &Registry,
    terminal: &Terminal,
) -> Result<TopologyFile, Failure> {
    let file = load(&args.topology, &args.set, registry, terminal)?;
    if file.topology.runs_in_epochs() {
        return Ok(file);
    }
    Err(Failure::usage(format!("the topology `{}` keeps no state", file.topology.name()))
        .help("bolts such as `window`, `top` and `dedupe` do; see `squall components`"))
}

fn show(
    file: &TopologyFile,
    folder: &Path,
    component: Option<&str>,
    max: usize,
    args: &StateArgs,
    terminal: &Terminal,
) -> Result<Exit, Failure> {
    let states = StateFolder::open_existing(folder, StateOptions::default()).map_err(of_states)?;
    let stats = states.view().stats().map_err(of_states)?;
    if let Some(component) = component {
        let sample = states.view().sample(component, max).map_err(Failure::failed)?;
        for (key, value) in sample {
            terminal.line(&format!("{}  {}", readable(&key), readable(&value)))?;
        }
        return Ok(Exit::Done);
    }
    let gone = |id: &str| file.topology.component(id).is_none_or(|component| !component.stateful);
    if args.json {
        let gone: Vec<_> =
            stats.components.iter().map(|c| c.id.as_str()).filter(|id| gone(id)).collect();
        terminal.json(&json!({ "state": stats, "folder": folder, "gone": gone }))?;
        return Ok(Exit::Done);
    }
    terminal.line(&text(&stats, folder, gone))?;
    Ok(Exit::Done)
}

fn text(stats: &StateStats, folder: &Path, gone: impl Fn(&str) -> bool) -> String {
    let mut text = format!(
        "{}, as of epoch {}\n  folder     {}\n  on disk    {}\n",
        stats.topology,
        stats.epoch,
        folder.display(),
        bytes(stats.disk_bytes)
    );
    for (spout, position) in &stats.positions {
        let ahead = position.count();
        text.push_str(&format!("  read       {spout}: {}", position.identity));
        if ahead > 0 {
            let ahead = plural(ahead, "message");
            text.push_str(&format!(", and {ahead} that it was not yet told of"));
        }
        text.push('\n');
    }
    let rows: Vec<_> = stats
        .components
        .iter()
        .map(|component| {
            let note = if gone(&component.id) { "the topology has it no more" } else { "" };
            vec![
                format!("  {}", component.id),
                count(component.keys),
                bytes(component.key_bytes + component.value_bytes),
                note.to_owned(),
            ]
        })
        .collect();
    text.push('\n');
    text + &table(&["  component ", "keys", "bytes", " "], &rows)
}

/// Bytes as text where they are, the rest in hexadecimal.
fn readable(bytes: &[u8]) -> String {
    let plain = |byte: &u8| byte.is_ascii_graphic() || *byte == b' ';
    let mut text = String::new();
    for byte in bytes {
        if plain(byte) {
            text.push(char::from(*byte));
        } else {
            text.push_str(&format!("\\{byte:02x}"));
        }
    }
    text
}

fn forget(file: &TopologyFile, args: &StateArgs, terminal: &Terminal) -> Result<Exit, Failure> {
    let folder = state_folder(&args.data.folder, file.topology.name());
    let aside = folder.exists().then(|| set_aside(&folder)).transpose().map_err(of_states)?;
    let mut states = StateFolder::open(&folder, file.topology.name()).map_err(of_states)?;
    let mut store = commit_store(&file.topology, &mut states)?;
    let failed = |fault, name: String| Failure::failed(format!("{name}: {fault}"));
    store.forget().map_err(|fault| failed(fault, store.name()))?;
    // Epochs go on to be counted where they were: queues know the last one of each topology.
    let committed = store.look().map_err(|fault| failed(fault, store.name()))?;
    states.stand_for(&committed).map_err(of_states)?;
    let aside = aside.map(|aside| aside.display().to_string());
    if args.json {
        terminal.json(&json!({ "forgotten": file.topology.name(), "aside": aside }))?;
        return Ok(Exit::Done);
    }
    let kept = aside.map(|aside| format!("; the old one is in {aside}")).unwrap_or_default();
    terminal.line(&format!("the state of {} is forgotten{kept}", file.topology.name()))?;
    Ok(Exit::Done)
}
