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

struct Sim {
    world: Shared,
    /// The processes that are alive.
    processes: Vec<Process>,
    /// The one that is to be; any other was taken over from.
    current: Option<usize>,
    /// How the last process has ended: `None` for a death.
    ended: Option<Over>,
    /// Processes with whom messages may be lost that no source brings back.
    lossy: BTreeSet<usize>,
    next_process: usize,
    /// When the next process begins, if there is none.
    restart: Duration,
    sent: usize,
    /// Messages that kill, still to be sent.
    poison: usize,
    phase: usize,
    send_at: Duration,
    event_at: Option<Duration>,
    calm_since: Option<Duration>,
    /// The end of the input was told.
    is_last: bool,
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
        let processes = self.processes.iter().filter_map(Process::due);
        let until = self.world.lock().plan.dangers.until;
        let until = self.calm_since.is_none().then_some(until);
        let all = processes.chain(sends).chain(event).chain(restart).chain(until);
        let next = all.filter(|at| *at > now).min();
        self.world.lock().now = next.unwrap_or(now + Duration::from_millis(1));
    }

    fn send(&mut self) {
        let world = &mut *self.world.lock();
        let spout = world.rng.usize(..world.spouts());
        let into = match world.queues.get(spout) {
            Some(queue) => queue.messages.len(),
            None => world.kept.messages.len(),
        };
        let (keys, trouble) = (world.plan.keys, world.plan.trouble);
        let mut message = Message::draw(&mut world.rng, (spout, into as u64), keys, trouble);
        let left = self.world_left(world);
        if self.poison > 0 && world.rng.usize(..left.max(1)) < self.poison {
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

    /// Something happens to a process, or to the store.
    fn event(&mut self, now: Duration) {
        let (kind, epoch) = {
            let mut world = self.world.lock();
            let longest = world.plan.dangers.event_us.unwrap_or(1_000);
            self.event_at = Some(now + Duration::from_micros(world.rng.u64(0..=longest)));
            (world.rng.u8(..8), world.store.record.epoch)
        };
        match kind {
            0..2 => {
                let mut world = self.world.lock();
                let away = Duration::from_micros(world.rng.u64(..100_000));
                world.store.away_until = now + away;
                world.saw("the store is away");
                world.tell(|| format!("the store is away for {away:?}"));
            }
            2..4 => {
                if let Some(process) = self.current()
                    && self.world.lock().faults.may_die(epoch)
                {
                    process.handle.die("by chance");
                }
            }
            4 => self.take_over(),
            5 => self.world.lock().resolve_ghost(),
            _ => self.finish(),
        }
    }

    /// Asks the current process to end in order.
    fn finish(&mut self) {
        let current = self.current;
        let mut processes = self.processes.iter_mut();
        let Some(process) = processes.find(|p| Some(p.handle.process) == current) else { return };
        if !process.is_running() {
            return;
        }
        let mut world = self.world.lock();
        world.saw("an end in order");
        let last = world.rng.u8(..4) == 0;
        world.tell(|| format!("process {} is to end, last {last}", process.handle.process));
        drop(world);
        process.finish(last);
    }

    /// A second process begins with a copy of the folder, while the first one is still alive.
    fn take_over(&mut self) {
        let ([process], Some(_)) = (&self.processes[..], self.current) else { return };
        let mut world = self.world.lock();
        let epoch = world.store.record.epoch;
        if !process.is_running() || world.plan.poison > 0 || !world.faults.may_die(epoch) {
            return;
        }
        world.saw("a process is taken over from");
        let copy = world.folders[process.handle.folder].copy();
        world.folders.push(copy);
        let folder = world.folders.len() - 1;
        drop(world);
        self.begin(folder);
    }

    fn begin(&mut self, folder: usize) {
        let number = self.next_process;
        self.next_process += 1;
        self.world.lock().tell(|| format!("process {number} begins with folder {folder}"));
        self.processes.push(Process::new(&self.world, number, folder));
        self.current = Some(number);
    }

    fn current(&self) -> Option<&Process> {
        self.processes.iter().find(|process| Some(process.handle.process) == self.current)
    }

    /// Takes processes away that are dead or over, and begins a new one when there is none.
    fn bury(&mut self, now: Duration) -> Result<(), String> {
        let mut at = 0;
        while at < self.processes.len() {
            let process = &self.processes[at];
            let over = process.over().cloned();
            if over.is_none() && !process.handle.is_dead() {
                at += 1;
                continue;
            }
            let over = over.filter(|_| !process.handle.is_dead());
            let (number, folder) = (process.handle.process, process.handle.folder);
            let incarnation = process.incarnation;
            if over != Some(Over::InOrder) || process.has_rolled_back {
                self.lossy.insert(number);
            }
            self.processes.remove(at);
            let mut world = self.world.lock();
            world.store.cut_off(number);
            world.tell(|| format!("process {number} is over: {over:?}"));
            let record = world.store.record.clone();
            let is_current = record.incarnation == incarnation;
            let fits = world.folders[folder].goes_with(record.epoch, &record.commit_id);
            match &over {
                Some(Over::Refused(reason)) if is_current && fits => {
                    return Err(format!("process {number} could not begin: {reason}"));
                }
                Some(Over::Refused(_)) => world.saw("refused"),
                Some(Over::Fenced(reason)) if is_current => {
                    return Err(format!("process {number} was ended: {reason}"));
                }
                Some(Over::Fenced(_)) => world.saw("fenced"),
                Some(Over::InOrder | Over::Failed(_)) | None => {}
            }
            if self.current == Some(number) {
                self.current = None;
                self.restart = now + Duration::from_micros(world.rng.u64(..20_000));
            }
            drop(world);
            self.ended = over;
        }
        if self.current.is_none() && now >= self.restart && !self.is_finished() {
            let folder = self.right_folder()?;
            // The folder has a lock.
            self.end(|process| process.handle.folder == folder);
            self.begin(folder);
        }
        Ok(())
    }

    /// Ends processes that somebody took over from.
    fn end(&mut self, which: impl Fn(&Process) -> bool) {
        let all = std::mem::take(&mut self.processes).into_iter();
        let (out, left): (Vec<_>, Vec<_>) = all.partition(which);
        self.processes = left;
        for process in out {
            self.world.lock().store.cut_off(process.handle.process);
            self.lossy.insert(process.handle.process);
        }
    }

    /// A folder that goes with the store.
    fn right_folder(&self) -> Result<usize, String> {
        let mut world = self.world.lock();
        world.resolve_ghost();
        let record = world.store.record.clone();
        let fits =
            |folder: &usize| world.folders[*folder].goes_with(record.epoch, &record.commit_id);
        let right: Vec<usize> = (0..world.folders.len()).filter(fits).collect();
        if right.is_empty() {
            return Err(format!("no state folder goes with {record:?}"));
        }
        Ok(right[world.rng.usize(..right.len())])
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
            && !process.is_ending
        {
            self.is_last = true;
            self.world.lock().tell(|| "the input has ended".to_owned());
            process.finish(true);
        }
        Ok(())
    }

    /// Whether the last process of this phase has ended in order after the end of the input.
    fn is_finished(&self) -> bool {
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
