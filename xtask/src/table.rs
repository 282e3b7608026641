//! What the table of speeds consists of.

/// One measurement: arguments of `squall bench`, and which of its values are of interest.
pub(crate) struct Line {
    pub(crate) name: &'static str,
    pub(crate) arguments: &'static [&'static str],
    pub(crate) values: &'static [Value],
}

/// A key of the JSON that `squall bench` prints.
pub(crate) struct Value {
    pub(crate) key: &'static str,
}

const RATE: &[Value] = &[Value { key: "tuples_per_s" }];
const WITH_MEMORY: &[Value] =
    &[Value { key: "tuples_per_s" }, Value { key: "start_ms" }, Value { key: "peak_rss_mb" }];
const TIMES: &[Value] =
    &[Value { key: "p50_us" }, Value { key: "p99_us" }, Value { key: "p999_us" }];

macro_rules! engine {
    ($name:literal, $workload:literal, $values:expr $(, $more:literal)*) => {
        Line {
            name: $name,
            arguments: &["engine", "--threads", "2", "--seconds", "5", "--workload", $workload $(, $more)*],
            values: $values,
        }
    };
}

/// All lines, in the order in which they are measured: what is compared stands side by side.
pub(crate) const LINES: &[Line] = &[
    engine!("const, acks on", "const", WITH_MEMORY, "--acks", "on"),
    engine!("const, acks off", "const", RATE, "--acks", "off"),
    engine!("const, by hand", "const", RATE, "--baseline"),
    engine!("relay, acks on", "relay", RATE, "--acks", "on"),
    engine!("relay, acks off", "relay", RATE, "--acks", "off"),
    engine!("relay, by hand", "relay", RATE, "--baseline"),
    engine!("wordcount, acks on", "wordcount", RATE, "--acks", "on"),
    engine!("wordcount, acks off", "wordcount", RATE, "--acks", "off"),
    engine!("wordcount, by hand", "wordcount", RATE, "--baseline"),
    engine!("fanout8, acks on", "fanout8", RATE, "--acks", "on"),
    engine!("fanout8, acks off", "fanout8", RATE, "--acks", "off"),
    engine!("columns20, acks on", "columns20", RATE, "--acks", "on"),
    engine!("columns20, acks off", "columns20", RATE, "--acks", "off"),
    engine!("latency at 10,000/s", "latency", TIMES, "--rate", "10000"),
    engine!("latency at 100,000/s", "latency", TIMES, "--rate", "100000"),
    Line { name: "access log, queue to SQLite", arguments: &["pipeline"], values: RATE },
];
