//! How far time has come: what is before the watermark is over.
//!
//! It is the smallest of the largest times that the senders have sent, less what may be out of
//! order. It moves in `flush` alone, so that what is late does not depend on the order in which the
//! batches of an epoch arrive.

use std::time::Duration;

use squall_framework::{Result, State};

const WATERMARK: &str = "watermark";
const SENDERS: &str = "senders";

/// How far time has come for a task.
#[derive(Debug)]
pub(super) struct Watermark {
    /// The last one that was taken; the smallest number before there is any.
    now: i64,
    /// By how much a row may be late.
    lateness: i64,
    /// A sender that is silent for so long is not waited for.
    idle: i64,
    senders: Vec<Sender>,
    /// For each input whether anything ever came by it.
    inputs: Vec<bool>,
    /// When the task began.
    began: i64,
}

#[derive(Debug)]
struct Sender {
    input: usize,
    number: usize,
    /// The largest time that it has sent.
    largest: i64,
    /// Whether it has sent anything since the last flush.
    heard: bool,
    /// When it was heard last, by the clock.
    since: i64,
}

impl Sender {
    fn name(&self) -> String {
        format!("largest {} {}", self.input, self.number)
    }
}

pub(super) fn micros(span: Duration) -> i64 {
    i64::try_from(span.as_micros()).unwrap_or(i64::MAX)
}

impl Watermark {
    /// As the state has it. `clock` is the time of day.
    pub(super) fn load(
        state: &State,
        inputs: usize,
        lateness: i64,
        idle: i64,
        clock: i64,
    ) -> Result<Self> {
        let numbers = mark(state, SENDERS)?.unwrap_or_default() as usize;
        let mut watermark = Watermark {
            now: mark(state, WATERMARK)?.unwrap_or(i64::MIN),
            lateness,
            idle,
            senders: Vec::new(),
            inputs: vec![false; inputs],
            began: clock,
        };
        for input in 0..inputs {
            for number in 0..numbers {
                let mut sender = Sender { input, number, largest: 0, heard: false, since: clock };
                if let Some(largest) = mark(state, &sender.name())? {
                    sender.largest = largest;
                    watermark.senders.push(sender);
                    watermark.inputs[input] = true;
                }
            }
        }
        Ok(watermark)
    }

    /// The last one that was taken.
    pub(super) fn now(&self) -> i64 {
        self.now
    }

    /// A sender has sent a row of this time.
    pub(super) fn hear(&mut self, input: usize, number: usize, at: i64) {
        let known = self.senders.iter_mut().find(|s| s.number == number && s.input == input);
        match known {
            Some(sender) => {
                sender.largest = sender.largest.max(at);
                sender.heard = true;
            }
            None => {
                self.senders.push(Sender { input, number, largest: at, heard: true, since: 0 });
                if let Some(heard) = self.inputs.get_mut(input) {
                    *heard = true;
                }
            }
        }
    }

    /// For `flush`: takes it anew. `clock` is the time of day.
    pub(super) fn take(&mut self, state: &State, clock: i64) -> Result<()> {
        let mut numbers = 0;
        for sender in &mut self.senders {
            numbers = numbers.max(sender.number + 1);
            if std::mem::take(&mut sender.heard) {
                sender.since = clock;
                set_mark(state, &sender.name(), sender.largest)?;
            }
        }
        if numbers > 0 {
            set_mark(state, SENDERS, numbers as i64)?;
        }
        let silent = |since: i64| clock.saturating_sub(since) >= self.idle;
        if !silent(self.began) && self.inputs.contains(&false) {
            return Ok(());
        }
        let awake = self.senders.iter().filter(|s| !silent(s.since)).map(|s| s.largest).min();
        // When nobody is heard, nobody is waited for.
        let largest = awake.or_else(|| self.senders.iter().map(|s| s.largest).max());
        if let Some(largest) = largest {
            self.pass(largest.saturating_sub(self.lateness));
        }
        Ok(())
    }

    /// For `flush`: it is now this, if that is later than before.
    pub(super) fn pass(&mut self, now: i64) {
        self.now = self.now.max(now);
    }

    /// For `flush`: writes it down.
    pub(super) fn keep(&self, state: &State) -> Result<()> {
        if self.now > i64::MIN { set_mark(state, WATERMARK, self.now) } else { Ok(()) }
    }
}

// When the number of tasks changes, each begins with the smallest mark of all. Here it must be the
// largest, or a window that one of them has closed would be opened again and its row overwritten.
// So times are written down with the opposite sign.

fn mark(state: &State, name: &str) -> Result<Option<i64>> {
    Ok(state.mark(name)?.map(|mark| -mark))
}

fn set_mark(state: &State, name: &str, value: i64) -> Result<()> {
    state.set_mark(name, -value)
}
