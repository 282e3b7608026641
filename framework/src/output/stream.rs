//! One stream of a component and those who subscribe to it.

use std::sync::Arc;

use super::{
    grouping::{Grouping, Route, Way},
    target::{Anchor, Target},
};
use crate::{
    engine::Edge,
    error::{Error, Result},
    tuple::{Schema, TupleBatch, ValueRef},
};

/// A bolt that subscribes to a stream: its tasks and how they share.
pub(crate) struct Subscriber {
    route: Route,
    pub(crate) targets: Vec<Target>,
}

impl Subscriber {
    /// `local` are the indexes of the tasks on the sender's thread; `start`
    /// differs between senders, so that not all begin with the same task.
    pub(crate) fn new(
        grouping: &Grouping,
        schema: &Schema,
        edges: Vec<Arc<Edge>>,
        local: Vec<usize>,
        start: usize,
    ) -> Self {
        let route = Route::new(grouping, schema, edges.len(), local, start);
        let target = |edge| Target::new(edge, TupleBatch::new(schema.clone(), 0));
        Subscriber { route, targets: edges.into_iter().map(target).collect() }
    }
}

/// One stream of a component.
pub(crate) struct StreamOut {
    width: usize,
    pub(crate) emitted: u64,
    /// `emitted` before the call in hand, should it have to be taken back.
    mark: u64,
    mark_call: u64,
    pub(crate) subscribers: Vec<Subscriber>,
}

impl StreamOut {
    pub(crate) fn new(schema: &Schema, subscribers: Vec<Subscriber>) -> Self {
        StreamOut { width: schema.len(), emitted: 0, mark: 0, mark_call: 0, subscribers }
    }

    #[inline]
    pub(super) fn emit(&mut self, row: &[ValueRef<'_>], anchor: &Anchor) -> Result<()> {
        if row.len() != self.width {
            return self.check(row);
        }
        self.count(anchor);
        if let [subscriber] = &mut self.subscribers[..]
            && let Route::One = subscriber.route
        {
            subscriber.targets[0].push(row, anchor);
            return Ok(());
        }
        for subscriber in &mut self.subscribers {
            match subscriber.route.choose(row, &subscriber.targets) {
                Way::To(target) => subscriber.targets[target].push(row, anchor),
                Way::ToAll => {
                    for target in &mut subscriber.targets {
                        target.push(row, anchor);
                    }
                }
                Way::Nowhere => {}
            }
        }
        Ok(())
    }

    pub(super) fn emit_direct(
        &mut self,
        task: u32,
        row: &[ValueRef<'_>],
        anchor: &Anchor,
    ) -> Result<()> {
        self.check(row)?;
        let direct = self.subscribers.iter_mut().filter(|s| matches!(s.route, Route::Direct));
        let mut targets = direct.flat_map(|s| &mut s.targets);
        match targets.find(|target| target.edge.to == task) {
            Some(target) => {
                target.push(row, anchor);
                self.count(anchor);
                Ok(())
            }
            None => Err(Error::data(format!(
                "emits directly to task {task}, which is no task behind a direct grouping of this stream"
            ))),
        }
    }

    pub(super) fn direct_tasks(&self) -> Vec<u32> {
        let direct = self.subscribers.iter().filter(|s| matches!(s.route, Route::Direct));
        direct.flat_map(|s| &s.targets).map(|target| target.edge.to).collect()
    }

    pub(super) fn is_blocked(&self) -> bool {
        self.subscribers.iter().flat_map(|s| &s.targets).any(Target::is_blocked)
    }

    #[inline]
    fn count(&mut self, anchor: &Anchor) {
        if self.mark_call != anchor.call() {
            self.mark_call = anchor.call();
            self.mark = self.emitted;
        }
        self.emitted += 1;
    }

    /// Takes back what this call has emitted and not yet sent.
    pub(super) fn roll_back(&mut self, call: u64) {
        if self.mark_call == call {
            self.emitted = self.mark;
            for target in self.subscribers.iter_mut().flat_map(|s| &mut s.targets) {
                target.roll_back(call);
            }
        }
    }

    #[cold]
    fn check(&self, row: &[ValueRef<'_>]) -> Result<()> {
        if row.len() == self.width {
            return Ok(());
        }
        Err(Error::data(format!(
            "emits a row of {} values to a stream of {} fields",
            row.len(),
            self.width
        )))
    }
}
