//! `squall bench`: measures this machine.

use std::{fs, path::Path, sync::Arc, time::Duration};

use serde::Serialize;
use serde_json::json;
use squall_framework::{
    Delivery, Registry,
    bench::{BUILT_IN_TEXT, Bench, Measured, Workload, baseline, latency, throughput},
};

use crate::{
    args::{
        BenchCommand, BenchCrashArgs, BenchEngineArgs, BenchFreshnessArgs, BenchPipelineArgs,
        BenchQueueArgs, BenchStateArgs, DeliveryArg, Switch, WorkloadArg,
    },
    bench::{
        Crashed, Freshness, Measured as Pipelined, Pipeline, Plan, Scratch, StateMeasured,
        StatePlan, crash, fill_and_die, freshness, pipeline, queue, state,
    },
    failure::{Exit, Failure},
    terminal::Terminal,
    text::{count, micros, rate, table},
};

/// How many lines of a file the word count uses.
const LINES: usize = 1_000;

pub(super) fn run(
    command: BenchCommand,
    registry: &Registry,
    terminal: &Terminal,
) -> Result<Exit, Failure> {
    match command {
        BenchCommand::Engine(args) => engine(&args, terminal),
        BenchCommand::Queue(args) => run_queue(&args, terminal),
        BenchCommand::Pipeline(args) => run_pipeline(&args, registry, terminal),
        BenchCommand::State(args) => run_state(&args, registry, terminal),
        BenchCommand::Freshness(args) => run_freshness(&args, registry, terminal),
        BenchCommand::Crash(args) => run_crash(&args, terminal),
    }
}

fn check_seconds(seconds: f64) -> Result<Duration, Failure> {
    Duration::try_from_secs_f64(seconds)
        .ok()
        .filter(|time| !time.is_zero())
        .ok_or_else(|| Failure::usage("--seconds: not a number of seconds above 0"))
}

fn engine(args: &BenchEngineArgs, terminal: &Terminal) -> Result<Exit, Failure> {
    let workload = match args.workload {
        WorkloadArg::Const | WorkloadArg::Latency => Workload::Const,
        WorkloadArg::Relay => Workload::Relay,
        WorkloadArg::Wordcount => Workload::Wordcount,
        WorkloadArg::Fanout8 => Workload::Fanout8,
        WorkloadArg::Columns20 => Workload::Columns20,
    };
    let bench = Bench {
        workload,
        acks: args.acks == Switch::On,
        threads: usize::from(args.threads),
        time: check_seconds(args.seconds)?,
        lines: lines(args.file.as_deref())?,
    };
    let failed = |error| Failure::failed(format!("the benchmark could not be run: {error}"));
    let measured = match (args.workload, args.baseline) {
        (WorkloadArg::Latency, true) => {
            return Err(Failure::usage("the workload latency has no baseline"));
        }
        (WorkloadArg::Latency, false) => latency(&bench, args.rate).map_err(failed)?,
        (_, true) => baseline(&bench),
        (_, false) => throughput(&bench).map_err(failed)?,
    };
    if args.json {
        terminal.json(&measured)?;
    } else {
        terminal.line(&engine_text(&measured))?;
    }
    Ok(Exit::Done)
}

fn engine_text(measured: &Measured) -> String {
    let acks = if measured.acks { "on" } else { "off" };
    let mut text = format!(
        "{}, acks {acks}, {} threads, {:.1} s\n",
        measured.workload, measured.threads, measured.seconds
    );
    text.push_str(&format!(
        "  tuples   {}\n  acked    {}\n",
        rate(measured.tuples_per_s),
        rate(measured.acked_per_s)
    ));
    if measured.p50_us > 0.0 {
        let times = [measured.p50_us, measured.p99_us, measured.p999_us].map(micros);
        text.push_str(&format!(
            "  latency  p50 {}, p99 {}, p99.9 {}\n",
            times[0], times[1], times[2]
        ));
    }
    if let Some(ack) = measured.ack_p99_us {
        text.push_str(&format!("  to ack   p99 {}\n", micros(ack)));
    }
    if measured.start_ms > 0.0 {
        text.push_str(&format!("  start    {:.1} ms\n", measured.start_ms));
    }
    text + &format!("  memory   {:.0} MB at most\n", measured.peak_rss_mb)
}

