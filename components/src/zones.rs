//! Time zones by their names, and what a clock on a wall there means.

use std::str::FromStr;

use chrono::{DateTime, MappedLocalTime, NaiveDateTime, Offset, TimeDelta, TimeZone};
use chrono_tz::{TZ_VARIANTS, Tz};
use squall_config::did_you_mean;
use squall_framework::Problem;

/// The zone of this name, of the option `timezone`.
///
/// # Errors
/// There is none.
pub(crate) fn zone(name: &str) -> Result<Tz, Problem> {
    Tz::from_str(name).map_err(|_| {
        let problem = Problem::new(format!("there is no time zone `{name}`")).at("timezone");
        match did_you_mean(name, TZ_VARIANTS.iter().map(|zone| zone.name())) {
            Some(near) => problem.help(format!("did you mean `{near}`?")),
            None => problem.help("write a name such as Europe/Paris or UTC"),
        }
    })
}

/// The moment at which a clock in the zone shows what a clock in UTC shows at `shown`, both in
/// microseconds since 1970-01-01 UTC. Of the two in the hour that comes twice in autumn it is the first;
/// in the hour that is left out in spring it is as if the clock had not been changed yet.
pub(crate) fn at_wall(zone: Tz, shown: i64) -> Option<i64> {
    let wall = DateTime::from_timestamp_micros(shown)?.naive_utc();
    let of = |time: DateTime<Tz>| time.timestamp_micros();
    match zone.from_local_datetime(&wall) {
        MappedLocalTime::Single(time) | MappedLocalTime::Ambiguous(time, _) => Some(of(time)),
        MappedLocalTime::None => Some(shown - offset_before(zone, &wall)?),
    }
}

/// The offset of a zone a day before, in microseconds: no zone leaves an hour out two days running.
fn offset_before(zone: Tz, wall: &NaiveDateTime) -> Option<i64> {
    let before = wall.checked_sub_signed(TimeDelta::days(1))?;
    let offset = zone.offset_from_utc_datetime(&before).fix();
    Some(i64::from(offset.local_minus_utc()) * 1_000_000)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_wall_clock_means_a_moment() {
        let berlin = zone("Europe/Berlin").unwrap();
        let micros = |text: &str| DateTime::parse_from_rfc3339(text).unwrap().timestamp_micros();
        for (wall, moment) in [
            ("2026-01-15T12:00:00Z", "2026-01-15T11:00:00Z"),
            ("2026-07-15T12:00:00Z", "2026-07-15T10:00:00Z"),
            // Twice, and not at all.
            ("2026-10-25T02:30:00Z", "2026-10-25T00:30:00Z"),
            ("2026-03-29T02:30:00Z", "2026-03-29T01:30:00Z"),
        ] {
            assert_eq!(at_wall(berlin, micros(wall)), Some(micros(moment)), "{wall}");
        }
        assert!(zone("Europe/Berln").is_err());
    }
}
