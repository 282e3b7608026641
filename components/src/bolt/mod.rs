//! Bolts that turn tuples into tuples.

mod access_log;
mod count;
mod csv;
mod filter;
mod json;
mod map;
mod parser;
mod regex;
mod split;
mod window;

pub(crate) use access_log::AccessLogConfig;
pub(crate) use count::{Count, CountConfig};
pub(crate) use csv::CsvConfig;
pub(crate) use filter::{Filter, FilterConfig};
pub(crate) use json::JsonConfig;
pub(crate) use map::{Map, MapConfig};
pub(crate) use parser::ParserBolt;
pub(crate) use regex::RegexConfig;
pub(crate) use split::{Split, SplitConfig};
pub(crate) use window::{Window, WindowConfig};
