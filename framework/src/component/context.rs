//! What a task knows of itself.

use std::{sync::Arc, task::Waker};

use super::{Inputs, Resources};
use crate::{
    clock::Clock,
    epoch::{Collector, ReplayableSource},
    error::{Error, Result},
    state::State,
};

/// What a task knows of itself and its surroundings when it is prepared.
#[derive(Clone)]
pub struct TaskContext {
    pub(crate) topology: Arc<str>,
    pub(crate) component: Arc<str>,
    pub(crate) task: u32,
    pub(crate) index: usize,
    pub(crate) parallelism: usize,
    pub(crate) inputs: Arc<Inputs>,
    pub(crate) senders: usize,
    pub(crate) resources: Resources,
    pub(crate) waker: Waker,
    pub(crate) clock: Clock,
    pub(crate) state: Option<State>,
    pub(crate) collector: Option<Collector>,
    pub(crate) source: Option<Arc<dyn ReplayableSource>>,
}

impl TaskContext {
    /// The topology's name.
    #[must_use]
    pub fn topology(&self) -> &str {
        &self.topology
    }

    /// The component's id in the topology.
    #[must_use]
    pub fn component(&self) -> &str {
        &self.component
    }

    /// The task's number in the topology; the same over restarts.
    #[must_use]
    pub fn task(&self) -> u32 {
        self.task
    }

    /// The task's number in its component, from 0.
    #[must_use]
    pub fn index(&self) -> usize {
        self.index
    }

    /// How many tasks the component has.
    #[must_use]
    pub fn parallelism(&self) -> usize {
        self.parallelism
    }

    /// What comes into the bolt; empty for a spout.
    #[must_use]
    pub fn inputs(&self) -> &Inputs {
        &self.inputs
    }

    /// How many tasks send to this one, over all inputs; a batch says
    /// [which one](crate::TupleBatch::sender) it comes from.
    #[must_use]
    pub fn senders(&self) -> usize {
        self.senders
    }

    /// The state of this task, for a bolt that is [`stateful`](crate::Bolt::stateful).
    ///
    /// # Errors
    /// The bolt has not said that it is.
    pub fn state(&self) -> Result<State> {
        self.state.clone().ok_or_else(|| {
            let id = &self.component;
            Error::data(format!("`{id}` asks for its state, but `stateful` does not say so"))
        })
    }

    /// Where a sink puts its rows and messages when the topology runs in
    /// epochs, instead of writing them by itself.
    #[must_use]
    pub fn collector(&self) -> Option<Collector> {
        self.collector.clone()
    }

    /// For a spout of a topology that runs in epochs: its source, which is
    /// claimed already. See [`Spout::source`](crate::Spout::source).
    #[must_use]
    pub fn source(&self) -> Option<Arc<dyn ReplayableSource>> {
        self.source.clone()
    }

    /// The time, in microseconds since 1970-01-01 UTC. Tests may set it.
    #[must_use]
    pub fn now(&self) -> i64 {
        self.clock.now()
    }

    /// What tells the time to this task.
    #[must_use]
    pub fn clock(&self) -> Clock {
        self.clock.clone()
    }

    /// The resource of this type that the process lends, for example its queues.
    #[must_use]
    pub fn resource<T: std::any::Any + Send + Sync>(&self) -> Option<Arc<T>> {
        self.resources.get()
    }

    /// Wakes the task from any thread: a spout that was idle is asked again.
    #[must_use]
    pub fn waker(&self) -> Waker {
        self.waker.clone()
    }
}

impl std::fmt::Debug for TaskContext {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "TaskContext({} of `{}`)", self.index, self.component)
    }
}
