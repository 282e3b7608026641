//! Made-up events of several kinds, the same for the same seed: for demonstrations, tests and
//! measurements.
//!
//! ```
//! use squall_components::generate::{Events, Shares};
//!
//! let (mut once, mut again) = (Shares::new(7, 0), Shares::new(7, 0));
//! assert_eq!(once.share(), again.share());
//! let mut text = String::new();
//! once.write(&mut text);
//! assert!(text.starts_with("{\"restaurant\":\""));
//! ```

mod access_lines;
mod rides;
mod shares;

pub use access_lines::AccessLines;
pub use rides::Rides;
pub use shares::{Share, Shares};

/// Makes one event after the other, as texts.
pub trait Events: Send {
    /// Appends the next event, without a line ending.
    fn write(&mut self, to: &mut String);
}

/// A number below `below` that is small far more often than large, as popularity goes: the
/// first of a hundred comes about thirty times as often as the last.
fn popular(rng: &mut fastrand::Rng, below: u64) -> u64 {
    let skewed = rng.f64().powi(3);
    ((skewed * below as f64) as u64).min(below.saturating_sub(1))
}
