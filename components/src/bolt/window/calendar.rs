//! Where panes begin: at every multiple of their length, by UTC or by the clock of a place.
//!
//! By a place's clock panes of an hour or a part of one are all equally long, so that the hour that
//! comes twice in autumn makes two panes. Longer ones, which divide a day or are days, begin when
//! the clock on the wall first shows a multiple of their length: a day has 23 or 25 hours when the
//! clock is changed, and so has the pane of that night an hour more or less.

use chrono::{DateTime, Offset, TimeZone};
use chrono_tz::Tz;

const SECOND: i64 = 1_000_000;
pub(super) const HOUR: i64 = 3_600 * SECOND;
pub(super) const DAY: i64 = 24 * HOUR;
/// 1970 began on a Thursday; weeks begin on Monday.
const TO_MONDAY: i64 = 3 * DAY;
/// No zone is as far from UTC as this.
const FAR: i64 = 26 * HOUR;

/// Numbers panes and knows when they begin. Times are microseconds since 1970-01-01 UTC.
#[derive(Debug)]
pub(super) struct Calendar {
    length: i64,
    zone: Option<Tz>,
    /// From the beginning of a pane to 1970-01-01.
    shift: i64,
    /// The pane that was asked for last: its beginning, the next one's, and its number.
    last: (i64, i64, i64),
}

impl Calendar {
    /// Panes of so many microseconds.
    pub(super) fn new(length: i64, zone: Option<Tz>) -> Self {
        let shift = if length % (7 * DAY) == 0 { TO_MONDAY } else { 0 };
        Self { length, zone, shift, last: (0, 0, 0) }
    }

    /// The pane of a moment.
    pub(super) fn pane(&mut self, at: i64) -> i64 {
        let (first, next, pane) = self.last;
        if first <= at && at < next {
            return pane;
        }
        let mut pane = (at + self.ahead(at) + self.shift).div_euclid(self.length);
        let mut next = self.start(pane + 1);
        // The clock was put back: it shows again what it showed in the pane before.
        while next <= at {
            pane += 1;
            next = self.start(pane + 1);
        }
        self.last = (self.start(pane), next, pane);
        pane
    }

    /// When a pane begins.
    pub(super) fn start(&self, pane: i64) -> i64 {
        let shown = pane.saturating_mul(self.length) - self.shift;
        if self.zone.is_none() {
            return shown;
        }
        let (early, late) = (self.ahead(shown - FAR), self.ahead(shown + FAR));
        if early == late {
            return shown - early;
        }
        let change = self.change(shown - FAR, shown + FAR);
        if shown - early < change { shown - early } else { change.max(shown - late) }
    }

    /// When between these moments the clock is changed.
    fn change(&self, mut before: i64, mut after: i64) -> i64 {
        let early = self.ahead(before);
        while after - before > 1 {
            let middle = i64::midpoint(before, after);
            if self.ahead(middle) == early { before = middle } else { after = middle }
        }
        after
    }

