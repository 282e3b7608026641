//! The shares that are sent, and what the tables must hold of them: computed here by itself.

use std::collections::{BTreeMap, BTreeSet};

use squall_components::parse::{rfc3339, sql_datetime};

const MINUTE: i64 = 60_000_000;
/// 2026-01-01, in microseconds.
const START: i64 = 1_767_225_600_000_000;
const CITIES: [&str; 4] = ["Lyon", "Porto", "Gent", "Graz"];
const RESTAURANTS: u64 = 60;
const PEOPLE: u64 = 400;

/// A table as texts, a row a line, sorted.
pub(super) type Rows = BTreeSet<Vec<String>>;

/// Makes shares up, and knows what comes of them.
pub(super) struct Truth {
    rng: fastrand::Rng,
    pub(super) sent: u64,
    restaurants: BTreeMap<(&'static str, String), Restaurant>,
    minutes: BTreeMap<(i64, &'static str), Minute>,
    firsts: BTreeSet<(String, String)>,
}

#[derive(Default)]
struct Restaurant {
    people: BTreeSet<String>,
    shares: u64,
    amount: u64,
}

#[derive(Default)]
struct Minute {
    people: BTreeSet<String>,
    shares: u64,
    most: u64,
}

impl Truth {
    pub(super) fn new(seed: u64) -> Self {
        Truth {
            rng: fastrand::Rng::with_seed(seed),
            sent: 0,
            restaurants: BTreeMap::new(),
            minutes: BTreeMap::new(),
            firsts: BTreeSet::new(),
        }
    }

    /// The next share, as JSON.
    pub(super) fn share(&mut self) -> String {
        let number = self.rng.u64(..RESTAURANTS).min(self.rng.u64(..RESTAURANTS));
        let city = CITIES[(number % CITIES.len() as u64) as usize];
        let restaurant = format!("restaurant-{number}");
        // A few people share all the time.
        let user = match self.rng.u64(..4) {
            0 => format!("user-{}", self.rng.u64(..5)),
            _ => format!("user-{}", self.rng.u64(..PEOPLE)),
        };
        let amount = self.rng.u64(1..100);
        // A little out of order, but never late.
        let at = START + self.sent as i64 * 50_000 - self.rng.i64(0..3_000_000);
        let id = self.sent;
        self.sent += 1;

        let known = self.restaurants.entry((city, restaurant.clone())).or_default();
        known.people.insert(user.clone());
        known.shares += 1;
        known.amount += amount;
        let minute = self.minutes.entry((at - at.rem_euclid(MINUTE), city)).or_default();
        minute.people.insert(user.clone());
        minute.shares += 1;
        minute.most = minute.most.max(amount);
        self.firsts.insert((user.clone(), restaurant.clone()));
        let at = rfc3339(at);
        format!(
            r#"{{"id":{id},"restaurant":"{restaurant}","city":"{city}","user":"{user}","amount":{amount},"at":"{at}"}}"#
        )
    }

    /// The tables by their queries, each with its rows.
    pub(super) fn tables(&self) -> Vec<(&'static str, &'static str, Rows)> {
        let text = |number: u64| number.to_string();
        let people = self.restaurants.iter().map(|((city, restaurant), known)| {
            let people = text(known.people.len() as u64);
            vec![
                (*city).to_owned(),
                restaurant.clone(),
                people,
                text(known.shares),
                text(known.amount),
            ]
        });
        let minutes = self.minutes.iter().map(|((start, city), known)| {
            let people = text(known.people.len() as u64);
            vec![
                sql_datetime(*start),
                (*city).to_owned(),
                people,
                text(known.shares),
                text(known.most),
            ]
        });
        let sums = self.restaurants.iter().map(|((_, restaurant), known)| {
            vec![restaurant.clone(), text(known.shares), text(known.amount)]
        });
        vec![
            (
                "people",
                "SELECT city, restaurant, people, shares, amount FROM crash_people",
                people.collect(),
            ),
            (
                "minutes",
                "SELECT window_start, city, people, shares, most FROM crash_minutes",
                minutes.collect(),
            ),
            ("best", "SELECT city, `rank`, restaurant, people FROM crash_best", self.best()),
            ("sums", "SELECT restaurant, shares, amount FROM crash_sums", sums.collect()),
        ]
    }

    fn best(&self) -> Rows {
        let of_city = |city: &'static str| {
            let all = self.restaurants.iter().filter(|((of, _), _)| *of == city);
            let mut all: Vec<_> =
                all.map(|((_, name), known)| (known.people.len(), name.clone())).collect();
            all.sort_by(|a, b| b.0.cmp(&a.0).then_with(|| a.1.cmp(&b.1)));
            all.into_iter().take(3).enumerate().map(move |(place, (people, name))| {
                vec![city.to_owned(), (place + 1).to_string(), name, people.to_string()]
            })
        };
        CITIES.into_iter().flat_map(of_city).collect()
    }

    /// The messages of the queue, each of them once.
    pub(super) fn firsts(&self) -> Vec<String> {
        let message = |(user, restaurant): &(String, String)| {
            format!(r#"{{"user":"{user}","restaurant":"{restaurant}"}}"#)
        };
        let mut all: Vec<_> = self.firsts.iter().map(message).collect();
        all.sort_unstable();
        all
    }
}
