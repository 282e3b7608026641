//! `squall rebalance`: another number of tasks for a component of a topology that runs.

use crate::{
    args::RebalanceArgs,
    failure::{Exit, Failure},
    local::DataFolder,
    terminal::Terminal,
    text::plural,
};

pub(super) fn run(args: &RebalanceArgs, terminal: &Terminal) -> Result<Exit, Failure> {
    let wanted: Vec<_> =
        args.parallelism.iter().map(|wanted| parse(wanted)).collect::<Result<_, _>>()?;
    let mut folder = DataFolder::queues(&args.data.folder, false)?;
    for (component, tasks) in wanted {
        folder.rebalance(&args.topology, component, tasks)?;
        terminal.line(&format!("{component} has {} now", plural(tasks as u64, "task")))?;
    }
    Ok(Exit::Done)
}

fn parse(wanted: &str) -> Result<(&str, usize), Failure> {
    let parsed = wanted.split_once('=').and_then(|(id, tasks)| {
        let tasks = tasks.parse::<usize>().ok().filter(|tasks| (1..=4096).contains(tasks))?;
        Some((id, tasks)).filter(|(id, _)| !id.is_empty())
    });
    parsed.ok_or_else(|| {
        Failure::usage(format!("-p: `{wanted}` is not of the form ID=N"))
            .help("for example -p people=4")
    })
}
