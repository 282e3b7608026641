//! One simulation: a seed decides everything.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use parking_lot::Mutex;

use super::{
    check,
    message::{Message, Nature},
    process::{Over, Part, Process},
    world::{Shared, World},
};

/// When nothing goes wrong any more, everything has to be committed within this time.
const PATIENCE: Duration = Duration::from_secs(300);
/// And within so many steps.
const STEPS: u64 = 2_000_000;

/// What is done next.
#[derive(Debug, Clone, Copy)]
enum Action {
    Send,
    Step(usize, Part),
    Event,
}

/// How a simulation went.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Report {
    /// What happened, and how often.
    pub(super) seen: BTreeMap<&'static str, u64>,
    /// A sum over all events, if they were wanted.
    pub(super) sum: u64,
}

pub(super) struct Sim {
    pub(super) world: Shared,
    /// The processes that are alive.
    pub(super) processes: Vec<Process>,
    /// The one that is to be; any other was taken over from.
    pub(super) current: Option<usize>,
    /// How the last process has ended: `None` for a death.
    pub(super) ended: Option<Over>,
    /// Processes with whom messages may be lost that no source brings back.
    pub(super) lossy: BTreeSet<usize>,
    pub(super) next_process: usize,
    /// When the next process begins, if there is none.
    pub(super) restart: Duration,
    pub(super) sent: usize,
    /// Messages that kill, still to be sent.
    pub(super) poison: usize,
    pub(super) phase: usize,
    pub(super) send_at: Duration,
    pub(super) event_at: Option<Duration>,
    pub(super) calm_since: Option<Duration>,
    /// The end of the input was told.
    pub(super) is_last: bool,
}

/// Runs a seed to its end.
///
/// # Errors
/// What happened that must not; with the last events, if they are wanted.
pub(super) fn simulate(seed: u64, traced: bool) -> Result<Report, String> {
    // Commit ids are random too.
    fastrand::seed(seed);
    let mut sim = Sim::new(seed, traced);
    let done = sim.run();
    let world = sim.world.lock();
    match done.and_then(|()| world.violation.clone().map_or(Ok(()), Err)) {
        Ok(()) => Ok(Report { seen: world.seen.clone(), sum: world.trace.sum }),
        Err(reason) => Err(match traced {
            true => format!("{}\n{:#?}\n{reason}", world.trace.text(), world.plan),
            false => reason,
        }),
    }
}

impl Sim {
    fn new(seed: u64, traced: bool) -> Sim {
        let world = World::new(seed, traced);
        let event_at = world.plan.dangers.event_us.map(|_| Duration::ZERO);
        let poison = world.plan.poison;
        Sim {
            world: Arc::new(Mutex::new(world)),
            processes: Vec::new(),
            current: None,
            ended: None,
            lossy: BTreeSet::new(),
            next_process: 0,
            restart: Duration::ZERO,
            sent: 0,
            poison,
            phase: 0,
            send_at: Duration::ZERO,
            event_at,
            calm_since: None,
            is_last: false,
        }
    }

    fn run(&mut self) -> Result<(), String> {
        let mut actions = Vec::new();
        let mut parts = Vec::new();
        for _ in 0..STEPS {
            if let Some(violation) = self.world.lock().violation.take() {
                return Err(violation);
            }
            let now = self.world.lock().now;
            self.bury(now)?;
            self.calm_down(now)?;
            if self.is_over(now) {
                return Ok(());
            }
            actions.clear();
            self.actions(now, &mut actions, &mut parts);
            if actions.is_empty() {
                self.wait(now);
                continue;
            }
            let action = {
                let world = &mut *self.world.lock();
                let took = world.rng.u64(0..=world.plan.step_us);
                world.now += Duration::from_micros(took);
                actions[world.rng.usize(..actions.len())]
            };
            match action {
                Action::Send => self.send(),
                Action::Step(process, part) => self.processes[process].step(part, now),
                Action::Event => self.event(now),
            }
        }
        Err(format!("it goes on for ever, in the end with {actions:?}"))
    }

    fn actions(&self, now: Duration, to: &mut Vec<Action>, parts: &mut Vec<(Part, usize)>) {
        if self.sent < self.to_send() && now >= self.send_at {
            to.push(Action::Send);
        }
        if self.event_at.is_some_and(|at| now >= at) && self.calm_since.is_none() {
            to.push(Action::Event);
        }
        for (process, it) in self.processes.iter().enumerate() {
            parts.clear();
            it.ready(now, parts);
            for (part, weight) in parts.iter() {
                to.extend(std::iter::repeat_n(Action::Step(process, *part), *weight));
            }
        }
    }

