//! Mistakes gathered, so that all are told at once.

use std::fmt;

use serde::Serialize;

use crate::{Code, Mistake, Severity, Style, render_all};

/// Nobody reads more than this, and a hostile file could have any number.
const MOST: usize = 1_000;

/// Gathers mistakes while a file is checked.
#[derive(Debug, Default, Clone)]
pub struct Report {
    mistakes: Vec<Mistake>,
}

impl Report {
    /// Nothing found yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Notes a mistake. What was said before is not said again, and a value that lacks its
    /// variable is not blamed a second time for what it is without it.
    pub fn add(&mut self, mistake: Mistake) {
        let known = self.mistakes.iter().any(|other| {
            other.place == mistake.place
                && (matches!(other.code, Code::UnsetVariable | Code::BadVariable)
                    || (other.code == mistake.code && other.message == mistake.message))
        });
        match self.mistakes.len() {
            _ if known => {}
            len if len < MOST => self.mistakes.push(mistake),
            MOST => {
                let message =
                    format!("there are more than {MOST} mistakes; this is the last one told");
                self.mistakes.push(Mistake::new(Code::TooLarge, mistake.place, message));
            }
            _ => {}
        }
    }

    /// Notes every mistake of `mistakes`.
    pub fn extend(&mut self, mistakes: impl IntoIterator<Item = Mistake>) {
        for mistake in mistakes {
            self.add(mistake);
        }
    }

    /// The value of `result`, or nothing and its mistakes noted.
    pub fn take<T>(&mut self, result: Result<T, Mistakes>) -> Option<T> {
        result.map_err(|mistakes| self.extend(mistakes)).ok()
    }

    /// Whether something prevents running.
    pub fn has_errors(&self) -> bool {
        self.mistakes.iter().any(|mistake| mistake.severity == Severity::Error)
    }

    /// Everything noted, errors and warnings, ordered by file and position.
    pub fn into_vec(self) -> Vec<Mistake> {
        let mut mistakes = self.mistakes;
        sort(&mut mistakes);
        mistakes
    }

    /// The warnings alone, or all the mistakes if there is an error among them.
    pub fn finish(self) -> Result<Vec<Mistake>, Mistakes> {
        let failed = self.has_errors();
        let all = self.into_vec();
        if failed { Err(Mistakes(all)) } else { Ok(all) }
    }
}

/// At least one mistake that prevents running, together with the warnings, ordered by file and
/// position. Shown as plain text; see [`render_all`] for colours and [`Serialize`] for JSON.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Mistakes(Vec<Mistake>);

impl Mistakes {
    /// In the order of the file.
    pub fn iter(&self) -> std::slice::Iter<'_, Mistake> {
        self.0.iter()
    }

    /// How many, warnings included. Never 0, so there is no `is_empty`.
    #[allow(clippy::len_without_is_empty)]
    pub fn len(&self) -> usize {
        self.0.len()
    }
}

fn sort(mistakes: &mut [Mistake]) {
    mistakes.sort_by(|a, b| {
        (a.place.file(), a.place.offset(), a.code).cmp(&(b.place.file(), b.place.offset(), b.code))
    });
}

impl From<Mistake> for Mistakes {
    fn from(mistake: Mistake) -> Self {
        Self(vec![mistake])
    }
}

impl IntoIterator for Mistakes {
    type Item = Mistake;
    type IntoIter = std::vec::IntoIter<Mistake>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

impl<'a> IntoIterator for &'a Mistakes {
    type Item = &'a Mistake;
    type IntoIter = std::slice::Iter<'a, Mistake>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl fmt::Display for Mistakes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&render_all(&self.0, Style::Plain))
    }
}

impl std::error::Error for Mistakes {}
