//! `syslog`: the fields of a line of syslog.

use chrono::{Datelike, Utc};
use chrono_tz::Tz;
use schemars::JsonSchema;
use serde::Deserialize;
use squall_framework::{Kind, Problem};

use super::parser::{ParserConfig, RowParser, no_field};
use crate::{
    parse::{ParseError, Scalar, Syslog, SyslogTime},
    zones::{at_wall, zone},
};

/// Options of the bolt `syslog`.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct SyslogConfig {
    /// The fields to emit, of facility, severity, time, host, app, pid, id, data and message; by
    /// default all.
    #[serde(default)]
    fields: Vec<String>,
    /// The time zone of times that do not say theirs, such as Europe/Paris; by default UTC.
    #[serde(default)]
    timezone: Option<String>,
    /// The year of times that do not say theirs; by default the last one in which that day is not more
    /// than a day away in the future.
    #[serde(default)]
    year: Option<i32>,
    /// The field with the line; by default `body`, or the only one that holds text.
    #[serde(default)]
    field: Option<String>,
    /// Fields of the tuple to hand on.
    #[serde(default)]
    keep: Vec<String>,
}

const FIELDS: [(&str, Kind); 9] = [
    ("facility", Kind::Text),
    ("severity", Kind::Text),
    ("time", Kind::Timestamp),
    ("host", Kind::Text),
    ("app", Kind::Text),
    ("pid", Kind::Text),
    ("id", Kind::Text),
    ("data", Kind::Text),
    ("message", Kind::Text),
];
const DAY: i64 = 86_400_000_000;

pub(crate) struct SyslogParser {
    fields: Vec<(&'static str, Kind)>,
    zone: Tz,
    year: Option<i32>,
}

impl ParserConfig for SyslogConfig {
    type Parser = SyslogParser;

    fn field(&self) -> Option<&str> {
        self.field.as_deref()
    }

    fn keep(&self) -> &[String] {
        &self.keep
    }

    fn parser(&self) -> Result<SyslogParser, Problem> {
        let zone = self.timezone.as_deref().map_or(Ok(Tz::UTC), zone)?;
        let named = self.fields.iter().enumerate().map(|(index, name)| {
            FIELDS.into_iter().find(|field| field.0 == name).ok_or_else(|| {
                no_field("a line of syslog", name, index, &FIELDS.map(|field| field.0))
            })
        });
        let fields = match self.fields.is_empty() {
            true => FIELDS.to_vec(),
            false => named.collect::<Result<_, _>>()?,
        };
        Ok(SyslogParser { fields, zone, year: self.year })
    }
}

impl SyslogParser {
    fn moment(&self, time: SyslogTime) -> Option<i64> {
        let (month, day, seconds) = match time {
            SyslogTime::Moment(moment) => return Some(moment),
            SyslogTime::Wall(month, day, seconds) => (month, day, seconds),
        };
        let in_year = |year| at_wall(self.zone, SyslogTime::wall(month, day, seconds, year)?);
        if let Some(year) = self.year {
            return in_year(year);
        }
        let now = Utc::now();
        // Back to the last leap year, for a 29th of February.
        let years = (0..9).map(|ago| now.year() + 1 - ago);
        years.filter_map(in_year).find(|moment| *moment <= now.timestamp_micros() + DAY)
    }
}

impl RowParser for SyslogParser {
    fn fields(&self) -> Vec<(String, Kind)> {
        self.fields.iter().map(|(name, kind)| ((*name).to_owned(), *kind)).collect()
    }

    fn parse<'a>(&self, text: &'a str, row: &mut Vec<Scalar<'a>>) -> Result<bool, ParseError> {
        let read = Syslog::parse(text)?;
        let text =
            |text: Option<&'a str>| text.map_or(Scalar::Null, |text| Scalar::Text(text.into()));
        for (name, _) in &self.fields {
            row.push(match *name {
                "facility" => text(read.facility),
                "severity" => text(read.severity),
                "time" => {
                    let moment = read.time.and_then(|time| self.moment(time));
                    moment.map_or(Scalar::Null, Scalar::Timestamp)
                }
                "host" => text(read.host),
                "app" => text(read.app),
                "pid" => text(read.pid),
                "id" => text(read.id),
                "data" => read.data.clone().map_or(Scalar::Null, |data| Scalar::Text(data.into())),
                _ => text(Some(read.message)),
            });
        }
        Ok(true)
    }
}
