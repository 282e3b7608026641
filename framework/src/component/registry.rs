//! The component types that a YAML file may name.

use std::{collections::BTreeMap, sync::Arc};

use schemars::JsonSchema;
use serde::de::DeserializeOwned;

use super::{AnyBolt, BatchBolt, Bolt, Spout};
use crate::{error::Result, output::CustomGrouping};

/// Makes the bolt of one task; called again after each panic.
pub type BoltFactory = Arc<dyn Fn() -> Result<AnyBolt> + Send + Sync>;
/// Makes the spout of one task; called again after each panic.
pub type SpoutFactory = Arc<dyn Fn() -> Result<Box<dyn Spout>> + Send + Sync>;

/// The options of a component as the YAML file has them, for components
/// without a configuration type of their own.
pub type AnyConfig = serde_json::Map<String, serde_json::Value>;

/// Whether a component is a spout or a bolt.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// A source of tuples.
    Spout,
    /// Something that works on tuples.
    Bolt,
}

/// What makes the tasks of a component.
#[derive(Clone)]
pub enum Factory {
    /// Makes spouts.
    Spout(SpoutFactory),
    /// Makes bolts.
    Bolt(BoltFactory),
}

/// An option that does not fit the component's configuration type.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct OptionError {
    /// Where, as a path like `fields.2.name`; empty for the whole.
    pub path: String,
    /// What is wrong.
    pub message: String,
}

type Configure = dyn Fn(&serde_yaml::Value) -> Result<Factory, OptionError> + Send + Sync;

/// A type of component: a name, its documentation and options, and how to
/// make one from a configuration.
#[derive(Clone)]
pub struct ComponentType {
    name: String,
    role: Role,
    summary: String,
    docs: String,
    options: schemars::Schema,
    configure: Arc<Configure>,
}

impl ComponentType {
    /// A bolt type. `make` is called once per task with the configuration; it
    /// must not touch anything outside, `prepare` is for that.
    pub fn bolt<C, B>(name: &str, make: impl Fn(&C) -> Result<B> + Send + Sync + 'static) -> Self
    where
        C: DeserializeOwned + JsonSchema + Send + Sync + 'static,
        B: Bolt,
    {
        let make = Arc::new(make);
        Self::new(name, Role::Bolt, move |config: Arc<C>| {
            let make = make.clone();
            Factory::Bolt(Arc::new(move || Ok(AnyBolt::Row(Box::new(make(&config)?)))))
        })
    }

    /// A bolt type that works on whole batches.
    pub fn batch_bolt<C, B>(
        name: &str,
        make: impl Fn(&C) -> Result<B> + Send + Sync + 'static,
    ) -> Self
    where
        C: DeserializeOwned + JsonSchema + Send + Sync + 'static,
        B: BatchBolt,
    {
        let make = Arc::new(make);
        Self::new(name, Role::Bolt, move |config: Arc<C>| {
            let make = make.clone();
            Factory::Bolt(Arc::new(move || Ok(AnyBolt::Batch(Box::new(make(&config)?)))))
        })
    }

    /// A spout type.
    pub fn spout<C, S>(name: &str, make: impl Fn(&C) -> Result<S> + Send + Sync + 'static) -> Self
    where
        C: DeserializeOwned + JsonSchema + Send + Sync + 'static,
        S: Spout,
    {
        let make = Arc::new(make);
        Self::new(name, Role::Spout, move |config: Arc<C>| {
            let make = make.clone();
            Factory::Spout(Arc::new(move || Ok(Box::new(make(&config)?))))
        })
    }

    fn new<C>(
        name: &str,
        role: Role,
        build: impl Fn(Arc<C>) -> Factory + Send + Sync + 'static,
    ) -> Self
    where
        C: DeserializeOwned + JsonSchema + Send + Sync + 'static,
    {
        ComponentType {
            name: name.into(),
            role,
            summary: String::new(),
            docs: String::new(),
            options: schemars::schema_for!(C),
            configure: Arc::new(move |options| {
                let config: C = serde_path_to_error::deserialize(options.clone()).map_err(|e| {
                    OptionError { path: e.path().to_string(), message: e.inner().to_string() }
                })?;
                Ok(build(Arc::new(config)))
            }),
        }
    }

    /// Adds documentation in Markdown; its first line is the summary.
    #[must_use]
    pub fn docs(mut self, docs: &str) -> Self {
        let docs = docs.trim();
        self.summary = docs.lines().next().unwrap_or_default().into();
        self.docs = docs.into();
        self
    }

    /// The name a YAML file uses.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Spout or bolt.
    #[must_use]
    pub fn role(&self) -> Role {
        self.role
    }

    /// One line that says what it does.
    #[must_use]
    pub fn summary(&self) -> &str {
        &self.summary
    }

    /// The documentation in Markdown.
    #[must_use]
    pub fn documentation(&self) -> &str {
        &self.docs
    }

    /// The JSON Schema of its options, with their documentation.
    #[must_use]
    pub fn options(&self) -> &schemars::Schema {
        &self.options
    }

    /// A factory of this component with these options.
    ///
    /// # Errors
    /// The options do not fit; the error says which and why.
    pub fn configure(&self, options: &serde_yaml::Value) -> Result<Factory, OptionError> {
        (self.configure)(options)
    }
}

impl std::fmt::Debug for ComponentType {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "ComponentType({:?} {})", self.role, self.name)
    }
}

/// All component types by name. A spout and a bolt may share a name, as
/// `queue` does.
#[derive(Debug, Clone, Default)]
pub struct Registry {
    types: BTreeMap<(bool, String), ComponentType>,
    groupings: BTreeMap<String, CustomGrouping>,
}

impl Registry {
    /// Adds a type, in place of one of the same role and name.
    pub fn add(&mut self, component: ComponentType) {
        self.types.insert((component.role == Role::Bolt, component.name.clone()), component);
    }

    /// Adds a grouping that inputs may name, in place of one of the same name.
    /// The names of the engine's own groupings stay theirs.
    pub fn add_grouping(&mut self, grouping: CustomGrouping) {
        self.groupings.insert(grouping.name().to_owned(), grouping);
    }

    /// The added grouping of this name.
    #[must_use]
    pub fn grouping(&self, name: &str) -> Option<&CustomGrouping> {
        self.groupings.get(name)
    }

    /// The names of all added groupings.
    pub fn groupings(&self) -> impl Iterator<Item = &str> {
        self.groupings.keys().map(String::as_str)
    }

    /// The type of this role and name.
    #[must_use]
    pub fn get(&self, role: Role, name: &str) -> Option<&ComponentType> {
        self.types.get(&(role == Role::Bolt, name.to_owned()))
    }

    /// All types: spouts first, then bolts, by name.
    pub fn all(&self) -> impl Iterator<Item = &ComponentType> {
        self.types.values()
    }
}
