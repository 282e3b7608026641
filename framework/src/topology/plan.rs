//! A topology that can run: components in order, each with its factory,
//! inputs and streams.

use std::{collections::HashMap, time::Duration};

use super::deliveries::Reach;
use crate::{
    component::{BoltFactory, Factory, Input, Inputs, Problem, SpoutFactory, Streams},
    engine::{Delivery, Settings},
    output::Grouping,
    state::KEY_GROUPS,
};

/// Where one input of a bolt comes from.
#[derive(Debug, Clone)]
pub struct Source {
    /// The id of the component that emits.
    pub from: String,
    /// The stream's name there.
    pub stream: String,
    /// How its tuples are shared among the bolt's tasks.
    pub grouping: Grouping,
}

/// What makes a component's tasks.
#[derive(Clone)]
pub enum Body {
    /// A spout.
    Spout(SpoutFactory),
    /// A bolt and what it reads.
    Bolt(BoltFactory, Vec<Source>),
}

/// A component of a topology.
#[derive(Clone)]
pub struct Component {
    /// Its id, unique in the topology.
    pub id: String,
    /// The name of its type, for graphs and messages.
    pub kind: String,
    /// How many tasks it has.
    pub parallelism: usize,
    /// Whether each task has a thread of its own.
    pub blocking: bool,
    /// How often its bolts are ticked.
    pub tick: Option<Duration>,
    /// Whether its bolts keep state.
    pub stateful: bool,
    /// What it does outside of the topology.
    pub reach: Reach,
    /// Its factory and inputs.
    pub body: Body,
    /// What it emits.
    pub streams: Streams,
    /// What comes into it; empty for a spout.
    pub inputs: Inputs,
}

impl Component {
    /// Where its inputs come from; empty for a spout.
    #[must_use]
    pub fn sources(&self) -> &[Source] {
        match &self.body {
            Body::Spout(_) => &[],
            Body::Bolt(_, sources) => sources,
        }
    }

    /// Whether it is a spout.
    #[must_use]
    pub fn is_spout(&self) -> bool {
        matches!(self.body, Body::Spout(_))
    }
}

/// A topology that can run. Components stand in topological order: each one
/// behind all that it reads.
#[derive(Clone)]
pub struct Topology {
    name: String,
    settings: Settings,
    components: Vec<Component>,
}

impl Topology {
    /// Starts a topology of this name.
    ///
    /// ```
    /// use squall_framework::{Grouping, Topology};
    /// # use squall_framework::{testing::Numbers, testing::Discard};
    /// let topology = Topology::builder("two-steps")
    ///     .spout("numbers", 1, || Ok(Numbers::up_to(1000)))
    ///     .bolt("sink", 2, &[("numbers", Grouping::Shuffle)], || Ok(Discard))
    ///     .build()?;
    /// assert_eq!(topology.components().len(), 2);
    /// # Ok::<(), squall_framework::Problem>(())
    /// ```
    #[must_use]
    pub fn builder(name: &str) -> TopologyBuilder {
        TopologyBuilder { name: name.into(), settings: Settings::default(), parts: Vec::new() }
    }

    /// A topology of components that have been checked, each behind all that it reads.
    pub(crate) fn assembled(name: String, settings: Settings, components: Vec<Component>) -> Self {
        Topology { name, settings, components }
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// How it is to run.
    #[must_use]
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// Its components, each behind all that it reads.
    #[must_use]
    pub fn components(&self) -> &[Component] {
        &self.components
    }

    /// A builder with the same components, to change something.
    #[must_use]
    pub fn to_builder(&self) -> TopologyBuilder {
        let parts = self.components.iter().map(|component| Part {
            id: component.id.clone(),
            kind: component.kind.clone(),
            parallelism: component.parallelism,
            blocking: Some(component.blocking),
            tick: component.tick,
            body: component.body.clone(),
        });
        TopologyBuilder {
            name: self.name.clone(),
            settings: self.settings.clone(),
            parts: parts.collect(),
        }
    }

    /// Whether it runs in epochs: a bolt keeps state, or results are to be exact.
    #[must_use]
    pub fn runs_in_epochs(&self) -> bool {
        self.settings.delivery == Delivery::ExactlyOnce
            || self.components.iter().any(|component| component.stateful)
    }

    /// The component of this id.
    #[must_use]
    pub fn component(&self, id: &str) -> Option<&Component> {
        self.components.iter().find(|component| component.id == id)
    }
}

/// A component before its streams are known.
struct Part {
    id: String,
    kind: String,
    parallelism: usize,
    blocking: Option<bool>,
    tick: Option<Duration>,
    body: Body,
}

/// Puts a topology together from components in any order.
pub struct TopologyBuilder {
    name: String,
    settings: Settings,
    parts: Vec<Part>,
}

impl TopologyBuilder {
    /// How it is to run.
    #[must_use]
    pub fn settings(mut self, settings: Settings) -> Self {
        self.settings = settings;
        self
    }

