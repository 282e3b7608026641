//! `timestamp`: a text becomes a moment, by its format and the clock of a place.

use chrono_tz::Tz;
use schemars::JsonSchema;
use serde::Deserialize;
use squall_framework::{
    Bolt, Error, Inputs, Kind, Output, Problem, Result, Schema, Streams, TaskContext, Tuple,
    ValueRef,
};

use super::{parser::not_prepared, regex::Mismatch};
use crate::{
    columns::{Columns, kind_of},
    parse::TimeFormat,
    zones::{at_wall, zone},
};

/// Options of the bolt `timestamp`.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct TimestampConfig {
    /// The field with the text or number.
    field: String,
    /// How it is written: `auto`, `unix`, `unix_ms`, `unix_us`, or a pattern such as
    /// `%d/%m/%Y %H:%M`.
    #[serde(default)]
    format: TimeFormat,
    /// The time zone of texts that do not say theirs, such as Europe/Paris; by default UTC.
    #[serde(default)]
    timezone: Option<String>,
    /// The field for the moment; by default it replaces the text.
    #[serde(default)]
    into: Option<String>,
    /// What becomes of a tuple whose text is no time: it fails as a data error, or is passed over.
    #[serde(default)]
    mismatch: Mismatch,
}

pub(crate) struct Timestamp {
    config: TimestampConfig,
    ready: Option<Ready>,
}

struct Ready {
    zone: Tz,
    /// The text, then the fields that are handed on.
    columns: Columns,
}

impl Timestamp {
    pub(crate) fn new(config: &TimestampConfig) -> Result<Self> {
        Ok(Self { config: config.clone(), ready: None })
    }

    fn into(&self) -> &str {
        self.config.into.as_deref().unwrap_or(&self.config.field)
    }

    fn kept(&self, inputs: &Inputs) -> Vec<String> {
        let common = inputs.common();
        common.names().filter(|name| *name != self.into()).map(str::to_owned).collect()
    }

    /// The moment that a value means; null of a null.
    fn moment(&self, value: ValueRef<'_>, zone: Tz) -> Option<Option<i64>> {
        let format = &self.config.format;
        let moment = match value {
            ValueRef::Null => return Some(None),
            ValueRef::Timestamp(moment) => Some(moment),
            ValueRef::Int(number) => format.number(number),
            ValueRef::Float(number) => format.fraction(number),
            ValueRef::Text(text) => {
                let text = text.trim_ascii();
                let moment = format.parse(text)?;
                if format.says_zone(text) { Some(moment) } else { at_wall(zone, moment) }
            }
            _ => None,
        };
        moment.map(Some)
    }
}

impl Bolt for Timestamp {
    fn declare(&self, inputs: &Inputs) -> Result<Streams, Problem> {
        let found = inputs.require(&self.config.field).map_err(|problem| problem.at("field"));
        let zone = self.config.timezone.as_deref().map(zone).transpose();
        Problem::all(found.err().into_iter().chain(zone.err()))?;
        let kept = self.kept(inputs).into_iter().map(|name| {
            let kind = kind_of(inputs, &name);
            (name, kind)
        });
        let into = (self.into().to_owned(), Kind::Timestamp);
        Ok(Streams::one(Schema::new(kept.chain([into]))))
    }

    fn prepare(&mut self, context: &TaskContext) -> Result<()> {
        let kept = self.kept(context.inputs());
        let names = [self.config.field.as_str()];
        let names = names.into_iter().chain(kept.iter().map(String::as_str));
        let zone = self.config.timezone.as_deref().map_or(Ok(Tz::UTC), zone)?;
        self.ready = Some(Ready {
            zone,
            columns: Columns::new(context.inputs(), names.collect::<Vec<_>>())?,
        });
        Ok(())
    }

    fn execute(&mut self, tuple: &Tuple<'_>, out: &mut Output) -> Result<()> {
        let ready = self.ready.as_ref().ok_or_else(not_prepared)?;
        let Some((&source, kept)) = ready.columns.of(tuple).split_first() else {
            return Err(not_prepared());
        };
        let value = tuple.at(source);
        let Some(moment) = self.moment(value, ready.zone) else {
            return match self.config.mismatch {
                Mismatch::Skip => Ok(()),
                Mismatch::Fail => {
                    let Timestamp { config: TimestampConfig { field, format, .. }, .. } = self;
                    Err(Error::data(format!(
                        "field `{field}`: `{value}` is no time written as {format}"
                    )))
                }
            };
        };
        let mut row: Vec<_> = kept.iter().map(|&column| tuple.at(column)).collect();
        row.push(moment.map_or(ValueRef::Null, ValueRef::Timestamp));
        out.emit(&row)
    }
}
