//! The actix system of a running topology: its arbiters and actors.

use std::{
    sync::{Arc, mpsc},
    thread::JoinHandle,
};

use actix::{Actor, Addr, Arbiter, System};

use super::{
    epochs::{BoltEpochs, DeadQueue, Door, Prepared, Replies, SpoutEpochs, StatePlace},
    task::{BoltTask, Control, DeadLetters, Patience, Reports, SpoutLimits, SpoutTask, TaskActor},
    wiring::{Wired, Wiring},
};
use crate::{
    ack::Settlements,
    clock::Clock,
    component::{Resources, TaskContext},
    epoch::ReplayableSource,
    error::{Error, Result},
    output::SpoutOutput,
    state::{Groups, StateReader},
    topology::{Body, Topology},
};

/// What the process lends to a running topology.
#[derive(Clone, Default)]
pub struct Lent {
    /// What components find in their context.
    pub resources: Resources,
    /// Where messages go that nothing can be done with; without it they are
    /// counted and logged.
    pub dead_letters: Option<Arc<dyn DeadLetters>>,
    /// What tells components the time of day.
    pub clock: Clock,
}

/// The threads of a running topology. Dropping it leaves them alone; see `stop`.
pub(crate) struct Threads {
    system: System,
    main: JoinHandle<()>,
    arbiters: Vec<Arbiter>,
    /// The actors by task id.
    pub(crate) actors: Vec<Addr<TaskActor>>,
}

impl Threads {
    /// Starts the arbiters and an actor for each task.
    pub(crate) fn start(
        topology: &Arc<Topology>,
        wiring: &Wiring,
        lent: &Lent,
        reports: &Reports,
        epochs: Option<&EpochWiring>,
    ) -> Result<Self> {
        let (send, receive) = mpsc::channel();
        let count = wiring.threads;
        let main = std::thread::Builder::new().name("squall-system".into()).spawn(move || {
            let runner = System::new();
            let arbiters = runner
                .block_on(async move { (0..count).map(|_| Arbiter::new()).collect::<Vec<_>>() });
            // The receiver is gone only if its thread panicked.
            let _ = send.send((System::current(), arbiters));
            if let Err(error) = runner.run() {
                tracing::error!(%error, "the actor system ended with an error");
            }
        })?;
        let gone = |_| Error::retry("the actor system could not start");
        let (system, arbiters) = receive.recv().map_err(gone)?;
        let mut actors = Vec::new();
        for task in &wiring.tasks {
            let (send, receive) = mpsc::channel();
            let arbiter = &arbiters[task.slot.thread];
            let epochs = epochs.cloned();
            let make = maker(topology.clone(), task.clone(), lent.clone(), reports.clone(), epochs);
            arbiter.spawn_fn(move || {
                let _ = send.send(make());
            });
            actors.push(receive.recv().map_err(gone)?);
        }
        Ok(Threads { system, main, arbiters, actors })
    }

    pub(crate) fn send(&self, task: u32, control: Control) {
        self.actors[task as usize].do_send(control);
    }

    /// Ends all threads. With `wait`, everything that the tasks had is gone afterwards; without it,
    /// a thread that is stuck in a component is left behind.
    pub(crate) fn stop(self, wait: bool) {
        for arbiter in &self.arbiters {
            arbiter.stop();
        }
        drop(self.actors);
        if wait {
            for arbiter in self.arbiters {
                if arbiter.join().is_err() {
                    tracing::error!("an arbiter panicked");
                }
            }
        }
        self.system.stop();
        if self.main.join().is_err() {
            tracing::error!("the actor system panicked");
        }
    }
}

/// What tasks need of a run in epochs.
#[derive(Clone)]
pub(crate) struct EpochWiring {
    door: Arc<Door>,
    replies: Replies,
    dead_letters: Arc<DeadQueue>,
    reader: Arc<dyn StateReader>,
    sources: Vec<(String, Arc<dyn ReplayableSource>)>,
    epoch: u64,
}

