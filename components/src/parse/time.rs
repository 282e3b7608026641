//! Timestamps: microseconds since 1970-01-01 UTC, and the ways people write them.
//!
//! The common layouts are read by hand, because a general pattern costs ten times as much. A text
//! without a zone is taken as UTC.

use std::{fmt, str::FromStr};

use chrono::{DateTime, NaiveDate, NaiveDateTime, format::Item, format::StrftimeItems};
use serde::{Deserialize, Serialize};
use thiserror::Error;

/// Microseconds in a second.
const SECOND: i64 = 1_000_000;
/// Microseconds in a day.
const DAY: i64 = 86_400 * SECOND;

/// How a timestamp is written.
///
/// ```
/// use squall_components::parse::TimeFormat;
///
/// let auto = TimeFormat::Auto;
/// let expected = Some(1_431_857_103_000_000);
/// assert_eq!(auto.parse("2015-05-17T10:05:03Z"), expected);
/// assert_eq!(auto.parse("2015-05-17 12:05:03+02:00"), expected);
/// assert_eq!(auto.parse("1431857103"), expected);
/// let pattern: TimeFormat = "%d/%b/%Y:%H:%M:%S %z".parse().unwrap();
/// assert_eq!(pattern.parse("17/May/2015:10:05:03 +0000"), expected);
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum TimeFormat {
    /// RFC 3339, the same with a blank for the `T` or without a zone, a date alone, or a number
    /// whose size tells seconds from milli-, micro- and nanoseconds (for dates after 1973).
    #[default]
    Auto,
    /// Seconds since 1970, with or without a fraction.
    Unix,
    /// Milliseconds since 1970.
    UnixMillis,
    /// Microseconds since 1970.
    UnixMicros,
    /// A pattern of `strftime`, as [`chrono`](https://docs.rs/chrono/latest/chrono/format/strftime/index.html) reads it.
    Pattern(String),
}

/// A pattern that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error(
    "`{0}` is not a time format; write auto, unix, unix_ms, unix_us or a pattern such as %Y-%m-%d %H:%M:%S"
)]
pub struct BadTimeFormat(String);

impl FromStr for TimeFormat {
    type Err = BadTimeFormat;

    fn from_str(text: &str) -> Result<Self, BadTimeFormat> {
        Ok(match text {
            "auto" | "rfc3339" => Self::Auto,
            "unix" => Self::Unix,
            "unix_ms" => Self::UnixMillis,
            "unix_us" => Self::UnixMicros,
            _ => {
                let bad = StrftimeItems::new(text).any(|item| matches!(item, Item::Error));
                if bad || !text.contains('%') {
                    return Err(BadTimeFormat(text.to_owned()));
                }
                Self::Pattern(text.to_owned())
            }
        })
    }
}

impl fmt::Display for TimeFormat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Auto => "auto",
            Self::Unix => "unix",
            Self::UnixMillis => "unix_ms",
            Self::UnixMicros => "unix_us",
            Self::Pattern(pattern) => pattern,
        })
    }
}

impl From<TimeFormat> for String {
    fn from(format: TimeFormat) -> Self {
        format.to_string()
    }
}

impl TimeFormat {
    /// The moment that `text` names, if it has this format.
    pub fn parse(&self, text: &str) -> Option<i64> {
        match self {
            Self::Auto => parse_iso(text.as_bytes()).or_else(|| self.parse_number(text)),
            Self::Pattern(pattern) => parse_pattern(text, pattern),
            _ => self.parse_number(text),
        }
    }

    /// Whether a text of this format that names a moment says in which zone, or needs none.
    pub(crate) fn says_zone(&self, text: &str) -> bool {
        match self {
            Self::Unix | Self::UnixMillis | Self::UnixMicros => true,
            Self::Pattern(pattern) => {
                ["%z", "%:z", "%::z", "%#z", "%s", "%+"].iter().any(|part| pattern.contains(part))
            }
            // A sign behind the date is that of an offset, and without a date it is a number.
            Self::Auto => {
                text.get(4..5).is_none_or(|dash| dash != "-")
                    || text.ends_with(['Z', 'z'])
                    || text.get(10..).is_some_and(|time| time.contains(['+', '-']))
            }
        }
    }

    fn parse_number(&self, text: &str) -> Option<i64> {
        match text.parse() {
            Ok(number) => self.number(number),
            // Checked first, for a number may be spelt out: `infinity`.
            Err(_) if text.starts_with(|c: char| c.is_ascii_digit() || c == '-') => {
                self.fraction(text.parse().ok()?)
            }
            Err(_) => None,
        }
    }

    /// The moment that an integer means.
    pub(crate) fn number(&self, number: i64) -> Option<i64> {
        match self {
            Self::Unix => number.checked_mul(SECOND),
            Self::UnixMillis => number.checked_mul(1_000),
            Self::UnixMicros => Some(number),
            Self::Auto => match number.unsigned_abs() {
                0..100_000_000_000 => number.checked_mul(SECOND),
                100_000_000_000..100_000_000_000_000 => number.checked_mul(1_000),
                100_000_000_000_000..100_000_000_000_000_000 => Some(number),
                _ => Some(number.div_euclid(1_000)),
            },
            Self::Pattern(pattern) => parse_pattern(&number.to_string(), pattern),
        }
    }

