//! A topology file, read and checked.

use std::path::{Path, PathBuf};

use squall_config::{
    Code, Document, Kind, Mistake, Mistakes, Report, Section, Variables, did_you_mean,
};

use super::{
    config::Config,
    dead_letters::{self, DeadLetterTarget},
    flow, options,
    plan::Topology,
    shape::Shape,
    spec::{self, ComponentSpec, TOP_KEYS, check_name, optional, required_text},
};
use crate::{
    cases::{self, TestCase},
    component::{Registry, Role},
};

/// The most components. Drawing follows them by recursion, so this bounds the stack.
const MAX_COMPONENTS: usize = 5_000;

/// A topology file that has no errors.
#[derive(Clone)]
pub struct TopologyFile {
    /// The topology, ready to be started.
    pub topology: Topology,
    /// What it is for, in the author's words.
    pub description: Option<String>,
    /// Where messages go that nothing can be done with.
    pub dead_letters: Option<DeadLetterTarget>,
    /// Its tests.
    pub tests: Vec<TestCase>,
    /// What is probably not as meant.
    pub warnings: Vec<Mistake>,
    /// The files that were read, the main one first; none for a text.
    pub files: Vec<PathBuf>,
}

impl TopologyFile {
    /// Reads a topology and checks everything that can be checked without running it.
    ///
    /// # Errors
    /// Every mistake in the file and what it includes.
    pub fn load(
        path: impl AsRef<Path>,
        variables: &Variables,
        registry: &Registry,
    ) -> Result<Self, Mistakes> {
        let mut report = Report::new();
        let document = Document::load_into(path, variables, &mut report);
        Self::check(document, registry, report)
    }

    /// As [`load`](Self::load), from a text that `name` stands for in messages.
    ///
    /// ```
    /// use squall_config::Variables;
    /// use squall_framework::{AnyConfig, ComponentType, Registry, TopologyFile};
    /// use squall_framework::testing::{Discard, Numbers};
    ///
    /// let mut registry = Registry::default();
    /// registry.add(ComponentType::spout("numbers", |_: &AnyConfig| Ok(Numbers::up_to(10))));
    /// registry.add(ComponentType::bolt("discard", |_: &AnyConfig| Ok(Discard)));
    /// let text = "
    /// name: example
    /// spouts:
    ///   - { id: ten, type: numbers }
    /// bolts:
    ///   - { id: sink, type: discard, inputs: [tne] }
    /// ";
    /// let mistakes = TopologyFile::parse("example.yaml", text, &Variables::new(), &registry);
    /// let mistakes = mistakes.err().unwrap().to_string();
    /// assert!(mistakes.contains("example.yaml:6:41"));
    /// assert!(mistakes.contains("did you mean `ten`?"));
    /// ```
    ///
    /// # Errors
    /// As [`load`](Self::load).
    pub fn parse(
        name: &str,
        text: &str,
        variables: &Variables,
        registry: &Registry,
    ) -> Result<Self, Mistakes> {
        let mut report = Report::new();
        let document = Document::parse_into(name, text, variables, &mut report);
        Self::check(document, registry, report)
    }

    fn check(
        document: Option<Document>,
        registry: &Registry,
        mut report: Report,
    ) -> Result<Self, Mistakes> {
        let built =
            document.as_ref().map(|document| build(&document.root(), registry, &mut report));
        let warnings = report.finish()?;
        let files = document.map(|document| document.files().to_vec()).unwrap_or_default();
        match built.flatten() {
            Some(built) => Ok(Self { warnings, files, ..built }),
            // Nothing is left out without an error, so this is not reached.
            None => Err(internal(&files)),
        }
    }
}

fn internal(files: &[PathBuf]) -> Mistakes {
    let name = files.first().map(|file| file.display().to_string()).unwrap_or_default();
    let root = Document::parse(&name, "", &Variables::new()).map(|document| document.root());
    match root {
        Ok(root) => root.mistake(Code::BadValue, "the topology could not be put together").into(),
        Err(mistakes) => mistakes,
    }
}

fn build(root: &Section, registry: &Registry, report: &mut Report) -> Option<TopologyFile> {
    if !matches!(root.kind(), Kind::Map | Kind::Null) {
        let message = format!("expected a topology, which is a map, found {}", root.kind().name());
        report.add(root.mistake(Code::WrongType, message).help("begin with `name: ...`"));
        return None;
    }
    report.extend(root.unknown_keys(&TOP_KEYS));
    let name = required_text(root, "name", report);
    check_name(root.get("name"), name.as_deref().unwrap_or_default(), "the name", report);
    let description = optional(root, "description", report);
    let config = Config::read(root.get("config").as_ref(), report);
    let mut specs = spec::components(root, Role::Spout, registry, report);
    specs.extend(spec::components(root, Role::Bolt, registry, report));
    check_empty(root, report);
    if specs.len() > MAX_COMPONENTS {
        let message = format!("{} components are more than {MAX_COMPONENTS}", specs.len());
        report.add(root.mistake(Code::TooLarge, message));
        return None;
    }
    let complete = specs.iter().any(|spec| spec.role == Role::Spout)
        && [Role::Spout, Role::Bolt].iter().all(|role| all_read(root, *role, &specs));
    let shape = Shape::find(&specs, complete, report);
    let factories: Vec<_> =
        specs.iter().map(|spec| options::configure(spec, registry, report)).collect();
    let mut components = flow::components(&specs, &shape, &factories, report);
    let ids: Vec<_> =
        specs.iter().zip(&components).map(|(spec, found)| (&*spec.id, found.as_ref())).collect();
    let tests = cases::read(root, &ids, report);
    let dead_letters = dead_letters::read(root.get("dead_letters").as_ref(), report);
    let ordered: Option<Vec<_>> =
        shape.order.iter().map(|position| components[*position].take()).collect();
    Some(TopologyFile {
        topology: Topology::assembled(name?, config.settings(), ordered?),
        description,
        dead_letters,
        tests,
        warnings: Vec::new(),
        files: Vec::new(),
    })
}

/// Whether the items of a list are all among the components that could be read.
fn all_read(root: &Section, role: Role, specs: &[ComponentSpec]) -> bool {
    let list = root.get(spec::list(role));
    let read = specs.iter().filter(|spec| spec.role == role).count();
    list.is_none_or(|list| {
        list.is_null() || list.kind() == Kind::List && list.items().len() == read
    })
}

/// A topology without spouts is empty, unless `spouts` is only misspelt or wrong, which is told.
fn check_empty(root: &Section, report: &mut Report) {
    let spouts = root.get("spouts");
    let misspelt =
        || root.entries().iter().any(|entry| did_you_mean(&entry.key, ["spouts"]).is_some());
    let empty = match &spouts {
        None => !misspelt(),
        Some(list) => list.is_null() || (list.kind() == Kind::List && list.items().is_empty()),
    };
    if empty {
        let message = "a topology has at least one spout, where its tuples come from";
        let mistake =
            spouts.unwrap_or_else(|| root.clone()).key_mistake(Code::EmptyTopology, message);
        report.add(mistake.help("add `spouts:` with a list of `- { id: ..., type: ... }`"));
    }
}
