//! People who share restaurants, a few of them far too often.

use super::{Events, popular};
use crate::{parse::rfc3339, values::write_json_text};

/// How many restaurants there are.
const RESTAURANTS: u64 = 120;
/// How many people there are.
const PEOPLE: u64 = 5_000;
/// Of so many shares one belongs to somebody who shares one and the same restaurant all the time.
const HEAVY: u64 = 8;
/// How many such people there are.
const HEAVY_PEOPLE: u64 = 12;
/// Microseconds from one share to the next, on average.
const STEP: u64 = 40_000;

const KINDS: [&str; 12] = [
    "noodle", "dumpling", "curry", "taco", "pizza", "ramen", "kebab", "sushi", "bistro", "grill",
    "vegan", "seafood",
];
const PLACES: [&str; 10] = [
    "harbour", "garden", "corner", "lantern", "station", "river", "market", "tower", "mill",
    "bridge",
];

const CITIES: [(&str, [&str; 2]); 4] = [
    ("Porto", ["Ribeira", "Foz"]),
    ("Lyon", ["Croix-Rousse", "Confluence"]),
    ("Graz", ["Lend", "Geidorf"]),
    ("Gent", ["Patershol", "Ledeberg"]),
];

/// Somebody shared a restaurant with somebody else.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Share {
    /// The restaurant, by a name such as `noodle-harbour-17`.
    pub restaurant: String,
    /// Who shared it.
    pub user: String,
    /// The messenger in which it was shared, one of two.
    pub via: &'static str,
    /// When, in microseconds since 1970-01-01 UTC.
    pub at: i64,
}

/// Shares of restaurants. One in eight belongs to a dozen people who share the same restaurant
/// again and again, so that a ranking by shares differs from one by people.
#[derive(Debug)]
pub struct Shares {
    rng: fastrand::Rng,
    at: i64,
}

impl Shares {
    /// The restaurants that there are, each with its city and district.
    pub fn restaurants() -> impl Iterator<Item = (String, &'static str, &'static str)> {
        (0..RESTAURANTS).map(|number| {
            let (city, districts) = CITIES[(number % CITIES.len() as u64) as usize];
            let district = districts[(number / 7 % districts.len() as u64) as usize];
            (name(number), city, district)
        })
    }

    /// Shares from `start` on, in microseconds since 1970-01-01 UTC.
    pub fn new(seed: u64, start: i64) -> Self {
        Self { rng: fastrand::Rng::with_seed(seed), at: start }
    }

    /// The next share.
    pub fn share(&mut self) -> Share {
        let rng = &mut self.rng;
        let (restaurant, user) = if rng.u64(..HEAVY) == 0 {
            let person = rng.u64(..HEAVY_PEOPLE);
            // Their favourites are among the less popular.
            (RESTAURANTS - 1 - person * 3, person)
        } else {
            (popular(rng, RESTAURANTS), HEAVY_PEOPLE + rng.u64(..PEOPLE))
        };
        let via = if rng.u8(..3) == 0 { "groups" } else { "chat" };
        self.at += rng.u64(1..2 * STEP) as i64;
        Share { restaurant: name(restaurant), user: format!("u{user}"), via, at: self.at }
    }
}

fn name(number: u64) -> String {
    let kind = KINDS[(number % KINDS.len() as u64) as usize];
    let place = PLACES[(number / 3 % PLACES.len() as u64) as usize];
    format!("{kind}-{place}-{number}")
}

impl Share {
    /// Appends the share as a JSON object.
    pub fn write(&self, to: &mut String) {
        to.push_str("{\"restaurant\":");
        write_json_text(&self.restaurant, to);
        to.push_str(",\"user\":");
        write_json_text(&self.user, to);
        to.push_str(",\"via\":\"");
        to.push_str(self.via);
        to.push_str("\",\"at\":\"");
        to.push_str(&rfc3339(self.at));
        to.push_str("\"}");
    }
}

impl Events for Shares {
    fn write(&mut self, to: &mut String) {
        self.share().write(to);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::{HashMap, HashSet};

    #[test]
    fn the_most_shared_is_not_what_most_people_share() {
        let mut shares = Shares::new(1, 0);
        let mut count: HashMap<String, (u32, HashSet<String>)> = HashMap::new();
        for _ in 0..50_000 {
            let share = shares.share();
            let entry = count.entry(share.restaurant).or_default();
            entry.0 += 1;
            entry.1.insert(share.user);
        }
        let heavy = &count[&name(RESTAURANTS - 1)];
        assert!(
            heavy.0 > 400 && heavy.1.len() < 200,
            "{} shares, {} people",
            heavy.0,
            heavy.1.len()
        );
        assert_eq!(count.len() as u64, RESTAURANTS);
    }
}