impl EpochWiring {
    pub(crate) fn new(topology: &Topology, prepared: &Prepared, replies: Replies) -> Self {
        EpochWiring {
            door: prepared.door.clone(),
            replies,
            dead_letters: Arc::new(DeadQueue {
                topology: topology.name().into(),
                queue: prepared.dead_letters.clone(),
            }),
            reader: prepared.reader.clone(),
            sources: prepared.sources.clone(),
            epoch: prepared.epoch,
        }
    }

    fn source(&self, component: &str) -> Option<Arc<dyn ReplayableSource>> {
        self.sources.iter().find(|(id, _)| id == component).map(|(_, source)| source.clone())
    }

    fn bolt(self, topology: &Topology, context: &TaskContext) -> BoltEpochs {
        let stateful = topology.components().iter().filter(|c| c.stateful);
        let tasks: usize = stateful.map(|component| component.parallelism).sum();
        let memory = topology.settings().state_memory / tasks.max(1) as u64;
        let place = StatePlace {
            reader: self.reader,
            component: context.component.clone(),
            groups: Groups { index: context.index, parallelism: context.parallelism },
            inputs: context.inputs.clone(),
            memory: usize::try_from(memory).unwrap_or(usize::MAX),
        };
        BoltEpochs::new(place, self.door, self.replies, self.dead_letters, self.epoch)
    }
}

/// Makes the actor of one task, on the thread it will run on.
fn maker(
    topology: Arc<Topology>,
    task: Wired,
    lent: Lent,
    reports: Reports,
    epochs: Option<EpochWiring>,
) -> impl FnOnce() -> Addr<TaskActor> + Send {
    move || {
        let component = &topology.components()[task.component];
        let settings = topology.settings();
        let slot = task.slot.clone();
        let context = TaskContext {
            topology: topology.name().into(),
            component: slot.component.clone(),
            task: slot.id,
            index: slot.index,
            parallelism: component.parallelism,
            inputs: Arc::new(component.inputs.clone()),
            senders: slot.in_edges.len(),
            resources: lent.resources,
            waker: slot.signal.waker(),
            clock: lent.clock,
            state: None,
            collector: None,
            source: epochs.as_ref().and_then(|epochs| epochs.source(&slot.component)),
        };
        let body = match component.body.clone() {
            Body::Bolt(factory, _) => {
                // Epochs count their messages by their acks.
                let tracked = settings.acks || epochs.is_some();
                let limit = settings.message_timeout.as_nanos() as u64;
                let patience = Patience::new(settings.retry.clone());
                let epochs = epochs.map(|epochs| epochs.bolt(&topology, &context));
                let topology = topology.clone();
                let output =
                    Box::new(move || task.output(&topology.components()[task.component], tracked));
                let bolt = BoltTask::new(
                    slot.clone(),
                    context,
                    factory,
                    reports,
                    output,
                    limit,
                    (epochs, patience),
                );
                super::task::Body::Bolt(Box::new(bolt))
            }
            Body::Spout(factory) => {
                let limits = SpoutLimits {
                    max_pending: settings.max_pending,
                    message_timeout: settings.message_timeout,
                    retry: settings.retry.clone(),
                    dead_letters: lent.dead_letters,
                };
                let settlements = Settlements::new(slot.signal.clone());
                let schemas: Vec<_> =
                    component.streams.all().iter().map(|s| s.schema.clone()).collect();
                let acks = settings.acks || epochs.is_some();
                let tracked = acks.then(|| settlements.clone());
                let out = SpoutOutput::new(task.output(component, acks), tracked, schemas.clone());
                let place = topology.components()[..task.component].iter().filter(|c| c.is_spout());
                let place = place.count();
                let epochs = epochs.map(|epochs| {
                    let EpochWiring { door, replies, dead_letters, .. } = epochs;
                    let most = settings.retry.max_attempts;
                    SpoutEpochs::new(door, replies, dead_letters, place, most)
                });
                let spout = SpoutTask::new(
                    (slot.clone(), settlements),
                    context,
                    factory,
                    reports,
                    limits,
                    (schemas, out),
                    epochs,
                );
                super::task::Body::Spout(Box::new(spout))
            }
        };
        TaskActor::new(slot, body).start()
    }
}