fn lines(file: Option<&Path>) -> Result<Arc<[String]>, Failure> {
    let text = match file {
        None => BUILT_IN_TEXT.to_owned(),
        Some(file) => fs::read_to_string(file)
            .map_err(|error| Failure::failed(format!("cannot read {}: {error}", file.display())))?,
    };
    let lines: Arc<[String]> = text.lines().take(LINES).map(str::to_owned).collect();
    if lines.is_empty() {
        return Err(Failure::usage("--file: the file has no lines"));
    }
    Ok(lines)
}

fn run_queue(args: &BenchQueueArgs, terminal: &Terminal) -> Result<Exit, Failure> {
    let seconds = check_seconds(args.seconds)?.as_secs_f64();
    if let (Some(messages), Some(folder)) = (args.fill_and_die, &args.folder) {
        fill_and_die(folder, messages)?;
    }
    let scratch = Scratch::new(args.folder.as_deref())?;
    let (measures, keys) = queue(&scratch, seconds, args.messages)?;
    if args.json {
        terminal.json(&keys)?;
        return Ok(Exit::Done);
    }
    let time = |us: Option<f64>| us.map(micros).unwrap_or_default();
    let rows: Vec<_> = measures
        .iter()
        .map(|measure| {
            vec![
                measure.what.clone(),
                count(measure.count),
                format!("{:.3} s", measure.seconds),
                rate(measure.per_second),
                time(measure.p50_us),
                time(measure.p99_us),
                format!("{:.0} MB", measure.rss_mb),
            ]
        })
        .collect();
    terminal
        .line(&table(&["what ", "messages", "time", "speed", "p50", "p99", "memory"], &rows))?;
    Ok(Exit::Done)
}

fn run_pipeline(
    args: &BenchPipelineArgs,
    registry: &Registry,
    terminal: &Terminal,
) -> Result<Exit, Failure> {
    let scratch = Scratch::new(args.folder.as_deref())?;
    let measure = |delivery| {
        let plan = Pipeline {
            lines: args.lines,
            file: args.file.as_deref(),
            threads: args.threads,
            delivery,
            store: Some(args.store.as_str()).filter(|store| *store != "sqlite"),
        };
        pipeline(&scratch, &plan, registry)
    };
    match args.delivery {
        DeliveryArg::ExactlyOnce => {
            show(&measure(Delivery::ExactlyOnce)?, args.json, terminal, pipeline_text)
        }
        DeliveryArg::AtLeastOnce => {
            show(&measure(Delivery::AtLeastOnce)?, args.json, terminal, pipeline_text)
        }
        DeliveryArg::Both => {
            let at_least_once = measure(Delivery::AtLeastOnce)?;
            let exactly_once = measure(Delivery::ExactlyOnce)?;
            let ratio = exactly_once.tuples_per_s / at_least_once.tuples_per_s;
            if args.json {
                terminal.json(&json!({
                    "at_least_once": at_least_once,
                    "exactly_once": exactly_once,
                    "ratio": ratio,
                }))?;
            } else {
                terminal.line(&pipeline_text(&at_least_once))?;
                terminal.line(&pipeline_text(&exactly_once))?;
                terminal.line(&format!("exactly once is at {ratio:.3} of at least once"))?;
            }
            Ok(Exit::Done)
        }
    }
}

fn pipeline_text(measured: &Pipelined) -> String {
    let mut text = format!(
        "{} lines from the queue into {}, {}, in {:.2} s: {}\n  sending them before: {}\n  \
         latency  p50 {}, p99 {} (all lines waited in the queue)\n  start    {:.1} ms\n  \
         memory   {:.0} MB at most\n  the table counts {} lines\n",
        count(measured.lines),
        measured.store,
        measured.delivery.replace('_', " "),
        measured.seconds,
        rate(measured.tuples_per_s),
        rate(measured.send_per_s),
        micros(measured.p50_us),
        micros(measured.p99_us),
        measured.start_ms,
        measured.peak_rss_mb,
        count(measured.counted),
    );
    if measured.commits > 0 {
        let (commits, drain) = (count(measured.commits), micros(measured.drain_us as f64));
        text.push_str(&format!("  {commits} commits, the spouts waited {drain} for the last\n"));
    }
    text
}

