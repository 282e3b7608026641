//! `access_log`: the fields of a web server's log line.

use schemars::JsonSchema;
use serde::Deserialize;
use squall_framework::{Kind, Problem};

use super::parser::{ParserConfig, RowParser, no_field};
use crate::parse::{AccessLog, ParseError, Scalar};

/// Options of the bolt `access_log`.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct AccessLogConfig {
    /// The fields to emit, of ip, ident, user, time, method, path, protocol, status, bytes,
    /// referer and agent; by default all. Few fields are faster.
    #[serde(default)]
    fields: Vec<String>,
    /// The field with the line; by default `body`, or the only one that holds text.
    #[serde(default)]
    field: Option<String>,
    /// Fields of the tuple to hand on.
    #[serde(default)]
    keep: Vec<String>,
}

struct LogField {
    name: &'static str,
    kind: Kind,
    take: for<'a> fn(&AccessLog<'a>) -> Scalar<'a>,
}

fn text<'a>(text: Option<&'a str>) -> Scalar<'a> {
    text.map_or(Scalar::Null, Scalar::borrowed)
}

const FIELDS: [LogField; 11] = [
    LogField { name: "ip", kind: Kind::Text, take: |log| Scalar::borrowed(log.ip) },
    LogField { name: "ident", kind: Kind::Text, take: |log| text(log.ident) },
    LogField { name: "user", kind: Kind::Text, take: |log| text(log.user) },
    LogField { name: "time", kind: Kind::Timestamp, take: |log| Scalar::Timestamp(log.time) },
    LogField { name: "method", kind: Kind::Text, take: |log| text(log.method) },
    LogField { name: "path", kind: Kind::Text, take: |log| Scalar::borrowed(log.path) },
    LogField { name: "protocol", kind: Kind::Text, take: |log| text(log.protocol) },
    LogField { name: "status", kind: Kind::Int, take: |log| Scalar::Int(i64::from(log.status)) },
    LogField { name: "bytes", kind: Kind::Int, take: |log| Scalar::Int(log.bytes) },
    LogField { name: "referer", kind: Kind::Text, take: |log| text(log.referer) },
    LogField { name: "agent", kind: Kind::Text, take: |log| text(log.agent) },
];

pub(crate) struct AccessLogParser(Vec<&'static LogField>);

impl ParserConfig for AccessLogConfig {
    type Parser = AccessLogParser;

    fn field(&self) -> Option<&str> {
        self.field.as_deref()
    }

    fn keep(&self) -> &[String] {
        &self.keep
    }

    fn parser(&self) -> Result<AccessLogParser, Problem> {
        if self.fields.is_empty() {
            return Ok(AccessLogParser(FIELDS.iter().collect()));
        }
        let mut fields = Vec::new();
        let mut problems = Vec::new();
        for (index, name) in self.fields.iter().enumerate() {
            match FIELDS.iter().find(|field| field.name == name) {
                Some(field) => fields.push(field),
                None => {
                    let names = FIELDS.map(|field| field.name);
                    problems.push(no_field("an access log", name, index, &names));
                }
            }
        }
        Problem::all(problems)?;
        Ok(AccessLogParser(fields))
    }
}

impl RowParser for AccessLogParser {
    fn fields(&self) -> Vec<(String, Kind)> {
        self.0.iter().map(|field| (field.name.to_owned(), field.kind)).collect()
    }

    fn parse<'a>(&self, text: &'a str, row: &mut Vec<Scalar<'a>>) -> Result<bool, ParseError> {
        let log = AccessLog::parse(text)?;
        row.extend(self.0.iter().map(|field| (field.take)(&log)));
        Ok(true)
    }
}
