//! Bolts that turn tuples into tuples.

mod access_log;
mod count;
mod csv;
mod dedupe;
mod event_time;
mod filter;
mod join;
mod json;
mod keyed;
mod lookup;
mod map;
mod parser;
mod regex;
mod split;
mod top;
mod watermark;
mod window;

pub(crate) use access_log::AccessLogConfig;
pub(crate) use count::{Count, CountConfig};
pub(crate) use csv::CsvConfig;
pub(crate) use dedupe::{Dedupe, DedupeConfig};
pub(crate) use filter::{Filter, FilterConfig};
pub(crate) use join::{Join, JoinConfig};
pub(crate) use json::JsonConfig;
pub(crate) use lookup::{Lookup, LookupConfig};
pub(crate) use map::{Map, MapConfig};
pub(crate) use parser::ParserBolt;
pub(crate) use regex::RegexConfig;
pub(crate) use split::{Split, SplitConfig};
pub(crate) use top::{Top, TopConfig};
pub(crate) use window::{Window, WindowConfig};
