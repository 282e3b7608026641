//! Durations and sizes as people write them.

use std::borrow::Cow;
use std::fmt;
use std::ops::Deref;
use std::str::FromStr;
use std::time::Duration;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{Deserialize, Deserializer, Error, Unexpected, Visitor};
use serde::{Serialize, Serializer};

const TIME_SPAN: &str = "a duration such as 500ms, 30s or 1h30m";
const BYTE_SIZE: &str = "a size such as 512, 64KiB or 10MB";

/// A duration, written `500ms`, `30s`, `1h30m`, `7d`. Units: `us`, `ms`, `s`, `m`, `h`, `d`. A
/// number without a unit is refused, except 0.
///
/// ```
/// use squall_config::TimeSpan;
/// let span: TimeSpan = "1h30m".parse()?;
/// assert_eq!(span.as_secs(), 5_400);
/// assert_eq!(span.to_string(), "1h30m");
/// # Ok::<(), String>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct TimeSpan(pub Duration);

/// A number of bytes, written `512`, `64KiB`, `10MB`. Units: `B`, `kB`, `MB`, `GB`, `TB` (powers of
/// 1,000) and `KiB`, `MiB`, `GiB`, `TiB` (powers of 1,024).
///
/// ```
/// use squall_config::ByteSize;
/// assert_eq!("64KiB".parse(), Ok(ByteSize(65_536)));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct ByteSize(pub u64);

/// Microseconds of each unit, largest first.
const TIME_UNITS: [(&str, u64); 6] = [
    ("d", 86_400_000_000),
    ("h", 3_600_000_000),
    ("m", 60_000_000),
    ("s", 1_000_000),
    ("ms", 1_000),
    ("us", 1),
];

/// Bytes of each unit. The binary ones come first, largest first, for those are written.
const SIZE_UNITS: [(&str, u64); 9] = [
    ("TiB", 1 << 40),
    ("GiB", 1 << 30),
    ("MiB", 1 << 20),
    ("KiB", 1 << 10),
    ("B", 1),
    ("kB", 1_000),
    ("MB", 1_000_000),
    ("GB", 1_000_000_000),
    ("TB", 1_000_000_000_000),
];

impl FromStr for TimeSpan {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("expected {TIME_SPAN}, found `{text}`");
        let mut rest = text.trim();
        if rest == "0" {
            return Ok(Self::default());
        }
        let mut micros: u64 = 0;
        let mut smallest = u64::MAX;
        while micros == 0 && smallest == u64::MAX || !rest.is_empty() {
            let digits = rest.find(|c: char| !c.is_ascii_digit()).ok_or_else(wrong)?;
            let number: u64 = rest[..digits].parse().map_err(|_| wrong())?;
            let after = rest[digits..].trim_start();
            let end = after.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(after.len());
            let unit = TIME_UNITS.iter().find(|(name, _)| *name == &after[..end]);
            let (_, size) = unit.filter(|(_, size)| *size < smallest).ok_or_else(wrong)?;
            let part = number.checked_mul(*size).ok_or_else(wrong)?;
            micros = micros.checked_add(part).ok_or_else(wrong)?;
            smallest = *size;
            rest = after[end..].trim_start();
        }
        Ok(Self(Duration::from_micros(micros)))
    }
}

impl FromStr for ByteSize {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("expected {BYTE_SIZE}, found `{text}`");
        let text = text.trim();
        let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
        let number: u64 = text[..digits].parse().map_err(|_| wrong())?;
        let unit = match text[digits..].trim() {
            "" => "B",
            unit => unit,
        };
        let same = |name: &str| name.eq_ignore_ascii_case(unit);
        let (_, size) = SIZE_UNITS.iter().find(|(name, _)| same(name)).ok_or_else(wrong)?;
        number.checked_mul(*size).map(Self).ok_or_else(wrong)
    }
}

impl fmt::Display for TimeSpan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut rest = u64::try_from(self.0.as_micros()).unwrap_or(u64::MAX);
        if rest == 0 {
            return f.write_str("0s");
        }
        for (unit, size) in TIME_UNITS {
            if rest >= size {
                write!(f, "{}{unit}", rest / size)?;
                rest %= size;
            }
        }
        Ok(())
    }
}

