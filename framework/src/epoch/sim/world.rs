//! What outlives processes, and how they get at it.

use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    time::Duration,
};

use fastrand::Rng;
use parking_lot::{Mutex, MutexGuard};

use super::{
    faults::{End, Extent, Faults},
    folder::Folder,
    mail::Mail,
    message::{Message, Truth},
    plan::Plan,
    queue::{Kept, Queue},
    store::Store,
    trace::Trace,
};

/// The world outside of processes. It decides by its random numbers alone what happens.
pub(super) struct World {
    pub(super) plan: Plan,
    pub(super) rng: Rng,
    pub(super) now: Duration,
    pub(super) faults: Faults,
    pub(super) trace: Trace,
    pub(super) messages: Vec<Message>,
    /// Which messages a commit has dealt with.
    pub(super) done: Vec<bool>,
    pub(super) truth: Truth,
    pub(super) queues: Vec<Queue>,
    pub(super) kept: Kept,
    pub(super) store: Store,
    pub(super) folders: Vec<Folder>,
    pub(super) mail: Mail,
    /// What the epochs of a run have read, by incarnation and epoch.
    pub(super) reads: BTreeMap<(u64, u64), Vec<usize>>,
    /// How often a bolt has panicked on a message that is not at fault.
    pub(super) panics: BTreeMap<usize, u32>,
    /// What has happened, and how often.
    pub(super) seen: BTreeMap<&'static str, u64>,
    /// The first thing that should not have happened.
    pub(super) violation: Option<String>,
}

pub(super) type Shared = Arc<Mutex<World>>;

impl World {
    pub(super) fn new(seed: u64, traced: bool) -> World {
        let mut rng = Rng::with_seed(seed);
        let plan = Plan::draw(&mut rng);
        World {
            now: Duration::ZERO,
            faults: Faults::new(plan.dangers.clone()),
            trace: Trace::new(traced),
            messages: Vec::new(),
            done: Vec::new(),
            truth: Truth::default(),
            queues: (0..plan.sources).map(|_| Queue::default()).collect(),
            kept: Kept::default(),
            store: Store::default(),
            folders: vec![Folder::default()],
            mail: Mail::default(),
            reads: BTreeMap::new(),
            panics: BTreeMap::new(),
            seen: BTreeMap::new(),
            violation: None,
            plan,
            rng,
        }
    }

    /// How many spouts there are.
    pub(super) fn spouts(&self) -> usize {
        self.plan.sources + usize::from(self.plan.kept)
    }

    pub(super) fn tell(&mut self, event: impl FnOnce() -> String) {
        self.trace.add(self.now, event);
    }

    pub(super) fn saw(&mut self, what: &'static str) {
        *self.seen.entry(what).or_default() += 1;
    }

    /// Something happened that must not.
    pub(super) fn violate(&mut self, what: impl Into<String>) {
        let what = what.into();
        self.tell(|| format!("VIOLATED: {what}"));
        self.violation.get_or_insert(what);
    }

    pub(super) fn check(&mut self, holds: bool, what: impl FnOnce() -> String) {
        if !holds {
            self.violate(what());
        }
    }
}

/// How a process reaches the world.
#[derive(Clone)]
pub(super) struct Handle {
    world: Shared,
    pub(super) process: usize,
    pub(super) folder: usize,
    dead: Arc<AtomicBool>,
}

impl Handle {
    pub(super) fn new(world: &Shared, process: usize, folder: usize) -> Self {
        Handle { world: world.clone(), process, folder, dead: Arc::default() }
    }

    pub(super) fn world(&self) -> MutexGuard<'_, World> {
        self.world.lock()
    }

    pub(super) fn is_dead(&self) -> bool {
        self.dead.load(Relaxed)
    }

    pub(super) fn die(&self, of: &str) {
        let mut world = self.world();
        world.saw("death");
        world.tell(|| format!("process {} dies: {of}", self.process));
        self.dead.store(true, Relaxed);
    }

    /// Calls a port. The call may fail, or the process die of it, before, after or in the midst of
    /// what `work` does.
    pub(super) fn call<T, E>(
        &self,
        name: &'static str,
        failed: impl Fn(String) -> E,
        work: impl FnOnce(&mut World, Extent) -> Result<T, E>,
    ) -> Result<T, E> {
        let mut world = self.world();
        if self.is_dead() {
            return Err(failed("the process is dead".to_owned()));
        }
        let World { faults, rng, store, .. } = &mut *world;
        let (extent, end) = faults.draw(rng, store.record.epoch);
        self.end_call(world, name, (extent, end), failed, work)
    }

    /// As `call`, with a fate that was drawn already.
    pub(super) fn end_call<T, E>(
        &self,
        mut world: MutexGuard<'_, World>,
        name: &'static str,
        (extent, end): (Extent, End),
        failed: impl Fn(String) -> E,
        work: impl FnOnce(&mut World, Extent) -> Result<T, E>,
    ) -> Result<T, E> {
        if end != End::Answer {
            world.saw(name);
            let process = self.process;
            world.tell(|| format!("process {process}: {name} ends with {end:?} after {extent:?}"));
        }
        let done = (extent != Extent::Nothing).then(|| work(&mut world, extent));
        drop(world);
        match (end, done) {
            (End::Answer, Some(done)) => done,
            (End::Death, _) => {
                self.die(name);
                Err(failed(format!("{name}: the process is dead")))
            }
            _ => Err(failed(format!("{name} failed"))),
        }
    }
}
