//! The actix system of a running topology: its arbiters and actors.

use std::{
    sync::{Arc, mpsc},
    thread::JoinHandle,
};

use actix::{Actor, Addr, Arbiter, System};

use super::{
    task::{BoltTask, Control, DeadLetters, Reports, SpoutLimits, SpoutTask, TaskActor},
    wiring::{Wired, Wiring},
};
use crate::{
    ack::Settlements,
    clock::Clock,
    component::{Resources, TaskContext},
    error::{Error, Result},
    output::SpoutOutput,
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
            let make = maker(topology.clone(), task.clone(), lent.clone(), reports.clone());
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

    /// Ends all threads. A thread that is stuck in a component is left behind.
    pub(crate) fn stop(self) {
        for arbiter in &self.arbiters {
            arbiter.stop();
        }
        self.system.stop();
        if self.main.join().is_err() {
            tracing::error!("the actor system panicked");
        }
    }
}

/// Makes the actor of one task, on the thread it will run on.
fn maker(
    topology: Arc<Topology>,
    task: Wired,
    lent: Lent,
    reports: Reports,
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
            resources: lent.resources,
            waker: slot.signal.waker(),
            clock: lent.clock,
            state: None,
            source: None,
        };
        let body = match component.body.clone() {
            Body::Bolt(factory, _) => {
                let (topology, tracked) = (topology.clone(), settings.acks);
                let output =
                    Box::new(move || task.output(&topology.components()[task.component], tracked));
                let limit = settings.message_timeout.as_nanos() as u64;
                let bolt = BoltTask::new(slot.clone(), context, factory, reports, output, limit);
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
                let tracked = settings.acks.then(|| settlements.clone());
                let out = SpoutOutput::new(
                    task.output(component, settings.acks),
                    tracked,
                    schemas.clone(),
                );
                let spout = SpoutTask::new(
                    (slot.clone(), settlements),
                    context,
                    factory,
                    reports,
                    limits,
                    schemas,
                    out,
                );
                super::task::Body::Spout(Box::new(spout))
            }
        };
        TaskActor::new(slot, body).start()
    }
}