    /// The moment that a number with a fraction means.
    pub(crate) fn fraction(&self, number: f64) -> Option<i64> {
        let micros = match self {
            Self::Unix => number * 1e6,
            Self::UnixMillis => number * 1e3,
            Self::UnixMicros => number,
            Self::Auto if number.abs() < 1e11 => number * 1e6,
            Self::Auto if number.abs() < 1e14 => number * 1e3,
            Self::Auto => number,
            Self::Pattern(_) => return None,
        };
        (micros.abs() < 9e18).then_some(micros.round() as i64)
    }
}

fn parse_pattern(text: &str, pattern: &str) -> Option<i64> {
    if let Ok(time) = DateTime::parse_from_str(text, pattern) {
        return Some(time.timestamp_micros());
    }
    if let Ok(time) = NaiveDateTime::parse_from_str(text, pattern) {
        return Some(time.and_utc().timestamp_micros());
    }
    let date = NaiveDate::parse_from_str(text, pattern).ok()?;
    Some(date.and_hms_opt(0, 0, 0)?.and_utc().timestamp_micros())
}

/// `YYYY-MM-DD`, then nothing or `T` or a blank and `HH:MM[:SS[.fraction]]`, then nothing, `Z` or
/// an offset.
fn parse_iso(text: &[u8]) -> Option<i64> {
    let date = days(digits(text, 0, 4)?, digits(text, 5, 2)?, digits(text, 8, 2)?)? * DAY;
    if text.get(4) != Some(&b'-') || text.get(7) != Some(&b'-') {
        return None;
    }
    match text.get(10) {
        None => return Some(date),
        Some(b'T' | b't' | b' ') => {}
        Some(_) => return None,
    }
    let (hour, minute) = (digits(text, 11, 2)?, digits(text, 14, 2)?);
    let (mut second, mut micros, mut at) = (0, 0, 16);
    if text.get(16) == Some(&b':') {
        (second, at) = (digits(text, 17, 2)?, 19);
    }
    if at == 19 && matches!(text.get(at), Some(b'.' | b',')) {
        let mut unit = 100_000;
        at += 1;
        let start = at;
        while let Some(digit @ b'0'..=b'9') = text.get(at) {
            micros += i64::from(digit - b'0') * unit;
            unit /= 10;
            at += 1;
        }
        if at == start {
            return None;
        }
    }
    let offset = offset(text.get(at..)?)?;
    Some(date + clock(hour, minute, second)? + micros - offset)
}

/// `17/May/2015:10:05:03 +0000`, the layout of web servers' logs.
pub(super) fn parse_clf(text: &[u8]) -> Option<i64> {
    let punctuation = [(2, b'/'), (6, b'/'), (11, b':'), (14, b':'), (17, b':'), (20, b' ')];
    if text.len() != 26 || punctuation.iter().any(|&(at, byte)| text[at] != byte) {
        return None;
    }
    let month = match &text[3..6] {
        b"Jan" => 1,
        b"Feb" => 2,
        b"Mar" => 3,
        b"Apr" => 4,
        b"May" => 5,
        b"Jun" => 6,
        b"Jul" => 7,
        b"Aug" => 8,
        b"Sep" => 9,
        b"Oct" => 10,
        b"Nov" => 11,
        b"Dec" => 12,
        _ => return None,
    };
    let date = days(digits(text, 7, 4)?, month, digits(text, 0, 2)?)? * DAY;
    let time = clock(digits(text, 12, 2)?, digits(text, 15, 2)?, digits(text, 18, 2)?)?;
    Some(date + time - offset(&text[21..])?)
}

/// Nothing, `Z`, `+HH`, `+HHMM` or `+HH:MM`, in microseconds.
fn offset(text: &[u8]) -> Option<i64> {
    let sign = match text.first() {
        None => return Some(0),
        Some(b'Z' | b'z') if text.len() == 1 => return Some(0),
        Some(b'+') => 1,
        Some(b'-') => -1,
        Some(_) => return None,
    };
    let minutes = match text.len() {
        3 => 0,
        5 => digits(text, 3, 2)?,
        6 if text[3] == b':' => digits(text, 4, 2)?,
        _ => return None,
    };
    Some(sign * clock(digits(text, 1, 2)?, minutes, 0)?)
}

/// A second of 60 is a leap second and counts as the next one.
fn clock(hour: i64, minute: i64, second: i64) -> Option<i64> {
    (hour < 24 && minute < 60 && second <= 60)
        .then_some((hour * 3600 + minute * 60 + second) * SECOND)
}

