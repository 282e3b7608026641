//! What the table of speeds consists of.

/// What is measured in turn, so that whatever else the machine does falls on all of it alike.
pub(crate) struct Part {
    /// What the command line selects it by.
    pub(crate) name: &'static str,
    pub(crate) steps: &'static [Step],
    pub(crate) rows: &'static [Row],
    /// How often; the median is what counts.
    pub(crate) runs: usize,
}

/// One measurement, which gives a flat JSON object.
pub(crate) enum Step {
    /// `squall bench` with these arguments.
    Bench(&'static [&'static str]),
    /// Two threads by hand that hand over so many messages a second.
    Handover { rate: u32 },
    /// From the start of `squall run` to the first tuple that it prints.
    FirstTuple,
    /// Reading and checking a topology of 200 components.
    Validation,
    /// Upserts into a MariaDB of their own.
    MariaDb,
}

/// A line of the table.
pub(crate) struct Row {
    pub(crate) what: &'static str,
    pub(crate) figure: Figure,
    pub(crate) unit: Unit,
    /// What it should be: at least, for rates and shares; at most, for times and memory.
    pub(crate) target: Option<f64>,
}

/// What a line shows of the steps of its part, which are told by their place.
pub(crate) enum Figure {
    /// The median of what is behind this key.
    Of(usize, &'static str),
    /// The median of the ratios of the tuples a second of two steps, run by run.
    Ratio(usize, usize),
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unit {
    PerSecond,
    Share,
    Micros,
    Millis,
    Seconds,
    Megabytes,
}

use Figure::{Of, Ratio};
use Step::{Bench, FirstTuple, Handover, MariaDb, Validation};
use Unit::{Megabytes, Micros, Millis, PerSecond, Seconds, Share};

/// Stands for the number of seconds in the arguments of a step.
pub(crate) const SECONDS: &str = "{seconds}";
const RUNS: usize = 5;

const fn row(what: &'static str, figure: Figure, unit: Unit, target: f64) -> Row {
    Row { what, figure, unit, target: Some(target) }
}

/// A line that is there for comparison.
const fn beside(what: &'static str, figure: Figure, unit: Unit) -> Row {
    Row { what, figure, unit, target: None }
}

const fn part(name: &'static str, steps: &'static [Step], rows: &'static [Row]) -> Part {
    Part { name, steps, rows, runs: RUNS }
}

macro_rules! engine {
    ($workload:literal $(, $more:literal)*) => {
        Bench(&["engine", "--threads", "2", "--seconds", SECONDS, "--workload", $workload $(, $more)*])
    };
}

/// With acks, without, and the hand-written loop, in this order.
macro_rules! beside_by_hand {
    ($workload:literal) => {
        &[
            engine!($workload, "--acks", "on"),
            engine!($workload, "--acks", "off"),
            engine!($workload, "--baseline"),
        ]
    };
}

const RATE: &str = "tuples_per_s";

/// All parts, in the order in which they are measured.
pub(crate) const PARTS: &[Part] = &[
    part(
        "const",
        beside_by_hand!("const"),
        &[
            row("const, acks on", Of(0, RATE), PerSecond, 30e6),
            row("const, acks on, of the hand-written loop", Ratio(0, 2), Share, 0.35),
            row("const, acks on, of acks off", Ratio(0, 1), Share, 0.85),
            beside("const, acks off", Of(1, RATE), PerSecond),
            beside("const, hand-written loop", Of(2, RATE), PerSecond),
            row("const, resident memory at most", Of(0, "peak_rss_mb"), Megabytes, 40.0),
            beside("const, start of the engine to the first tuple", Of(0, "start_ms"), Millis),
        ],
    ),
    part(
        "relay",
        beside_by_hand!("relay"),
        &[
            row("relay, acks on", Of(0, RATE), PerSecond, 15e6),
            row("relay, acks on, of the hand-written loop", Ratio(0, 2), Share, 0.30),
            row("relay, acks on, of acks off", Ratio(0, 1), Share, 0.80),
            beside("relay, acks off", Of(1, RATE), PerSecond),
            beside("relay, hand-written loop", Of(2, RATE), PerSecond),
        ],
    ),
    part(
        "wordcount",
        beside_by_hand!("wordcount"),
        &[
            row("wordcount, acks on, in words", Of(0, RATE), PerSecond, 12e6),
            row("wordcount, acks on, of the hand-written loop", Ratio(0, 2), Share, 0.45),
            row("wordcount, acks on, of acks off", Ratio(0, 1), Share, 0.85),
            beside("wordcount, acks off", Of(1, RATE), PerSecond),
            beside("wordcount, hand-written loop", Of(2, RATE), PerSecond),
        ],
    ),
    part(
        "fanout8",
        &[engine!("fanout8", "--acks", "on"), engine!("fanout8", "--acks", "off")],
        &[
            beside("fanout8, acks on", Of(0, RATE), PerSecond),
            row("fanout8, acks on, of acks off", Ratio(0, 1), Share, 0.80),
        ],
    ),
    part(
        "columns20",
        beside_by_hand!("columns20"),
        &[
            beside("columns20, acks on", Of(0, RATE), PerSecond),
            row("columns20, acks on, of acks off", Ratio(0, 1), Share, 0.80),
            beside("columns20, acks on, of the hand-written loop", Ratio(0, 2), Share),
        ],
    ),
    part(
        "latency",
        &[engine!("latency", "--rate", "10000"), Handover { rate: 10_000 }],
        &[
            row("latency at 10,000/s, p50", Of(0, "p50_us"), Micros, 60.0),
            row("latency at 10,000/s, p99", Of(0, "p99_us"), Micros, 400.0),
            row("latency at 10,000/s, p99.9", Of(0, "p999_us"), Micros, 1_500.0),
            row("latency at 10,000/s, to the ack, p99", Of(0, "ack_p99_us"), Micros, 600.0),
            beside("hand-over by hand at 10,000/s, p50", Of(1, "p50_us"), Micros),
            beside("hand-over by hand at 10,000/s, p99", Of(1, "p99_us"), Micros),
        ],
    ),
    part(
        "latency",
        &[engine!("latency", "--rate", "100000"), Handover { rate: 100_000 }],
        &[
            row("latency at 100,000/s, p50", Of(0, "p50_us"), Micros, 60.0),
            row("latency at 100,000/s, p99", Of(0, "p99_us"), Micros, 400.0),
            row("latency at 100,000/s, p99.9", Of(0, "p999_us"), Micros, 1_500.0),
            row("latency at 100,000/s, to the ack, p99", Of(0, "ack_p99_us"), Micros, 600.0),
            beside("hand-over by hand at 100,000/s, p50", Of(1, "p50_us"), Micros),
            beside("hand-over by hand at 100,000/s, p99", Of(1, "p99_us"), Micros),
        ],
    ),
    part(
        "start",
        &[FirstTuple],
        &[row("start of the process to the first tuple", Of(0, "first_tuple_ms"), Millis, 60.0)],
    ),
    part(
        "validation",
        &[Validation],
        &[
            row("validation of 200 components", Of(0, "correct_ms"), Millis, 10.0),
            beside("validation of 200 components, with mistakes", Of(0, "wrong_ms"), Millis),
        ],
    ),
    part(
        "queue",
        &[Bench(&["queue", "--seconds", SECONDS, "--messages", "1000000"])],
        &[
            beside("disk: appends of 4 KB with a flush each", Of(0, "flushes_per_s"), PerSecond),
            row("queue, 16 producers singly", Of(0, "send_16x1_per_s"), PerSecond, 30e3),
            row("queue, 4 producers in 16s", Of(0, "send_4x16_per_s"), PerSecond, 120e3),
            row("queue, 4 producers in 1,000s", Of(0, "send_4x1000_per_s"), PerSecond, 1.2e6),
            row("queue, lease and settle 1 million", Of(0, "lease_per_s"), PerSecond, 2e6),
            beside("queue, claim and settle 1 million", Of(0, "claim_per_s"), PerSecond),
            row("queue, open after a kill with 1 million", Of(0, "open_s"), Seconds, 0.2),
        ],
    ),
    part(
        "backlog",
        &[Bench(&["queue", "--seconds", "0.1", "--messages", "20000000"])],
        &[
            row("queue, open after a kill with 20 million", Of(0, "open_s"), Seconds, 1.0),
            row(
                "queue, resident memory with 20 million waiting (target: 10 million)",
                Of(0, "waiting_rss_mb"),
                Megabytes,
                200.0,
            ),
        ],
    ),
    part(
        "pipeline",
        &[Bench(&["pipeline"])],
        &[row("access log from the queue into SQLite, in lines", Of(0, RATE), PerSecond, 500e3)],
    ),
    // The benchmark takes the median of five runs by itself.
    Part {
        name: "mariadb",
        steps: &[MariaDb],
        rows: &[
            row("SQL into MariaDB, rows, 2 connections", Of(0, "rows_2_per_s"), PerSecond, 150e3),
            row("SQL into MariaDB, rows, 4 connections", Of(0, "rows_4_per_s"), PerSecond, 150e3),
        ],
        runs: 1,
    },
];
