//! Parsers: plain functions from a text to typed fields, without anything of a topology in them.
//!
//! All of them borrow from the text where they can, never panic on any input, and name the field
//! and the text when something does not fit.

mod access_log;
mod convert;
mod csv;
mod error;
mod field;
mod grok;
mod json;
mod logfmt;
mod regex;
mod syslog;
mod time;

pub use access_log::AccessLog;
pub use convert::{Kind, Scalar};
pub use csv::{CsvFields, CsvOptions};
pub use error::ParseError;
pub use field::{Field, FieldSpec};
pub use grok::{grok, grok_names};
pub use json::JsonFields;
pub use logfmt::LogfmtFields;
pub use regex::RegexFields;
pub use syslog::{Syslog, SyslogTime};
pub use time::{BadTimeFormat, TimeFormat, date_of, rfc3339, sql_datetime};
