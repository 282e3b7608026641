//! Every component that this crate has.

use squall_framework::{ComponentType, Registry};

use crate::{
    bolt::{
        AccessLogConfig, Count, CountConfig, CsvConfig, Dedupe, DedupeConfig, Filter, FilterConfig,
        GrokConfig, Join, JoinConfig, JsonConfig, LogfmtConfig, Lookup, LookupConfig, Map,
        MapConfig, Mask, MaskConfig, ParserBolt, RegexConfig, Route, RouteConfig, Sample,
        SampleConfig, Shell, ShellConfig, Split, SplitConfig, SyslogConfig, Timestamp,
        TimestampConfig, Top, TopConfig, Window, WindowConfig,
    },
    sink::{
        FileConfig, FileSink, Print, PrintConfig, QueueSink, QueueSinkConfig, SqlConfig, SqlSink,
    },
    spout::{Generator, GeneratorConfig, Lines, LinesConfig, QueueSpout, QueueSpoutConfig},
};

/// The component types that every Squall has, with their documentation.
///
/// ```
/// use squall_framework::Role;
///
/// let registry = squall_components::registry();
/// let json = registry.get(Role::Bolt, "json").unwrap();
/// assert_eq!(json.summary(), "Takes fields from a JSON object.");
/// ```
pub fn registry() -> Registry {
    let mut registry = Registry::default();
    let components = [
        ComponentType::spout::<QueueSpoutConfig, _>("queue", QueueSpout::new)
            .docs(include_str!("../docs/spout-queue.md")),
        ComponentType::spout::<LinesConfig, _>("lines", Lines::new)
            .docs(include_str!("../docs/spout-lines.md")),
        ComponentType::spout::<GeneratorConfig, _>("generator", Generator::new)
            .docs(include_str!("../docs/spout-generator.md")),
        ComponentType::bolt::<JsonConfig, _>("json", ParserBolt::new)
            .docs(include_str!("../docs/json.md")),
        ComponentType::bolt::<CsvConfig, _>("csv", ParserBolt::new)
            .docs(include_str!("../docs/csv.md")),
        ComponentType::bolt::<RegexConfig, _>("regex", ParserBolt::new)
            .docs(include_str!("../docs/regex.md")),
        ComponentType::bolt::<AccessLogConfig, _>("access_log", ParserBolt::new)
            .docs(include_str!("../docs/access_log.md")),
        ComponentType::bolt::<LogfmtConfig, _>("logfmt", ParserBolt::new)
            .docs(include_str!("../docs/logfmt.md")),
        ComponentType::bolt::<GrokConfig, _>("grok", ParserBolt::new)
            .docs(include_str!("../docs/grok.md")),
        ComponentType::bolt::<SyslogConfig, _>("syslog", ParserBolt::new)
            .docs(include_str!("../docs/syslog.md")),
        ComponentType::bolt::<TimestampConfig, _>("timestamp", Timestamp::new)
            .docs(include_str!("../docs/timestamp.md")),
        ComponentType::bolt::<SplitConfig, _>("split", Split::new)
            .docs(include_str!("../docs/split.md")),
        ComponentType::bolt::<FilterConfig, _>("filter", Filter::new)
            .docs(include_str!("../docs/filter.md")),
        ComponentType::bolt::<RouteConfig, _>("route", Route::new)
            .docs(include_str!("../docs/route.md")),
        ComponentType::bolt::<SampleConfig, _>("sample", Sample::new)
            .docs(include_str!("../docs/sample.md")),
        ComponentType::bolt::<MaskConfig, _>("mask", Mask::new)
            .docs(include_str!("../docs/mask.md")),
        ComponentType::bolt::<MapConfig, _>("map", Map::new).docs(include_str!("../docs/map.md")),
        ComponentType::bolt::<LookupConfig, _>("lookup", Lookup::new)
            .docs(include_str!("../docs/lookup.md")),
        ComponentType::bolt::<DedupeConfig, _>("dedupe", Dedupe::new)
            .docs(include_str!("../docs/dedupe.md")),
        ComponentType::bolt::<JoinConfig, _>("join", Join::new)
            .docs(include_str!("../docs/join.md")),
        ComponentType::bolt::<TopConfig, _>("top", Top::new).docs(include_str!("../docs/top.md")),
        ComponentType::batch_bolt::<CountConfig, _>("count", Count::new)
            .docs(include_str!("../docs/count.md")),
        ComponentType::bolt::<WindowConfig, _>("window", Window::new)
            .docs(include_str!("../docs/window.md")),
        ComponentType::batch_bolt::<ShellConfig, _>("shell", Shell::new)
            .docs(include_str!("../docs/shell.md")),
        ComponentType::batch_bolt::<SqlConfig, _>("sql", SqlSink::new)
            .docs(include_str!("../docs/sql.md")),
        ComponentType::batch_bolt::<FileConfig, _>("file", FileSink::new)
            .docs(include_str!("../docs/file.md")),
        ComponentType::batch_bolt::<QueueSinkConfig, _>("queue", QueueSink::new)
            .docs(include_str!("../docs/queue.md")),
        ComponentType::batch_bolt::<PrintConfig, _>("print", Print::new)
            .docs(include_str!("../docs/print.md")),
    ];
    for component in components {
        registry.add(component);
    }
    registry
}