    /// How far the clock is ahead of UTC, as far as that matters to where panes begin.
    fn ahead(&self, at: i64) -> i64 {
        let Some(zone) = self.zone else { return 0 };
        let Some(time) = DateTime::from_timestamp_micros(at) else { return 0 };
        let offset = zone.offset_from_utc_datetime(&time.naive_utc()).fix();
        let ahead = i64::from(offset.local_minus_utc()) * SECOND;
        if HOUR % self.length == 0 { ahead.rem_euclid(self.length) } else { ahead }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use proptest::prelude::*;

    fn at(text: &str) -> i64 {
        DateTime::parse_from_rfc3339(text).unwrap().timestamp_micros()
    }

    fn panes(zone: &str, length: i64, from: &str, to: &str) -> Vec<String> {
        let mut calendar = Calendar::new(length, Some(crate::zones::zone(zone).unwrap()));
        let (from, to) = (calendar.pane(at(from)), calendar.pane(at(to)));
        (from..=to)
            .map(|pane| {
                let (start, end) = (calendar.start(pane), calendar.start(pane + 1));
                let local = crate::zones::zone(zone).unwrap().timestamp_micros(start).unwrap();
                format!("{} +{}m", local.format("%d %H:%M"), (end - start) / 60 / SECOND)
            })
            .collect()
    }

    #[test]
    fn days_have_23_and_25_hours_when_the_clock_is_changed() {
        let day = panes("Europe/Paris", DAY, "2026-03-28T12:00:00Z", "2026-03-30T12:00:00Z");
        assert_eq!(day, ["28 00:00 +1440m", "29 00:00 +1380m", "30 00:00 +1440m"]);
        let day = panes("Europe/Paris", DAY, "2026-10-24T12:00:00Z", "2026-10-26T12:00:00Z");
        assert_eq!(day, ["24 00:00 +1440m", "25 00:00 +1500m", "26 00:00 +1440m"]);
    }

    #[test]
    fn the_hour_that_comes_twice_makes_two_panes() {
        let hours = panes("Europe/Paris", HOUR, "2026-10-24T23:00:00Z", "2026-10-25T02:00:00Z");
        assert_eq!(hours, ["25 01:00 +60m", "25 02:00 +60m", "25 02:00 +60m", "25 03:00 +60m"]);
        let hours = panes("Europe/Paris", HOUR, "2026-03-29T00:00:00Z", "2026-03-29T01:00:00Z");
        assert_eq!(hours, ["29 01:00 +60m", "29 03:00 +60m"]);
    }

    #[test]
    fn parts_of_a_day_follow_the_clock_on_the_wall() {
        let parts = panes("Europe/Paris", 6 * HOUR, "2026-10-24T22:00:00Z", "2026-10-25T22:00:00Z");
        let expected = ["25 00:00 +420m", "25 06:00 +360m", "25 12:00 +360m", "25 18:00 +360m"];
        assert_eq!(parts, expected);
        let parts = panes("Europe/Paris", 2 * HOUR, "2026-10-24T22:00:00Z", "2026-10-25T03:00:00Z");
        assert_eq!(parts, ["25 00:00 +120m", "25 02:00 +180m", "25 04:00 +120m"]);
    }

    #[test]
    fn zones_of_half_hours_have_hours_of_their_own() {
        let hours = panes("Asia/Kolkata", HOUR, "2026-01-01T00:00:00Z", "2026-01-01T00:40:00Z");
        assert_eq!(hours, ["01 05:00 +60m", "01 06:00 +60m"]);
    }

    #[test]
    fn days_without_a_midnight_begin_when_they_begin() {
        // In São Paulo the clock went from 0:00 to 1:00 on 2018-11-04.
        let days = panes("America/Sao_Paulo", DAY, "2018-11-03T12:00:00Z", "2018-11-04T12:00:00Z");
        assert_eq!(days, ["03 00:00 +1440m", "04 01:00 +1380m"]);
        // Samoa had no 30th of December in 2011.
        let days = panes("Pacific/Apia", DAY, "2011-12-29T20:00:00Z", "2011-12-31T20:00:00Z");
        assert_eq!(days, ["29 00:00 +1440m", "31 00:00 +0m", "31 00:00 +1440m", "01 00:00 +1440m"]);
    }

    #[test]
    fn weeks_begin_on_monday() {
        let mut weeks = Calendar::new(7 * DAY, None);
        let pane = weeks.pane(at("2026-01-01T00:00:00Z"));
        assert_eq!(weeks.start(pane), at("2025-12-29T00:00:00Z"));
    }

    #[test]
    fn a_zone_that_is_none_is_named() {
        let problem = crate::zones::zone("Europe/Pari").unwrap_err();
        assert_eq!(problem.help.unwrap(), "did you mean `Europe/Paris`?");
    }

    proptest! {
        /// Every moment is in exactly one pane, whatever the zone and the time.
        #[test]
        fn panes_follow_each_other(
            zone in 0..chrono_tz::TZ_VARIANTS.len(),
            length in prop_oneof![Just(HOUR / 4), Just(HOUR), Just(3 * HOUR), Just(DAY), Just(7 * DAY)],
            moments in proptest::collection::vec(0i64..2_000_000_000, 1..50),
        ) {
            let mut calendar = Calendar::new(length, Some(chrono_tz::TZ_VARIANTS[zone]));
            for second in moments {
                for at in [second * SECOND, second * SECOND + 1] {
                    let pane = calendar.pane(at);
                    prop_assert!(calendar.start(pane) <= at && at < calendar.start(pane + 1));
                }
            }
        }
    }
}
