//! A process that runs the topology: it recovers, works, and ends in one way or another.

use std::{sync::Arc, time::Duration};

use super::{
    check::spout_id,
    folder::SimStates,
    mail::SimOutbox,
    queue::SimSource,
    store::SimStore,
    tasks::SimTasks,
    world::{Handle, Shared},
};
use crate::{
    component::Resources,
    engine::epochs::{Door, Suspicion},
    epoch::{Clerk, Committer, Coordinator, Line, Next, Ports, ReplayableSource, StateStore, Work},
    state::StateReader,
};

/// The pause between two attempts to recover.
const PAUSE: Duration = Duration::from_millis(20);

/// How a process ended that did not die.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Over {
    /// It was asked to.
    InOrder,
    /// It could not begin, and trying again does not help.
    Refused(String),
    /// It could not begin; the next one can.
    Failed(String),
    /// It may not commit any more.
    Fenced(String),
}

/// A committer that recovers, and what the run after it needs.
struct Beginning {
    committer: Committer,
    at: Duration,
    sources: Vec<Arc<SimSource>>,
    reader: Arc<dyn StateReader>,
}

/// A run under way.
struct Running {
    coordinator: Coordinator,
    coordinator_at: Duration,
    /// `None` when it has nothing more to do.
    clerk: Option<Clerk>,
    /// `None` while it waits for the line.
    clerk_at: Option<Duration>,
    suspicion: Suspicion,
    line: Arc<Line>,
    tasks: SimTasks,
    /// How many commits were asked for.
    requested: u64,
}

enum Stage {
    Beginning(Box<Beginning>),
    Running(Box<Running>),
    Over(Over),
}

pub(super) struct Process {
    pub(super) handle: Handle,
    pub(super) incarnation: u64,
    /// Whether it was asked to end, and whether the input has ended.
    pub(super) ending: Option<bool>,
    /// Whether it had just given up an epoch then, or has since: it may end without having worked
    /// on the messages of that epoch again.
    pub(super) ended_late: bool,
    stage: Stage,
}

/// What a process can do next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Part {
    Recovery,
    Coordinator,
    Clerk,
    Task(usize),
}

impl Process {
    pub(super) fn new(world: &Shared, number: usize, folder: usize) -> Process {
        let handle = Handle::new(world, number, folder);
        let (queues, now) = {
            let world = handle.world();
            (world.queues.len(), world.now)
        };
        let sources: Vec<_> =
            (0..queues).map(|queue| Arc::new(SimSource::new(handle.clone(), queue))).collect();
        let named = sources
            .iter()
            .enumerate()
            .map(|(spout, source)| (spout_id(spout), source.clone() as Arc<dyn ReplayableSource>));
        let states = SimStates::new(handle.clone());
        let reader = states.reader();
        let committer = Committer::new(Ports {
            topology: "simulated".into(),
            store: Box::new(SimStore::new(handle.clone())),
            states: Box::new(states),
            outbox: Box::new(SimOutbox::new(handle.clone())),
            sources: named.collect(),
            dead_queue: "dead".to_owned(),
        });
        let stage = Stage::Beginning(Box::new(Beginning { committer, at: now, sources, reader }));
        Process { handle, incarnation: 0, ending: None, ended_late: false, stage }
    }

    pub(super) fn over(&self) -> Option<&Over> {
        match &self.stage {
            Stage::Over(over) => Some(over),
            _ => None,
        }
    }

    pub(super) fn is_running(&self) -> bool {
        matches!(self.stage, Stage::Running(_))
    }

    /// Whether it waits for input and has nothing left to be committed, not even for a request.
    pub(super) fn is_idle(&self) -> bool {
        let Stage::Running(running) = &self.stage else { return false };
        running.coordinator.is_idle()
            && running.tasks.door.taken() == 0
            && running.line.is_free()
            && running.coordinator.answered >= running.requested
    }

    /// Asks for a commit of the epoch in hand.
    pub(super) fn request(&mut self) {
        if let Stage::Running(running) = &mut self.stage {
            running.requested += 1;
            running.coordinator_at = Duration::ZERO;
        }
    }

    /// Asks it to end after the epoch in hand.
    pub(super) fn finish(&mut self, last: bool) {
        if let Stage::Running(running) = &mut self.stage {
            running.coordinator.finish(last);
            running.coordinator_at = Duration::ZERO;
            self.ending = Some(last);
            self.ended_late = !running.coordinator.is_idle();
        }
    }

    /// What it can do now.
    pub(super) fn ready(&self, now: Duration, to: &mut Vec<(Part, usize)>) {
        let (coordinator, clerk) = {
            let world = self.handle.world();
            (world.plan.coordinator, world.plan.clerk)
        };
        match &self.stage {
            Stage::Beginning(beginning) if now >= beginning.at => to.push((Part::Recovery, 1)),
            Stage::Beginning(_) | Stage::Over(_) => {}
            Stage::Running(running) => {
                if now >= running.coordinator_at {
                    to.push((Part::Coordinator, coordinator));
                }
                if running.clerk_at.is_some_and(|at| now >= at) {
                    to.push((Part::Clerk, clerk));
                }
                let mut tasks = Vec::new();
                running.tasks.ready(now, &mut tasks);
                to.extend(tasks.into_iter().map(|task| (Part::Task(task), 1)));
            }
        }
    }

