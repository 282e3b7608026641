//! What becomes of a call of a port.

use std::time::Duration;

use fastrand::Rng;

use super::plan::Dangers;

/// How much of what was asked for is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Extent {
    Nothing,
    /// Where that is possible, something.
    Part,
    All,
}

/// What the caller hears.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    /// What came of it.
    Answer,
    /// That it failed, whatever was done.
    Error,
    /// Nothing: the process is gone.
    Death,
}

/// Deals out fates.
#[derive(Debug)]
pub(super) struct Faults {
    dangers: Dangers,
    pub(super) on: bool,
    /// The epoch of the last death, and how many there were since it began.
    epoch: u64,
    deaths: u32,
}

impl Faults {
    pub(super) fn new(dangers: Dangers) -> Self {
        Faults { dangers, on: true, epoch: u64::MAX, deaths: 0 }
    }

    /// Whether a process may die now, while the store is at this epoch. Says yes only so often, for
    /// after too many deaths without a commit a message is to be suspected.
    pub(super) fn may_die(&mut self, epoch: u64) -> bool {
        if self.epoch != epoch {
            (self.epoch, self.deaths) = (epoch, 0);
        }
        let may = self.on && self.deaths < self.dangers.deaths_per_epoch;
        self.deaths += u32::from(may);
        may
    }

    /// The fate of one call.
    pub(super) fn draw(&mut self, rng: &mut Rng, epoch: u64) -> (Extent, End) {
        let chance = rng.f64();
        if !self.on || chance >= self.dangers.error + self.dangers.death {
            return (Extent::All, End::Answer);
        }
        let extent = [Extent::Nothing, Extent::Part, Extent::All][rng.usize(..3)];
        if chance >= self.dangers.death {
            (extent, End::Error)
        } else if self.may_die(epoch) {
            (extent, End::Death)
        } else {
            (Extent::All, End::Answer)
        }
    }

    pub(super) fn panics(&self, rng: &mut Rng) -> bool {
        self.on && rng.f64() < self.dangers.panic
    }

    /// How long a call takes, when it takes long.
    pub(super) fn lingers(&self, rng: &mut Rng) -> Option<Duration> {
        let long = self.on && rng.f64() < self.dangers.linger;
        long.then(|| Duration::from_micros(rng.u64(..60_000)))
    }

    pub(super) fn hiccups(&self, rng: &mut Rng) -> bool {
        self.on && rng.f64() < self.dangers.hiccup
    }
}
