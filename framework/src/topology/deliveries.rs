//! What a crash can do to what leaves a topology.

use super::plan::{Body, Component, Topology};
use crate::{component::AnyBolt, engine::Delivery, epoch::CommitTarget};

/// What a component does outside of the topology.
#[derive(Debug, Clone)]
pub enum Reach {
    /// Nothing: it only emits.
    Inside,
    /// It has rows for a store that commits them together with what was read.
    Store(CommitTarget),
    /// It sends messages after the commit.
    AfterCommit,
    /// It writes by itself.
    Direct,
}

impl Reach {
    pub(super) fn of(bolt: &AnyBolt, emits: bool) -> Self {
        match bolt.commits_to() {
            Some(target) => Reach::Store(target),
            None if bolt.sends_after_commit() => Reach::AfterCommit,
            None if emits => Reach::Inside,
            None => Reach::Direct,
        }
    }
}

/// How often what leaves by a component is there after a crash, and why.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Delivered {
    /// The component's id.
    pub component: String,
    /// Exactly once; otherwise at least once.
    pub exactly_once: bool,
    /// Why.
    pub why: String,
}

impl Topology {
    /// The store of the commits: the first that a component names, unless results may be written
    /// again.
    #[must_use]
    pub fn commit_target(&self) -> Option<&CommitTarget> {
        if !self.runs_in_epochs() || self.settings().delivery == Delivery::AtLeastOnce {
            return None;
        }
        self.targets().next().map(|(_, target)| target)
    }

    /// The components that have rows for a store, with the store.
    pub fn targets(&self) -> impl Iterator<Item = (&Component, &CommitTarget)> {
        self.components().iter().filter_map(|component| match &component.reach {
            Reach::Store(target) => Some((component, target)),
            _ => None,
        })
    }

    /// For everything that leaves the topology: whether a crash can repeat it.
    #[must_use]
    pub fn deliveries(&self) -> Vec<Delivered> {
        let leaves = self.components().iter().filter(|c| !matches!(c.reach, Reach::Inside));
        leaves.map(|component| self.delivery_of(component)).collect()
    }

    fn delivery_of(&self, component: &Component) -> Delivered {
        let (exactly_once, why) = match (&component.reach, self.commit_target()) {
            (Reach::Direct, _) => (
                false,
                "it writes as soon as a tuple comes, so what was under way is written again"
                    .to_owned(),
            ),
            (Reach::Store(_), None) if !self.runs_in_epochs() => (
                false,
                "no bolt keeps state, so messages are settled one by one; with `delivery: \
                 exactly_once` rows are committed together with what was read"
                    .to_owned(),
            ),
            (_, _) if !self.runs_in_epochs() => {
                (false, "no bolt keeps state, so messages are settled one by one".to_owned())
            }
            (Reach::AfterCommit, _) => (
                true,
                "messages leave after the commit, and the queue knows which it has".to_owned(),
            ),
            (Reach::Store(_), None) => (
                false,
                "`delivery: at_least_once`: what was read is committed in the state folder, after \
                 the rows"
                    .to_owned(),
            ),
            (Reach::Store(target), Some(first)) if target.name() == first.name() => (
                true,
                format!("rows, state and what was read are one transaction of {}", first.name()),
            ),
            (Reach::Store(_) | Reach::Inside, Some(first)) => (
                false,
                format!(
                    "what was read is committed in {}, another store, after these rows",
                    first.name()
                ),
            ),
            (Reach::Inside, None) => (true, String::new()),
        };
        match self.forgetful_spouts().as_slice() {
            [] => Delivered { component: component.id.clone(), exactly_once, why },
            spouts => Delivered {
                component: component.id.clone(),
                exactly_once: false,
                why: format!(
                    "{} cannot go back: when the process ends, what was read of it and not \
                     committed is lost",
                    spouts.join(", ")
                ),
            },
        }
    }

    /// In epochs: the spouts whose source cannot go back.
    fn forgetful_spouts(&self) -> Vec<String> {
        if !self.runs_in_epochs() {
            return Vec::new();
        }
        let spouts = self.components().iter().filter(|component| match &component.body {
            Body::Spout(factory) => !factory().is_ok_and(|spout| spout.source().is_some()),
            Body::Bolt(..) => false,
        });
        spouts.map(|spout| format!("`{}`", spout.id)).collect()
    }
}
