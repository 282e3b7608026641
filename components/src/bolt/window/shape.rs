//! What kind of windows the options mean.

use std::fmt;

use chrono_tz::Tz;
use squall_config::TimeSpan;
use squall_framework::Problem;

use super::{
    calendar::DAY,
    config::{Emit, Every, WindowConfig},
    watermark::micros,
};
use crate::zones::zone;

/// A window consists of at most so many panes: each costs a little state for every group.
const MOST_PANES: i64 = 100_000;

/// The kind of windows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shape {
    /// One window for ever.
    Endless,
    /// Windows of `panes` times `every` tuples.
    Tuples { every: i64, panes: i64 },
    /// Windows of `panes` times `every` microseconds.
    Time { every: i64, panes: i64, zone: Option<Tz> },
    /// Windows that end when there was nothing for `gap` microseconds.
    Sessions { gap: i64 },
}

impl Shape {
    /// What the options mean.
    ///
    /// # Errors
    /// All that does not go together.
    pub(super) fn of(config: &WindowConfig) -> Result<Self, Problem> {
        let mut problems = misplaced(config);
        let kinds = [
            ("size", config.size.is_some()),
            ("gap", config.gap.is_some()),
            ("count", config.count.is_some()),
        ];
        let kinds: Vec<_> =
            kinds.iter().filter(|(_, given)| *given).map(|(name, _)| *name).collect();
        if let [first, other, ..] = kinds.as_slice() {
            let message = format!("`{first}` and `{other}` exclude each other");
            problems.push(Problem::new(message).at(*other));
        }
        let shape = match (config.size, config.gap, config.count) {
            (Some(size), ..) => Self::of_time(config, size),
            (_, Some(gap), _) => positive("gap", micros(*gap)).map(|gap| Self::Sessions { gap }),
            (.., Some(count)) => Self::of_tuples(config, count),
            (None, None, None) => Ok(Self::Endless),
        };
        match shape {
            Ok(shape) => Problem::all(problems).map(|()| shape),
            Err(problem) => {
                Problem::all(problems.into_iter().chain([problem])).map(|()| Self::Endless)
            }
        }
    }

    fn of_time(config: &WindowConfig, size: TimeSpan) -> Result<Self, Problem> {
        let whole = positive("size", micros(*size))?;
        let every = match config.every {
            None => size,
            Some(Every::Time(every)) => every,
            Some(Every::Tuples(_)) => {
                let problem = Problem::new("`every` is a number, but the windows go by time");
                return Err(problem.help("write a duration such as 1m").at("every"));
            }
        };
        let part = positive("every", micros(*every))?;
        let panes = divide(whole, part, &size, &every)?;
        let zone = config.timezone.as_deref().map(zone).transpose()?;
        if zone.is_some() && DAY % part != 0 && part % DAY != 0 {
            let message = format!("days have no whole number of windows every {every}");
            let help = "with `timezone`, windows begin every day at the same times";
            return Err(Problem::new(message).help(help).at("timezone"));
        }
        Ok(Self::Time { every: part, panes, zone })
    }

    fn of_tuples(config: &WindowConfig, count: u64) -> Result<Self, Problem> {
        let every = match config.every {
            None => count,
            Some(Every::Tuples(every)) => every,
            Some(Every::Time(_)) => {
                let problem = Problem::new("`every` is a duration, but the windows go by tuples");
                return Err(problem.help("write a number of tuples").at("every"));
            }
        };
        let whole = positive("count", i64::try_from(count).unwrap_or(i64::MAX))?;
        let part = positive("every", i64::try_from(every).unwrap_or(i64::MAX))?;
        Ok(Self::Tuples { every: part, panes: divide(whole, part, &count, &every)? })
    }

    /// How many panes a window has.
    pub(super) fn panes(self) -> i64 {
        match self {
            Self::Tuples { panes, .. } | Self::Time { panes, .. } => panes,
            Self::Endless | Self::Sessions { .. } => 1,
        }
    }
}

/// As a state has it that is kept for these windows: it must never change.
impl fmt::Display for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Endless => f.write_str("endless"),
            Self::Tuples { every, panes } => write!(f, "tuples {every} {panes}"),
            Self::Time { every, panes, zone } => {
                write!(f, "time {every} {panes} {}", zone.map_or("-", |zone| zone.name()))
            }
            Self::Sessions { gap } => write!(f, "sessions {gap}"),
        }
    }
}

fn positive(option: &str, number: i64) -> Result<i64, Problem> {
    if number > 0 { Ok(number) } else { Err(Problem::new(format!("`{option}` is 0")).at(option)) }
}

fn divide<T: fmt::Display>(whole: i64, part: i64, size: &T, every: &T) -> Result<i64, Problem> {
    let panes = whole / part;
    let problem = if whole % part != 0 {
        Problem::new(format!("a window of {size} is not a multiple of {every}"))
            .help("`every` is how far it is from one window to the next, and divides a window")
    } else if panes > MOST_PANES {
        Problem::new(format!("a window of {size} every {every} is in {panes} windows at a time"))
            .help(format!("at most {MOST_PANES} are possible"))
    } else {
        return Ok(panes);
    };
    Err(problem.at("every"))
}

/// Options that have no meaning for these windows.
fn misplaced(config: &WindowConfig) -> Vec<Problem> {
    let of_time = config.size.is_some() || config.gap.is_some();
    let processing = config.time.as_deref() == Some(super::time::PROCESSING);
    let endless = !of_time && config.count.is_none();
    let options = [
        (
            "every",
            config.every.is_some() && (config.gap.is_some() || endless),
            "windows with `size` or `count`",
        ),
        ("timezone", config.timezone.is_some() && config.size.is_none(), "windows with `size`"),
        (
            "lateness",
            config.lateness.is_some() && (!of_time || processing),
            "windows by the time of tuples",
        ),
        (
            "idle",
            config.idle.is_some() && (!of_time || processing),
            "windows by the time of tuples",
        ),
    ];
    let misplaced = options
        .iter()
        .filter(|(_, misplaced, _)| *misplaced)
        .map(|(option, _, of)| Problem::new(format!("`{option}` is for {of}")).at(*option));
    let mut problems: Vec<_> = misplaced.collect();
    if endless && config.emit == Some(Emit::Close) {
        let problem = Problem::new("a window without an end is never closed");
        let help = "give it an end with `size`, `gap` or `count`, or write `emit: update`";
        problems.push(problem.help(help).at("emit"));
    }
    problems
}
