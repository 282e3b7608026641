//! The topology in which a test runs.

use std::{collections::HashSet, sync::Arc, time::Duration};

use super::{Entrance, TestCase, feed::Feed, notes::Notes};
use crate::{
    Reach,
    component::{AnyBolt, Input, Inputs, SpoutFactory, Streams},
    engine::{RetryPolicy, Settings},
    output::Grouping,
    topology::{Body, Component, Source, Topology},
};

/// With more threads the order of tuples would be a matter of luck.
const THREADS: usize = 1;
/// Epochs end when the test says so, and not by themselves.
const NEVER: Duration = Duration::from_secs(1 << 31);

/// The topology in which a test runs, and its ends, which the test holds.
pub(super) struct Stage {
    pub(super) topology: Topology,
    /// For each input of the test the way in, if it leads to anything that is expected.
    pub(super) doors: Vec<Option<Door>>,
    /// Which components are ticked, and how often.
    pub(super) ticks: Vec<(String, Duration)>,
    pub(super) notes: Notes,
}

/// A way into the topology.
pub(super) struct Door {
    /// The spout that stands there.
    pub(super) spout: String,
    pub(super) feed: Feed,
    pub(super) stream: usize,
}

/// The components that tuples of these inputs come to.
pub(super) fn reached<'a>(
    components: &[&'a Component],
    inputs: impl Iterator<Item = &'a Entrance>,
) -> HashSet<&'a str> {
    let mut reached: HashSet<&str> = inputs.map(Entrance::id).collect();
    loop {
        let before = reached.len();
        let further = components.iter().filter(|component| {
            component.sources().iter().any(|source| reached.contains(source.from.as_str()))
        });
        let further: Vec<_> = further.map(|component| component.id.as_str()).collect();
        reached.extend(further);
        if reached.len() == before {
            return reached;
        }
    }
}

/// The components on the way from the input to what is expected. Where only dead letters are, all
/// that the input comes to.
fn playing<'a>(topology: &'a Topology, case: &'a TestCase) -> HashSet<&'a str> {
    let components: Vec<_> = topology.components().iter().collect();
    let reached = reached(&components, case.input.iter().map(|input| &input.to));
    if case.expect.is_empty() {
        return reached;
    }
    let mut needed: HashSet<&str> = case.expect.iter().map(|expected| &*expected.id).collect();
    // Each stands behind all that it reads.
    for component in components.iter().rev() {
        if needed.contains(component.id.as_str()) {
            needed.extend(component.sources().iter().map(|source| source.from.as_str()));
        }
    }
    reached.intersection(&needed).copied().collect()
}

impl Stage {
    /// Puts the topology together in which this test runs.
    pub(super) fn set(topology: &Topology, case: &TestCase, patience: Duration) -> Self {
        let playing = playing(topology, case);
        let mut stage = Builder {
            case,
            spouts: Vec::new(),
            bolts: Vec::new(),
            ticks: Vec::new(),
            doors: case.input.iter().map(|_| None).collect(),
            notes: Notes::default(),
        };
        for component in topology.components() {
            if playing.contains(component.id.as_str()) {
                match component.is_spout() {
                    true => stage.spout(component),
                    false => stage.bolt(component, &playing),
                }
            }
        }
        stage.spouts.extend(stage.bolts);
        let name = topology.name().to_owned();
        let topology =
            Topology::assembled(name, settings(topology.settings(), patience), stage.spouts);
        Stage { topology, doors: stage.doors, ticks: stage.ticks, notes: stage.notes }
    }
}

/// The settings of a test: nothing waits for long, and nothing happens by itself.
fn settings(settings: &Settings, patience: Duration) -> Settings {
    Settings {
        threads: THREADS,
        retry: RetryPolicy {
            max_attempts: 3,
            backoff: Duration::from_millis(1),
            max_backoff: Duration::from_millis(10),
            stall_after: u64::MAX,
        },
        // Whoever is stuck is to be known when the patience is at its end.
        stuck_after: patience / 2,
        commit_interval: NEVER,
        commit_messages: u64::MAX,
        commit_bytes: u64::MAX,
        ..settings.clone()
    }
}