    /// Under another name.
    #[must_use]
    pub fn name(mut self, name: &str) -> Self {
        self.name = name.into();
        self
    }

    /// Gives the component of this id another number of tasks.
    #[must_use]
    pub fn parallelism(mut self, id: &str, parallelism: usize) -> Self {
        for part in self.parts.iter_mut().filter(|part| part.id == id) {
            part.parallelism = parallelism.max(1);
        }
        self
    }

    /// Adds a spout; `make` is called once per task.
    #[must_use]
    pub fn spout<S: crate::Spout>(
        self,
        id: &str,
        parallelism: usize,
        make: impl Fn() -> crate::Result<S> + Send + Sync + 'static,
    ) -> Self {
        let factory: SpoutFactory = std::sync::Arc::new(move || Ok(Box::new(make()?)));
        self.component(id, "custom", parallelism, Factory::Spout(factory), Vec::new())
    }

    /// Adds a bolt that reads the default streams of `inputs`.
    #[must_use]
    pub fn bolt<B: crate::Bolt>(
        self,
        id: &str,
        parallelism: usize,
        inputs: &[(&str, Grouping)],
        make: impl Fn() -> crate::Result<B> + Send + Sync + 'static,
    ) -> Self {
        let factory: BoltFactory =
            std::sync::Arc::new(move || Ok(crate::AnyBolt::Row(Box::new(make()?))));
        self.component(id, "custom", parallelism, Factory::Bolt(factory), default_streams(inputs))
    }

    /// Adds a bolt that works on whole batches.
    #[must_use]
    pub fn batch_bolt<B: crate::BatchBolt>(
        self,
        id: &str,
        parallelism: usize,
        inputs: &[(&str, Grouping)],
        make: impl Fn() -> crate::Result<B> + Send + Sync + 'static,
    ) -> Self {
        let factory: BoltFactory =
            std::sync::Arc::new(move || Ok(crate::AnyBolt::Batch(Box::new(make()?))));
        self.component(id, "custom", parallelism, Factory::Bolt(factory), default_streams(inputs))
    }

    /// Adds a component of a named type.
    #[must_use]
    pub fn component(
        mut self,
        id: &str,
        kind: &str,
        parallelism: usize,
        factory: Factory,
        sources: Vec<Source>,
    ) -> Self {
        let body = match factory {
            Factory::Spout(factory) => Body::Spout(factory),
            Factory::Bolt(factory) => Body::Bolt(factory, sources),
        };
        self.parts.push(Part {
            id: id.into(),
            kind: kind.into(),
            parallelism: parallelism.max(1),
            blocking: None,
            tick: None,
            body,
        });
        self
    }

    /// Says whether each task of the component added last has a thread of its
    /// own, whatever the component says of itself.
    #[must_use]
    pub fn blocking(mut self, blocking: bool) -> Self {
        if let Some(part) = self.parts.last_mut() {
            part.blocking = Some(blocking);
        }
        self
    }

    /// Ticks the bolts of the component added last at this interval.
    #[must_use]
    pub fn tick(mut self, every: Duration) -> Self {
        if let Some(part) = self.parts.last_mut() {
            part.tick = Some(every);
        }
        self
    }

