//! How far event time has got.

use squall_framework::{Result, State, TaskContext, Tuple};

/// Before this time, in all likelihood, nothing comes any more: the smallest of what the senders
/// have reached, less the lateness that is allowed.
///
/// It moves only in `flush`, so all tuples of an epoch are treated alike whatever their order, and
/// never back. What the senders have reached is kept in the state, so it is the same after a crash.
/// A sender that has sent nothing yet does not count, but of every input one must have sent.
#[derive(Debug)]
pub(super) struct Watermark {
    state: State,
    /// Microseconds.
    lateness: i64,
    inputs: usize,
    /// How many senders there are.
    count: usize,
    senders: Vec<Sender>,
    now: Option<i64>,
}

#[derive(Debug, Clone, Copy, Default)]
struct Sender {
    input: usize,
    reached: Option<i64>,
    /// As the state knows it.
    kept: Option<i64>,
}

const NOW: &str = "watermark";

impl Watermark {
    pub(super) fn new(context: &TaskContext, lateness: i64) -> Result<Self> {
        let state = context.state()?;
        let inputs = context.inputs().all().len();
        let mut senders = vec![Sender::default(); context.senders()];
        let count = senders.len();
        for (number, sender) in senders.iter_mut().enumerate() {
            for input in 0..inputs {
                if let Some(reached) = state.mark(&name(number, count, input))? {
                    *sender = Sender { input, reached: Some(reached), kept: Some(reached) };
                }
            }
        }
        let now = state.mark(NOW)?;
        Ok(Self { state, lateness, inputs, count, senders, now })
    }

    /// A tuple of this time has come, in microseconds.
    #[inline]
    pub(super) fn see(&mut self, tuple: &Tuple<'_>, time: i64) {
        let number = tuple.batch().sender();
        if number >= self.senders.len() {
            self.senders.resize(number + 1, Sender::default());
        }
        let sender = &mut self.senders[number];
        sender.input = tuple.batch().input();
        sender.reached = sender.reached.max(Some(time));
    }

    /// The watermark as of the end of the last epoch.
    pub(super) fn now(&self) -> Option<i64> {
        self.now
    }

    /// For `flush`: the watermark after all that has come, if there is one yet.
    pub(super) fn advance(&mut self) -> Result<Option<i64>> {
        for (number, sender) in self.senders.iter_mut().enumerate() {
            if let (Some(reached), true) = (sender.reached, sender.reached != sender.kept) {
                self.state.set_mark(&name(number, self.count, sender.input), reached)?;
                sender.kept = sender.reached;
            }
        }
        let of_input = |input| {
            let senders = self.senders.iter().filter(move |sender| sender.input == input);
            senders.filter_map(|sender| sender.reached).min()
        };
        let reached = (0..self.inputs).map(of_input).collect::<Option<Vec<_>>>();
        let least = reached.and_then(|reached| reached.into_iter().min());
        if let Some(least) = least {
            let next = Some(least.saturating_sub(self.lateness));
            if next > self.now {
                self.now = next;
                self.state.set_mark(NOW, least.saturating_sub(self.lateness))?;
            }
        }
        Ok(self.now)
    }
}

/// With the number of senders in it: when that changes, their numbers mean others.
fn name(number: usize, count: usize, input: usize) -> String {
    format!("sender {number} of {count} at {input}")
}