    /// When something is due, if nothing happens before.
    pub(super) fn due(&self, now: Duration) -> Option<Duration> {
        match &self.stage {
            Stage::Beginning(beginning) => Some(beginning.at),
            Stage::Over(_) => None,
            Stage::Running(running) => {
                let all = [Some(running.coordinator_at), running.clerk_at, running.tasks.due(now)];
                all.into_iter().flatten().min()
            }
        }
    }

    pub(super) fn step(&mut self, part: Part, now: Duration) {
        match (part, &mut self.stage) {
            (Part::Recovery, Stage::Beginning(_)) => self.recover(now),
            (Part::Coordinator, Stage::Running(running)) => {
                let before = running.coordinator.rollbacks;
                let over = running.coordinate(&self.handle, now);
                let again = running.coordinator.rollbacks > before;
                self.ended_late |= again && self.ending.is_some();
                if let Some(over) = over {
                    self.stage = Stage::Over(over);
                }
            }
            (Part::Clerk, Stage::Running(running)) => running.commit(now),
            (Part::Task(task), Stage::Running(running)) => running.tasks.turn(task, now),
            _ => {}
        }
    }

    fn recover(&mut self, now: Duration) {
        let Stage::Beginning(beginning) = &mut self.stage else { return };
        let recovered = beginning.committer.recover(&Resources::default());
        self.incarnation = beginning.committer.incarnation();
        if let Err(obstacle) = recovered {
            let reason = obstacle.reason;
            self.handle.world().tell(|| format!("process {}: {reason}", self.handle.process));
            match obstacle.retry {
                true => beginning.at = now + PAUSE,
                false => self.stage = Stage::Over(Over::Refused(reason)),
            }
            return;
        }
        let started = Stage::Over(Over::Failed("it had begun already".to_owned()));
        let Stage::Beginning(beginning) = std::mem::replace(&mut self.stage, started) else {
            return;
        };
        self.stage = match self.start(*beginning, now) {
            Ok(running) => Stage::Running(Box::new(running)),
            Err(reason) => Stage::Over(Over::Failed(reason)),
        };
    }

    /// As a run begins after it has recovered: see `Prepared` and `EpochThreads`.
    fn start(&self, beginning: Beginning, now: Duration) -> Result<Running, String> {
        let Beginning { mut committer, sources, reader, .. } = beginning;
        let epoch = committer.epoch() + 1;
        let (limits, spouts) = {
            let mut world = self.handle.world();
            let (process, run) = (self.handle.process, self.incarnation);
            world.tell(|| format!("process {process} is run {run} and begins with {epoch}"));
            let record = &world.store.record;
            let applied = (record.epoch, record.commit_id.clone());
            let fits = world.folders[self.handle.folder].applied == applied;
            let fits = fits || record.incarnation != run;
            world.check(fits, || format!("process {process} begins with a folder that is wrong"));
            (world.plan.limits, world.spouts())
        };
        let suspicion = Suspicion::count(committer.states(), epoch, limits.messages, spouts)
            .map_err(|error| error.to_string())?;
        let door = Door::shut_door();
        suspicion.admit(&door);
        let line = Arc::new(Line::default());
        let mut coordinator = Coordinator::new(limits, line.clone(), epoch);
        coordinator.budget = suspicion.limit();
        let clerk = Clerk::new(committer, line.clone(), suspicion.pardon());
        let tasks = SimTasks::new(&self.handle, sources, &reader, door, (self.incarnation, epoch));
        Ok(Running {
            coordinator,
            coordinator_at: now,
            clerk: Some(clerk),
            clerk_at: Some(now),
            suspicion,
            line,
            tasks,
            requested: 0,
        })
    }
}

impl Running {
    fn coordinate(&mut self, handle: &Handle, now: Duration) -> Option<Over> {
        let (phase, epoch) = (self.coordinator.phase(), self.coordinator.epoch());
        if self.requested > self.coordinator.answered && handle.world().rng.bool() {
            self.coordinator.commit(self.requested);
        }
        let next = self.coordinator.step(&mut self.tasks, now);
        let (after, line) = (self.coordinator.phase(), &self.line);
        self.suspicion.watch(self.coordinator.epoch(), &self.tasks.door, line, now);
        if after != phase {
            let process = handle.process;
            handle.world().tell(|| format!("process {process}, epoch {epoch}: {after:?}"));
        }
        if self.clerk.is_some() && !(line.is_free() && line.is_noted()) {
            self.clerk_at.get_or_insert(now);
        }
        self.coordinator_at = match next {
            Next::Now => now,
            Next::Soon => now + Duration::from_micros(handle.world().rng.u64(..200)),
            Next::At(at) => at,
            Next::Ended(reason) => {
                if let Some(mut clerk) = self.clerk.take() {
                    clerk.end();
                }
                return Some(reason.map_or(Over::InOrder, Over::Fenced));
            }
        };
        None
    }

    fn commit(&mut self, now: Duration) {
        let Some(clerk) = &mut self.clerk else { return };
        match clerk.step() {
            Work::Going => self.clerk_at = Some(now),
            Work::Idle => self.clerk_at = None,
            Work::Wait(pause) => self.clerk_at = Some(now + pause),
            Work::Over => {
                clerk.end();
                (self.clerk, self.clerk_at) = (None, None);
            }
        }
    }
}