fn digits(text: &[u8], at: usize, count: usize) -> Option<i64> {
    text.get(at..at + count)?.iter().try_fold(0, |number, byte| {
        byte.is_ascii_digit().then(|| number * 10 + i64::from(byte - b'0'))
    })
}

/// Days from 1970-01-01 to a date of the Gregorian calendar; years run from March, so that the
/// leap day is the last of its year.
fn days(year: i64, month: i64, day: i64) -> Option<i64> {
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let length = match month {
        2 => 28 + i64::from(leap),
        4 | 6 | 9 | 11 => 30,
        1..=12 => 31,
        _ => return None,
    };
    if !(1..=length).contains(&day) {
        return None;
    }
    let year = if month <= 2 { year - 1 } else { year };
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let leap_days = year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400);
    Some(year * 365 + leap_days + day_of_year - 719_468)
}

/// Year, month and day of a moment in UTC.
pub fn date_of(micros: i64) -> (i64, u8, u8) {
    let days = micros.div_euclid(DAY) + 719_468;
    let era = days.div_euclid(146_097);
    let of_era = days.rem_euclid(146_097);
    let year_of_era = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    (year_of_era + era * 400 + i64::from(month <= 2), month as u8, day as u8)
}

fn write(micros: i64, separator: char) -> String {
    let (year, month, day) = date_of(micros);
    let second = micros.rem_euclid(DAY) / SECOND;
    let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
    let mut text =
        format!("{year:04}-{month:02}-{day:02}{separator}{hour:02}:{minute:02}:{second:02}");
    let fraction = micros.rem_euclid(SECOND);
    if fraction != 0 {
        text.push_str(&format!(".{fraction:06}"));
    }
    text
}

/// A moment by RFC 3339 in UTC: `2015-05-17T10:05:03Z`, with six more digits where they are needed.
pub fn rfc3339(micros: i64) -> String {
    let mut text = write(micros, 'T');
    text.push('Z');
    text
}

/// A moment as SQL writes it, in UTC: `2015-05-17 10:05:03`, with six more digits where they are needed.
pub fn sql_datetime(micros: i64) -> String {
    write(micros, ' ')
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn numbers_tell_their_unit_by_their_size() {
        let expected = Some(1_431_857_103_000_000);
        for text in ["1431857103", "1431857103000", "1431857103000000", "1431857103000000000"] {
            assert_eq!(TimeFormat::Auto.parse(text), expected, "{text}");
        }
        assert_eq!(TimeFormat::Unix.parse("1.5"), Some(1_500_000));
        assert_eq!(TimeFormat::UnixMillis.parse("1500"), Some(1_500_000));
    }

    #[test]
    fn texts_that_are_no_time_are_refused() {
        for text in [
            "",
            "2015",
            "2015-13-01x",
            "2015-02-29",
            "2015-05-17T25:00:00Z",
            "2015-05-17T10:05:03 x",
            "2015-05-17T10:05:03.",
            "2015/05/17",
            "infinity",
            "nan",
            "-",
            "2015-05-17T10:05:03+2",
        ] {
            let parsed = TimeFormat::Auto.parse(text);
            assert!(parsed.is_none() || text == "2015", "{text}: {parsed:?}");
        }
        assert!("%Q".parse::<TimeFormat>().is_err());
        assert!("seconds".parse::<TimeFormat>().is_err());
    }

    #[test]
    fn patterns_may_lack_a_zone_or_a_time() {
        let pattern: TimeFormat = "%d.%m.%Y %H:%M".parse().unwrap();
        assert_eq!(pattern.parse("01.01.1970 00:01"), Some(60_000_000));
        let pattern: TimeFormat = "%Y%m%d".parse().unwrap();
        assert_eq!(pattern.parse("19700102"), Some(DAY));
        assert_eq!(pattern.number(19_700_102), Some(DAY));
    }

    proptest! {
        #[test]
        fn agrees_with_chrono(micros in -62_000_000_000_000_000i64..253_402_300_799_000_000) {
            let expected = DateTime::from_timestamp_micros(micros).unwrap();
            let ours = rfc3339(micros);
            prop_assert_eq!(DateTime::parse_from_rfc3339(&ours).unwrap().timestamp_micros(), micros);
            prop_assert_eq!(parse_iso(ours.as_bytes()), Some(micros));
            let clf = expected.format("%d/%b/%Y:%H:%M:%S +0000").to_string();
            prop_assert_eq!(parse_clf(clf.as_bytes()), Some(micros.div_euclid(SECOND) * SECOND));
        }

        #[test]
        fn never_panics(text in "\\PC{0,40}", near in "[0-9T:+. /Za-z-]{0,30}") {
            for text in [text, near] {
                let _ = TimeFormat::Auto.parse(&text);
                let _ = TimeFormat::Unix.parse(&text);
                let _ = parse_clf(text.as_bytes());
                let _ = parse_pattern(&text, "%Y-%m-%d %H");
                let _ = text.parse::<TimeFormat>();
            }
        }
    }
}