impl fmt::Display for ByteSize {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let fits = |(_, size): &&(&str, u64)| self.0 >= *size && self.0.is_multiple_of(*size);
        let (unit, size) = SIZE_UNITS.iter().find(fits).unwrap_or(&("B", 1));
        write!(f, "{}{unit}", self.0 / size)
    }
}

impl Deref for TimeSpan {
    type Target = Duration;

    fn deref(&self) -> &Duration {
        &self.0
    }
}

impl Deref for ByteSize {
    type Target = u64;

    fn deref(&self) -> &u64 {
        &self.0
    }
}

impl From<Duration> for TimeSpan {
    fn from(duration: Duration) -> Self {
        Self(duration)
    }
}

impl From<TimeSpan> for Duration {
    fn from(span: TimeSpan) -> Self {
        span.0
    }
}

impl From<u64> for ByteSize {
    fn from(bytes: u64) -> Self {
        Self(bytes)
    }
}

impl Serialize for TimeSpan {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl Serialize for ByteSize {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

struct TimeSpanVisitor;

impl Visitor<'_> for TimeSpanVisitor {
    type Value = TimeSpan;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(TIME_SPAN)
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<TimeSpan, E> {
        text.parse().map_err(|_| E::invalid_value(Unexpected::Str(text), &self))
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<TimeSpan, E> {
        match number {
            0 => Ok(TimeSpan::default()),
            _ => Err(E::invalid_type(Unexpected::Unsigned(number), &self)),
        }
    }
}

struct ByteSizeVisitor;

impl Visitor<'_> for ByteSizeVisitor {
    type Value = ByteSize;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(BYTE_SIZE)
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<ByteSize, E> {
        text.parse().map_err(|_| E::invalid_value(Unexpected::Str(text), &self))
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<ByteSize, E> {
        Ok(ByteSize(number))
    }
}

impl<'de> Deserialize<'de> for TimeSpan {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(TimeSpanVisitor)
    }
}

impl<'de> Deserialize<'de> for ByteSize {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ByteSizeVisitor)
    }
}

impl JsonSchema for TimeSpan {
    fn schema_name() -> Cow<'static, str> {
        "TimeSpan".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": ["string", "integer"],
            "description": TIME_SPAN,
            "pattern": r"^\s*(0|(\d+\s*(d|h|m|s|ms|us)\s*)+)$",
            "maximum": 0,
        })
    }
}

impl JsonSchema for ByteSize {
    fn schema_name() -> Cow<'static, str> {
        "ByteSize".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": ["string", "integer"],
            "description": BYTE_SIZE,
            "pattern": r"^\s*\d+\s*([kKmMgGtT]?[iI]?[bB])?\s*$",
            "minimum": 0,
        })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn durations_read_and_show() {
        for text in ["1us", "500ms", "30s", "1m", "1h30m", "7d", "1d2h3m4s5ms6us", "0s"] {
            assert_eq!(text.parse::<TimeSpan>().unwrap().to_string(), text);
        }
        assert_eq!("1h 30m".parse::<TimeSpan>().unwrap().as_secs(), 5_400);
        for wrong in ["", "5", "s", "1x", "1s1h", "1s1s", "-1s", "1.5s", "999999999999999d", "1s "]
        {
            assert_eq!(wrong.parse::<TimeSpan>().is_ok(), wrong == "1s ", "{wrong}");
        }
    }

    #[test]
    fn sizes_read_and_show() {
        for (text, bytes) in [("0B", 0), ("512B", 512), ("64KiB", 65_536), ("3MiB", 3 << 20)] {
            assert_eq!(text.parse(), Ok(ByteSize(bytes)));
            assert_eq!(ByteSize(bytes).to_string(), text);
        }
        assert_eq!("10MB".parse(), Ok(ByteSize(10_000_000)));
        assert_eq!("10 mib".parse(), Ok(ByteSize(10 << 20)));
        for wrong in ["", "KiB", "1XB", "-1", "1.5MB", "99999999999TiB"] {
            assert!(wrong.parse::<ByteSize>().is_err(), "{wrong}");
        }
    }
}
