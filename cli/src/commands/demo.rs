//! `squall demo`: the hottest restaurants, live, from made-up events.

use std::{
    fs,
    path::Path,
    thread,
    time::{Duration, Instant},
};

use serde_json::json;
use squall_broker::QueueAttributes;
use squall_components::generate::Shares;
use squall_framework::Registry;

use crate::{
    args::DemoArgs,
    demo::{Agreement, Board, FLAKY, Made, Source, Table, prepare, topology},
    failure::{Exit, Failure},
    local::DataFolder,
    logs,
    run::{Outcome, Session, Signals, Summary},
    terminal::Terminal,
    text::{count, plural},
};

const LOOK: Duration = Duration::from_millis(20);
/// How often the board is drawn where somebody watches, and elsewhere.
const DRAW: (Duration, Duration) = (Duration::from_millis(500), Duration::from_secs(1));
/// The topology has so long to finish what was sent.
const DRAIN: Duration = Duration::from_secs(60);

pub(super) fn run(
    args: &DemoArgs,
    registry: Registry,
    terminal: &Terminal,
) -> Result<Exit, Failure> {
    if args.seconds.is_some_and(|seconds| !(seconds > 0.0 && seconds < 1e9)) {
        return Err(Failure::usage("--seconds: not a number of seconds above 0"));
    }
    let signals = Signals::listen()?;
    logs::quiet_panics();
    prepare(&args.folder)?;
    let results = args.folder.join("results.db");
    let restaurants = args.folder.join("restaurants.csv");
    write_restaurants(&restaurants)?;
    let file = topology(registry, &results, &restaurants)?;
    let folder = DataFolder::open(&args.folder)?;
    let queue = folder.store().create_queue("shares", &QueueAttributes::default())?;
    let session = Session::start(file, folder)?;
    let source = Source::start(queue, args.seed, args.rate)?;
    let mut board = Board::new(Table::new(&results));
    watch(args, &session, &source, &mut board, &signals, terminal)?;

    let made = source.stop()?;
    let finished = finish(&session);
    let mut table = board.into_table();
    let summary =
        session.end(if finished { Outcome::Done } else { Outcome::Undrained }, made.shares);
    let agreement = table.compare(&made)?;
    terminal.clear();
    tell(args, &summary, &made, &agreement, terminal)?;
    Ok(if agreement.agree && finished && summary.dead_letters == 0 {
        Exit::Done
    } else {
        Exit::Failed
    })
}

/// Where the restaurants of the generator are, for the topology to look up.
fn write_restaurants(path: &Path) -> Result<(), Failure> {
    let mut text = String::from("restaurant,city,district\n");
    for (restaurant, city, district) in Shares::restaurants() {
        text.push_str(&format!("{restaurant},{city},{district}\n"));
    }
    fs::write(path, text)
        .map_err(|error| Failure::failed(format!("cannot write {}: {error}", path.display())))
}

/// Shows the board until the time is up or somebody asks to end.
fn watch(
    args: &DemoArgs,
    session: &Session,
    source: &Source,
    board: &mut Board,
    signals: &Signals,
    terminal: &Terminal,
) -> Result<(), Failure> {
    let every = if terminal.is_watched() { DRAW.0 } else { DRAW.1 };
    let mut drawn = Instant::now();
    loop {
        let elapsed = session.elapsed();
        let over = args.seconds.is_some_and(|seconds| elapsed.as_secs_f64() >= seconds);
        if signals.asked() || over || source.has_ended() {
            return Ok(());
        }
        if drawn.elapsed() >= every && !args.json {
            drawn = Instant::now();
            let (snapshot, backlog) = (session.snapshot(), session.backlog());
            source.made(|made| board.show(&snapshot, made, backlog, elapsed, terminal))?;
        }
        thread::sleep(LOOK);
    }
}

/// Waits until everything that was sent is in the table.
fn finish(session: &Session) -> bool {
    let deadline = Instant::now() + DRAIN;
    while !session.is_idle() {
        if Instant::now() > deadline {
            return false;
        }
        thread::sleep(LOOK);
    }
    session.drain(DRAIN)
}

fn tell(
    args: &DemoArgs,
    summary: &Summary,
    made: &Made,
    agreement: &Agreement,
    terminal: &Terminal,
) -> Result<(), Failure> {
    if args.json {
        terminal.json(&json!({ "summary": summary, "agreement": agreement }))?;
        return Ok(());
    }
    terminal.note(&summary.text(terminal));
    let restaurants = made.by_restaurant.len() as u64;
    let restarts =
        summary.components.iter().find(|part| part.id == FLAKY).map_or(0, |part| part.restarts);
    terminal.line(&format!(
        "{} of {} were sent to the queue; {FLAKY} panicked and was restarted {} meanwhile",
        plural(agreement.shares, "share"),
        plural(restaurants, "restaurant"),
        if restarts == 1 { "once".to_owned() } else { format!("{restarts} times") },
    ))?;
    terminal.line(&format!(
        "the generator has {} for restaurants and hours; the table has {}, of which {} are wrong",
        plural(agreement.expected, "row"),
        count(agreement.rows),
        count(agreement.wrong),
    ))?;
    terminal.line(&if agreement.agree {
        format!("{}: table and generator agree exactly", terminal.green("right"))
    } else {
        format!("{}: table and generator do not agree", terminal.red("wrong"))
    })?;
    terminal.line(&format!(
        "the table stays in {}/results.db until the next demo",
        args.folder.display()
    ))?;
    Ok(())
}
