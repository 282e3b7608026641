//! What a seed decides before anything happens: how large everything is, and what may go wrong.

use std::time::Duration;

use fastrand::Rng;

use crate::epoch::Limits;

/// The most keys that messages have.
pub(super) const KEYS: usize = 5;
/// How many tables the sinks write to.
pub(super) const TABLES: usize = 4;

/// The sizes, the paces and the dangers of one simulation.
#[derive(Debug, Clone)]
pub(super) struct Plan {
    /// Spouts whose sources can go back.
    pub(super) sources: usize,
    /// Whether there is one more spout whose source cannot.
    pub(super) kept: bool,
    /// Messages that are sent in each phase; a phase ends with the end of the input.
    pub(super) messages: usize,
    pub(super) phases: usize,
    pub(super) keys: usize,
    pub(super) limits: Limits,
    pub(super) max_attempts: u32,
    /// Bytes of state that a task may keep in memory.
    pub(super) memory: usize,
    /// The longest that one step of anything takes, in microseconds.
    pub(super) step_us: u64,
    /// The longest between two sendings.
    pub(super) send_us: u64,
    /// The longest until a timer is due.
    pub(super) timer_us: i64,
    /// How many rows wait in an inbox before its senders do.
    pub(super) room: usize,
    /// How often each has a turn, compared with a task.
    pub(super) coordinator: usize,
    pub(super) clerk: usize,
    /// Of a hundred messages so many fail, panic, or have a row that the store rejects.
    pub(super) trouble: u8,
    /// So many messages kill the process.
    pub(super) poison: usize,
    /// One of two spouts has messages only now and then, and none that kills.
    pub(super) lopsided: bool,
    pub(super) dangers: Dangers,
}

/// What may go wrong, besides messages.
#[derive(Debug, Clone, Default)]
pub(super) struct Dangers {
    /// How likely a call of a port fails, or ends the process.
    pub(super) error: f64,
    pub(super) death: f64,
    /// How likely a row makes its bolt panic, or fail for a while.
    pub(super) panic: f64,
    pub(super) hiccup: f64,
    /// How likely a task is busy for long.
    pub(super) linger: f64,
    /// The longest between two events; none when there are none.
    pub(super) event_us: Option<u64>,
    /// So often a process may die, or be taken over from, between two commits.
    pub(super) deaths_per_epoch: u32,
    /// Until then things go wrong.
    pub(super) until: Duration,
}

impl Plan {
    pub(super) fn draw(rng: &mut Rng) -> Plan {
        let one_of = |rng: &mut Rng, among: &[u64]| among[rng.usize(..among.len())];
        let poison = if rng.u8(..8) == 0 { rng.usize(1..=2) } else { 0 };
        let few = [20, 40, 64];
        let most = if poison > 0 || rng.bool() { one_of(rng, &few) } else { 1_000_000 };
        let sources = rng.usize(1..=2);
        let lopsided = poison > 0 && sources == 2 && rng.bool();
        Plan {
            sources,
            lopsided,
            kept: poison == 0 && rng.u8(..4) == 0,
            messages: rng.usize(10..60),
            phases: if rng.u8(..4) == 0 { 2 } else { 1 },
            keys: rng.usize(1..=KEYS),
            limits: Limits {
                interval: Duration::from_micros(one_of(rng, &[500, 5_000, 20_000])),
                messages: most,
                bytes: one_of(rng, &[1_500, 1_000_000]),
                stall_after: 1_000,
            },
            max_attempts: rng.u32(2..=3),
            memory: one_of(rng, &[0, 600, 1_000_000]) as usize,
            step_us: one_of(rng, &[2, 10, 60]),
            send_us: if lopsided { 1_000_000 } else { one_of(rng, &[200, 4_000, 20_000]) },
            timer_us: one_of(rng, &[1, 20_000, 200_000]) as i64,
            room: rng.usize(1..6),
            coordinator: rng.usize(1..4),
            clerk: rng.usize(1..6),
            trouble: one_of(rng, &[0, 10, 40]) as u8,
            poison,
            dangers: Dangers::draw(rng, poison > 0),
        }
    }
}

impl Dangers {
    fn draw(rng: &mut Rng, poison: bool) -> Dangers {
        let often = |rng: &mut Rng, among: &[f64]| among[rng.usize(..among.len())];
        Dangers {
            error: often(rng, &[0.0, 0.03, 0.2]),
            death: often(rng, &[0.0, 0.02, 0.1]),
            panic: often(rng, &[0.0, 0.002, 0.02]),
            hiccup: often(rng, &[0.0, 0.02]),
            linger: often(rng, &[0.0, 0.01]),
            event_us: [None, Some(20_000), Some(200_000)][rng.usize(..3)],
            // A message is condemned after so many deaths that it cannot be the innocent one.
            deaths_per_epoch: if poison { 1 } else { 4 },
            until: Duration::from_millis(rng.u64(10..1_000)),
        }
    }
}
