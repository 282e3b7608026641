//! Which tasks there are, on which threads, and the edges between them.

use std::sync::Arc;

use super::{
    TaskSignal,
    edge::{Edge, Ends, Inbox},
    slot::Slot,
};
use crate::{
    output::{Grouping, Output, StreamOut, Subscriber},
    topology::{Component, Topology},
};

/// One task, with all that its output needs.
#[derive(Clone)]
pub(crate) struct Wired {
    pub(crate) slot: Arc<Slot>,
    /// The index of its component.
    pub(crate) component: usize,
    /// For each stream its subscribers.
    streams: Vec<Vec<Subscription>>,
}

/// The tasks of one bolt, seen from one task that emits to them.
#[derive(Clone)]
struct Subscription {
    grouping: Grouping,
    edges: Vec<Arc<Edge>>,
    local: Vec<usize>,
}

impl Wired {
    /// An output that leads to this task's edges.
    pub(crate) fn output(&self, component: &Component, tracked: bool) -> Output {
        let streams = component.streams.all().iter().zip(&self.streams);
        let streams = streams.map(|(stream, subscriptions)| {
            let subscribers = subscriptions.iter().map(|s| {
                let start = self.slot.index;
                Subscriber::new(
                    &s.grouping,
                    &stream.schema,
                    s.edges.clone(),
                    s.local.clone(),
                    start,
                )
            });
            StreamOut::new(&stream.schema, subscribers.collect())
        });
        let (id, names) = (self.slot.component.clone(), component.streams.clone());
        Output::new(id, names, streams.collect(), tracked)
    }
}

/// All tasks and edges of a topology, and how many threads they need.
pub(crate) struct Wiring {
    pub(crate) tasks: Vec<Wired>,
    pub(crate) edges: Vec<Arc<Edge>>,
    pub(crate) threads: usize,
}

/// A task before it has edges.
struct Place {
    component: usize,
    index: usize,
    thread: usize,
    signal: Arc<TaskSignal>,
    inbox: Arc<Inbox>,
    in_edges: Vec<Arc<Edge>>,
    streams: Vec<Vec<Subscription>>,
}

impl Wiring {
    pub(crate) fn new(topology: &Topology) -> Self {
        let components = topology.components();
        let (mut places, threads) = place(topology);
        let mut edges = Vec::new();
        for (to, component) in components.iter().enumerate() {
            for (input, source) in component.sources().iter().enumerate() {
                let Some(from) = components.iter().position(|c| c.id == source.from) else {
                    continue;
                };
                let streams = components[from].streams.all();
                let Some(stream) = streams.iter().position(|s| s.name == source.stream) else {
                    continue;
                };
                let receivers = tasks_of(&places, to);
                for sender in tasks_of(&places, from) {
                    let subscription = connect(
                        &mut places,
                        (sender, &receivers),
                        input as u32,
                        source.grouping.clone(),
                        topology,
                    );
                    edges.extend(subscription.edges.iter().cloned());
                    places[sender].streams[stream].push(subscription);
                }
            }
        }
        let tasks = places.into_iter().enumerate().map(|(id, place)| {
            let component = &components[place.component];
            let slot = Slot::new(
                id as u32,
                component.id.as_str().into(),
                place.index,
                component.is_spout(),
                place.thread,
                (place.signal, place.inbox),
                place.in_edges,
            );
            Wired { slot, component: place.component, streams: place.streams }
        });
        Wiring { tasks: tasks.collect(), edges, threads }
    }
}

/// Gives every task a thread: in turn among the shared ones, in topological
/// order, so that neighbours in a chain are on different threads.
fn place(topology: &Topology) -> (Vec<Place>, usize) {
    let shared = topology.settings().threads.max(1);
    let (mut next, mut own) = (0, shared);
    let mut places = Vec::new();
    for (number, component) in topology.components().iter().enumerate() {
        for index in 0..component.parallelism {
            let counter = if component.blocking { &mut own } else { &mut next };
            let thread = if component.blocking { *counter } else { *counter % shared };
            *counter += 1;
            places.push(Place {
                component: number,
                index,
                thread,
                signal: TaskSignal::new(),
                inbox: Arc::default(),
                in_edges: Vec::new(),
                streams: vec![Vec::new(); component.streams.all().len()],
            });
        }
    }
    (places, own)
}

fn tasks_of(places: &[Place], component: usize) -> Vec<usize> {
    (0..places.len()).filter(|task| places[*task].component == component).collect()
}

/// Edges from one task to all tasks of a bolt.
fn connect(
    places: &mut [Place],
    (sender, receivers): (usize, &[usize]),
    input: u32,
    grouping: Grouping,
    topology: &Topology,
) -> Subscription {
    let settings = topology.settings();
    let mut edges = Vec::new();
    let mut local = Vec::new();
    for (index, receiver) in receivers.iter().enumerate() {
        if places[*receiver].thread == places[sender].thread {
            local.push(index);
        }
        let ends = Ends {
            number: places[*receiver].in_edges.len() as u32,
            input,
            from: sender as u32,
            to: *receiver as u32,
            inbox: places[*receiver].inbox.clone(),
            receiver: places[*receiver].signal.clone(),
            sender: places[sender].signal.clone(),
        };
        let edge = Edge::new(ends, settings.edge_batches, settings.edge_bytes);
        places[*receiver].in_edges.push(edge.clone());
        edges.push(edge);
    }
    Subscription { grouping, edges, local }
}