fn run_state(
    args: &BenchStateArgs,
    registry: &Registry,
    terminal: &Terminal,
) -> Result<Exit, Failure> {
    let scratch = Scratch::new(args.folder.as_deref())?;
    let plan = StatePlan {
        seconds: check_seconds(args.seconds)?.as_secs_f64(),
        people: args.people,
        restaurants: args.restaurants,
        rate: args.rate,
        threads: args.threads,
        memory: args.memory.clone(),
    };
    let measured = state(&scratch, &plan, registry)?;
    show(&measured, args.json, terminal, |measured: &StateMeasured| {
        format!(
            "{} events in {:.1} s: {}, {:.1} minutes of them\n  {} commits, {} rows\n  \
             state    {} keys, {:.0} MB on disk\n  memory   {:.0} MB at most\n  \
             restart  {:.0} ms until it goes on\n",
            count(measured.events),
            measured.seconds,
            rate(measured.events_per_s),
            measured.minutes,
            count(measured.commits),
            count(measured.rows),
            count(measured.keys),
            measured.state_mb,
            measured.peak_rss_mb,
            measured.restart_ms,
        )
    })
}

fn run_freshness(
    args: &BenchFreshnessArgs,
    registry: &Registry,
    terminal: &Terminal,
) -> Result<Exit, Failure> {
    let scratch = Scratch::new(args.folder.as_deref())?;
    let store = Some(args.store.as_str()).filter(|store| *store != "sqlite");
    let measured = freshness(&scratch, args.rate, args.probes, store, registry)?;
    show(&measured, args.json, terminal, |measured: &Freshness| {
        format!(
            "from the queue until it can be read in {}, at {}: half within {}, 99 of 100 within {}, \
             all {} within {}\n",
            measured.store,
            rate(f64::from(measured.rate)),
            micros(measured.p50_ms * 1e3),
            micros(measured.p99_ms * 1e3),
            count(measured.probes),
            micros(measured.max_ms * 1e3),
        )
    })
}

fn run_crash(args: &BenchCrashArgs, terminal: &Terminal) -> Result<Exit, Failure> {
    let scratch = Scratch::new(args.folder.as_deref())?;
    let plan = Plan {
        kills: args.kills,
        messages: args.messages,
        seed: args.seed,
        store: args.store.as_deref(),
        memory: &args.memory,
    };
    let crashed = match crash(&scratch, &plan) {
        Ok(crashed) if crashed.wrong.is_empty() => crashed,
        other => {
            let kept = format!("queue, state and log are in {}", scratch.keep().display());
            terminal.note(&kept);
            other?
        }
    };
    show(&crashed, args.json, terminal, |crashed: &Crashed| {
        let mut text = format!(
            "{} kills in {:.0} s, {} of them at a named step of recovery or commit; {} messages\n",
            count(u64::from(crashed.kills)),
            crashed.seconds,
            crashed.at_steps,
            count(crashed.messages),
        );
        match crashed.wrong.as_slice() {
            [] => {
                text.push_str("  right: every count, sum, distinct, top and message is as sent\n")
            }
            wrong => wrong.iter().for_each(|line| text.push_str(&format!("  wrong: {line}\n"))),
        }
        text
    })?;
    Ok(if crashed.wrong.is_empty() { Exit::Done } else { Exit::Failed })
}

fn show<T: Serialize>(
    value: &T,
    json: bool,
    terminal: &Terminal,
    text: impl FnOnce(&T) -> String,
) -> Result<Exit, Failure> {
    if json {
        terminal.json(value)?
    } else {
        terminal.line(&text(value))?
    }
    Ok(Exit::Done)
}
