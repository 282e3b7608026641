//! `squall run`: a topology in one process with everything embedded.

use std::{
    collections::BTreeSet,
    path::PathBuf,
    thread,
    time::{Duration, Instant},
};

use squall_config::{Document, did_you_mean};
use squall_framework::{Registry, Settings, TopologyFile};

use super::{load, variables};
use crate::{
    args::RunArgs,
    failure::{Exit, Failure},
    local::{DataFolder, Reply, refused},
    logs,
    run::{Input, Outcome, Rates, Session, Signals, Summary, Verdict, Watch, parse_input},
    terminal::Terminal,
};

/// How often it is looked whether the run is over.
const LOOK: Duration = Duration::from_millis(10);
/// How often the status is drawn.
const DRAW: Duration = Duration::from_millis(250);
/// A topology that cannot go on is given so long to finish what it can.
const LAST_CHANCE: Duration = Duration::from_secs(1);

pub(super) fn run(
    args: &RunArgs,
    registry: &Registry,
    terminal: &Terminal,
) -> Result<Exit, Failure> {
    let mut file = load(&args.topology, &args.set, registry, terminal)?;
    let wanted: Vec<_> =
        args.inputs.iter().map(|input| parse_input(input)).collect::<Result<_, _>>()?;
    check_inputs(args, &wanted)?;
    if let Some(threads) = args.threads {
        file = with_threads(file, usize::from(threads))?;
    }
    let signals = Signals::listen()?;
    logs::quiet_panics();
    let folder = DataFolder::open(&args.data.folder)?;
    let mut inputs = Vec::new();
    for (queue, path) in &wanted {
        inputs.push(Input::start(folder.store(), queue, path)?);
    }
    let session = Session::start(file, folder)?;
    let watch = Watch::new(signals, args.until_idle, args.patience.into());
    let summary = watched(session, watch, inputs, args.drain.into(), terminal)?;
    terminal.clear();
    if args.json {
        terminal.json(&summary)?;
    } else {
        terminal.note(&summary.text(terminal));
    }
    Ok(summary.exit())
}

/// Watches a topology to its end.
pub(super) fn watched(
    mut session: Session,
    mut watch: Watch,
    mut inputs: Vec<Input>,
    drain: Duration,
    terminal: &Terminal,
) -> Result<Summary, Failure> {
    let mut rates = Rates::new();
    let mut drawn = Instant::now();
    session.asks().listen();
    let verdict = loop {
        let snapshot = (drawn.elapsed() > DRAW).then(|| session.snapshot());
        match watch.look(&session, &mut inputs, snapshot.as_ref()) {
            Ok(Verdict::Going) => {}
            other => break other,
        }
        if let Some(snapshot) = snapshot {
            drawn = Instant::now();
            rates.look(&snapshot);
            if terminal.is_watched() {
                terminal.draw(&[rates.line(&snapshot, session.backlog(), terminal)]);
            }
        }
        if let Some(ask) = session.asks().take() {
            let (next, outcome) = session.rebalance(&ask.what, drain)?;
            session = next;
            ask.answer(match outcome {
                Ok(()) => Reply::Done,
                Err(failure) => refused(failure.to_string()),
            });
        }
        thread::sleep(LOOK);
    };
    inputs.iter().for_each(Input::stop);
    let (patience, outcome) = match verdict {
        Ok(Verdict::Idle | Verdict::Going) => (drain, Outcome::Done),
        Ok(Verdict::Asked) => {
            if terminal.is_watched() {
                terminal.note("finishing what is under way; Ctrl-C again stops at once");
            }
            (drain, Outcome::Stopped)
        }
        Ok(Verdict::Stalled(reason)) => (LAST_CHANCE, Outcome::Stalled(reason)),
        Ok(Verdict::Failed(reason)) => (LAST_CHANCE, Outcome::Failed(reason)),
        Err(failure) => {
            // What was sent before the input failed is finished; the failure is told.
            let drained = session.drain(drain);
            tracing::debug!(drained, "stopped because the input failed");
            return Err(failure);
        }
    };
    let drained = match outcome {
        Outcome::Done => session.finish(patience),
        _ => session.drain(patience),
    };
    let outcome = match outcome {
        Outcome::Done | Outcome::Stopped if !drained => Outcome::Undrained,
        outcome => outcome,
    };
    let sent = inputs.iter().map(Input::sent).sum();
    Ok(session.end(outcome, sent))
}

/// An input for a queue that the topology does not read would wait there for ever.
fn check_inputs(args: &RunArgs, wanted: &[(String, PathBuf)]) -> Result<(), Failure> {
    if wanted.is_empty() {
        return Ok(());
    }
    let document = Document::load(&args.topology, &variables(&args.set)?)?;
    let spouts = document.root().get("spouts").map(|spouts| spouts.items()).unwrap_or_default();
    let text =
        |spout: &squall_config::Section, key: &str| spout.get(key)?.text().map(str::to_owned);
    let queues: BTreeSet<String> = spouts
        .iter()
        .filter(|spout| text(spout, "type").as_deref() == Some("queue"))
        .filter_map(|spout| text(spout, "queue"))
        .collect();
    for (queue, _) in wanted {
        if !queues.contains(queue) {
            let names: Vec<_> = queues.iter().map(String::as_str).collect();
            let help = match (did_you_mean(queue, names.iter().copied()), names.as_slice()) {
                (Some(near), _) => format!("did you mean `{near}`?"),
                (None, []) => "it reads no queue at all".to_owned(),
                (None, names) => format!("it reads {}", names.join(", ")),
            };
            return Err(Failure::usage(format!(
                "--input: the topology does not read the queue `{queue}`"
            ))
            .help(help));
        }
    }
    Ok(())
}

/// The same topology with another number of threads.
fn with_threads(file: TopologyFile, threads: usize) -> Result<TopologyFile, Failure> {
    let settings = Settings { threads, ..file.topology.settings().clone() };
    let topology = file.topology.to_builder().settings(settings).build();
    Ok(TopologyFile { topology: topology.map_err(Failure::failed)?, ..file })
}