    /// Orders the components and asks each for its streams.
    ///
    /// # Errors
    /// An id that is used twice, an input or stream that does not exist, a
    /// grouping field that the stream does not have, a cycle, or what a
    /// component finds wrong with its inputs.
    pub fn build(self) -> Result<Topology, Problem> {
        let mut waiting = self.parts;
        for (index, part) in waiting.iter().enumerate() {
            if waiting[..index].iter().any(|other| other.id == part.id) {
                return Err(Problem::new(format!("two components have the id `{}`", part.id)));
            }
        }
        let mut components: Vec<Component> = Vec::new();
        while !waiting.is_empty() {
            let known: HashMap<&str, &Streams> =
                components.iter().map(|c| (c.id.as_str(), &c.streams)).collect();
            let ready = waiting.iter().position(|part| match &part.body {
                Body::Spout(_) => true,
                Body::Bolt(_, sources) => {
                    sources.iter().all(|source| known.contains_key(source.from.as_str()))
                }
            });
            let Some(ready) = ready else { return Err(not_reachable(&waiting)) };
            let resolved = resolve(&waiting[ready], &known)?;
            waiting.remove(ready);
            components.push(resolved);
        }
        Ok(Topology { name: self.name, settings: self.settings, components })
    }
}

fn default_streams(inputs: &[(&str, Grouping)]) -> Vec<Source> {
    let source = |(from, grouping): &(&str, Grouping)| Source {
        from: (*from).into(),
        stream: "default".into(),
        grouping: grouping.clone(),
    };
    inputs.iter().map(source).collect()
}

fn resolve(part: &Part, known: &HashMap<&str, &Streams>) -> Result<Component, Problem> {
    let named = |error: crate::Error| Problem::new(format!("`{}`: {error}", part.id));
    let (streams, inputs, wants_thread, stateful, reach) = match &part.body {
        Body::Spout(factory) => {
            let spout = factory().map_err(named)?;
            (spout.declare()?, Inputs::default(), spout.blocking(), false, Reach::Inside)
        }
        Body::Bolt(factory, sources) => {
            let inputs = inputs(part, sources, known)?;
            let bolt = factory().map_err(named)?;
            let streams = bolt.declare(&inputs)?;
            if bolt.stateful() {
                check_state(&part.id, part.parallelism, &inputs)?;
            }
            let reach = Reach::of(&bolt, !streams.all().is_empty());
            (streams, inputs, bolt.blocking(), bolt.stateful(), reach)
        }
    };
    Ok(Component {
        id: part.id.clone(),
        kind: part.kind.clone(),
        parallelism: part.parallelism,
        blocking: part.blocking.unwrap_or(wants_thread),
        tick: part.tick,
        stateful,
        reach,
        body: part.body.clone(),
        streams,
        inputs,
    })
}

/// Whether a bolt may keep state with these inputs: equal keys must meet at one task.
pub(super) fn check_state(id: &str, parallelism: usize, inputs: &Inputs) -> Result<(), Problem> {
    let loose = inputs.all().iter().filter(|input| input.keys.is_none());
    Problem::all(loose.map(|input| {
        let message = format!(
            "`{id}` keeps state, but what comes from `{}` may go to any of its tasks",
            input.from
        );
        Problem::new(message).help(format!(
            "write `{{ from: {}, grouping: fields, fields: [...] }}`, or `grouping: global`",
            input.from
        ))
    }))?;
    if parallelism as u64 > KEY_GROUPS {
        let message = format!("`{id}` keeps state, so it has at most {KEY_GROUPS} tasks");
        return Err(Problem::new(message));
    }
    Ok(())
}

fn inputs(
    part: &Part,
    sources: &[Source],
    known: &HashMap<&str, &Streams>,
) -> Result<Inputs, Problem> {
    let mut inputs = Vec::new();
    for source in sources {
        let stream = known.get(source.from.as_str()).and_then(|s| s.get(&source.stream));
        let Some(stream) = stream else {
            let message = format!(
                "`{}` reads the stream `{}` of `{}`, which does not emit it",
                part.id, source.stream, source.from
            );
            return Err(Problem::new(message));
        };
        for field in source.grouping.fields() {
            if stream.schema.index(field).is_none() {
                let message = format!("`{}` has no field `{field}` to group by", source.from);
                return Err(Problem::new(message));
            }
        }
        inputs.push(Input {
            from: source.from.clone(),
            stream: source.stream.clone(),
            schema: stream.schema.clone(),
            keys: source.grouping.keys(),
        });
    }
    Ok(Inputs::new(inputs))
}

fn not_reachable(waiting: &[Part]) -> Problem {
    let ids: Vec<_> = waiting.iter().map(|part| format!("`{}`", part.id)).collect();
    Problem::new(format!(
        "{} read each other in a circle, or something that does not exist",
        ids.join(", ")
    ))
}