    /// How many messages are sent in this phase and those before.
    fn to_send(&self) -> usize {
        self.world.lock().plan.messages * (self.phase + 1)
    }

    /// Nothing can be done now: the time goes on to when something can.
    fn wait(&mut self, now: Duration) {
        let sends = (self.sent < self.to_send()).then_some(self.send_at);
        let event = self.event_at.filter(|_| self.calm_since.is_none());
        let restart = self.current.is_none().then_some(self.restart);
        let processes = self.processes.iter().filter_map(|process| process.due(now));
        let until = self.world.lock().plan.dangers.until;
        let until = self.calm_since.is_none().then_some(until);
        let all = processes.chain(sends).chain(event).chain(restart).chain(until);
        let next = all.filter(|at| *at > now).min();
        self.world.lock().now = next.unwrap_or(now + Duration::from_millis(1));
    }

    fn send(&mut self) {
        let world = &mut *self.world.lock();
        let mut spout = world.rng.usize(..world.spouts());
        if world.plan.lopsided {
            spout = usize::from(world.rng.u8(..8) > 0);
        }
        let into = match world.queues.get(spout) {
            Some(queue) => queue.messages.len(),
            None => world.kept.messages.len(),
        };
        let (keys, trouble) = (world.plan.keys, world.plan.trouble);
        let mut message = Message::draw(&mut world.rng, (spout, into as u64), keys, trouble);
        let left = self.world_left(world);
        let may_kill = !world.plan.lopsided || spout == 1;
        if may_kill && self.poison > 0 && world.rng.usize(..left.max(1)) < self.poison {
            self.poison -= 1;
            world.saw("a message that kills");
            message.nature = Nature::Kills;
        }
        let number = world.messages.len();
        world.tell(|| format!("message {number}: {message:?}"));
        world.messages.push(message);
        world.done.push(false);
        match world.queues.get_mut(spout) {
            Some(queue) => queue.send(number),
            None => world.kept.messages.push(number),
        }
        let pause = world.rng.u64(0..=world.plan.send_us);
        self.send_at = world.now + Duration::from_micros(pause);
        self.sent += 1;
    }

    fn world_left(&self, world: &World) -> usize {
        world.plan.messages * world.plan.phases - self.sent
    }

    /// When all is sent and the dangerous time is over, nothing goes wrong any more; when then all
    /// is committed, the input ends.
    fn calm_down(&mut self, now: Duration) -> Result<(), String> {
        if self.calm_since.is_none() {
            let mut world = self.world.lock();
            if self.sent < world.plan.messages * (self.phase + 1) || now < world.plan.dangers.until
            {
                return Ok(());
            }
            world.tell(|| "nothing goes wrong any more".to_owned());
            world.faults.on = false;
            world.store.away_until = Duration::ZERO;
            self.calm_since = Some(now);
            drop(world);
            let current = self.current;
            self.end(|process| Some(process.handle.process) != current);
        }
        if self.calm_since.is_some_and(|since| now > since + PATIENCE) {
            return Err("it is stuck: what was sent is not committed".to_owned());
        }
        let all_done = {
            let world = self.world.lock();
            world.queues.iter().all(|queue| queue.is_done()) && world.kept.is_read()
        };
        if let [process] = &mut self.processes[..]
            && all_done
            && process.is_idle()
            && process.ending.is_none()
        {
            self.is_last = true;
            self.world.lock().tell(|| "the input has ended".to_owned());
            process.finish(true);
        }
        Ok(())
    }

    /// Whether the last process of this phase has ended in order after the end of the input.
    pub(super) fn is_finished(&self) -> bool {
        self.is_last && self.current.is_none() && self.ended == Some(Over::InOrder)
    }

    /// Checks everything at the end of a phase, and begins the next one. True when there is none.
    fn is_over(&mut self, now: Duration) -> bool {
        if !self.is_finished() {
            return false;
        }
        let world = &mut *self.world.lock();
        check::finished(world, &self.lossy);
        self.phase += 1;
        if self.phase == world.plan.phases {
            return true;
        }
        world.saw("input after the end of the input");
        world.faults.on = true;
        world.plan.dangers.until += now;
        self.calm_since = None;
        self.is_last = false;
        self.ended = None;
        false
    }
}