struct Builder<'a> {
    case: &'a TestCase,
    spouts: Vec<Component>,
    bolts: Vec<Component>,
    ticks: Vec<(String, Duration)>,
    doors: Vec<Option<Door>>,
    notes: Notes,
}

impl Builder<'_> {
    /// In place of a spout one that emits what the test gives.
    fn spout(&mut self, component: &Component) {
        let feed = Feed::default();
        for (input, door) in self.case.input.iter().zip(&mut self.doors) {
            if let Entrance::Spout { id, stream } = &input.to
                && *id == component.id
            {
                let (spout, feed) = (id.clone(), feed.clone());
                *door = Some(Door { spout, feed, stream: *stream });
            }
        }
        self.spouts.push(spout(&component.id, &component.streams, &feed));
        self.watch(component);
    }

    fn bolt(&mut self, component: &Component, playing: &HashSet<&str>) {
        let (id, Body::Bolt(factory, sources)) = (&component.id, &component.body) else { return };
        let sources = sources.iter().enumerate().map(|(input, source)| {
            let entrance = Entrance::Bolt { id: id.clone(), input };
            let given = self.case.input.iter().position(|given| given.to == entrance);
            if given.is_none() && playing.contains(source.from.as_str()) {
                return source.clone();
            }
            // Where the test gives nothing, nothing comes.
            let spout_id = format!("{} to {id} {input}", source.from);
            let feed = Feed::default();
            let schema = component.inputs.all()[input].schema.clone();
            self.spouts.push(spout(&spout_id, &Streams::one(schema), &feed));
            if let Some(given) = given {
                self.doors[given] = Some(Door { spout: spout_id.clone(), feed, stream: 0 });
            }
            let stream = "default".to_owned();
            Source { from: spout_id, stream, grouping: source.grouping.clone() }
        });
        let sources: Vec<_> = sources.collect();
        if component.streams.all().is_empty() {
            // A sink writes outside; where something is expected of it, what comes is noted.
            if let Some(slot) = self.case.expect.iter().position(|expected| expected.id == *id) {
                let inputs = component.inputs.clone();
                let note = plain(id.clone(), note(&self.notes, slot, sources));
                self.bolts.push(Component { inputs, ..note });
            }
            return;
        }
        self.ticks.extend(component.tick.map(|every| (id.clone(), every)));
        let body = Body::Bolt(factory.clone(), sources);
        self.bolts.push(Component { parallelism: 1, tick: None, body, ..component.clone() });
        self.watch(component);
    }

    /// Takes note of what a component emits, where something is expected of it.
    fn watch(&mut self, component: &Component) {
        for (slot, expected) in self.case.expect.iter().enumerate() {
            let stream = expected.stream.as_ref().filter(|_| expected.id == component.id);
            let Some(stream) = stream.and_then(|name| component.streams.get(name)) else {
                continue;
            };
            let (from, name) = (component.id.clone(), stream.name.clone());
            let keys = Some(Vec::new());
            let schema = stream.schema.clone();
            let input = Input { from: from.clone(), stream: name.clone(), schema, keys };
            let source = Source { from, stream: name, grouping: Grouping::Global };
            self.bolts.push(Component {
                inputs: Inputs::new(vec![input]),
                ..plain(format!("note {slot}"), note(&self.notes, slot, vec![source]))
            });
        }
    }
}

fn spout(id: &str, streams: &Streams, feed: &Feed) -> Component {
    let (feed, declared) = (feed.clone(), streams.clone());
    let factory: SpoutFactory = Arc::new(move || Ok(Box::new(feed.spout(&declared))));
    Component { streams: streams.clone(), ..plain(id.to_owned(), Body::Spout(factory)) }
}

fn note(notes: &Notes, slot: usize, sources: Vec<Source>) -> Body {
    let notes = notes.clone();
    Body::Bolt(Arc::new(move || Ok(AnyBolt::Row(Box::new(notes.bolt(slot))))), sources)
}

/// A component of the test's own, with one task.
fn plain(id: String, body: Body) -> Component {
    Component {
        id,
        kind: "test".to_owned(),
        parallelism: 1,
        blocking: false,
        tick: None,
        stateful: false,
        reach: Reach::Inside,
        body,
        streams: Streams::none(),
        inputs: Inputs::default(),
    }
}
