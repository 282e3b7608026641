//! From a section to a typed struct, and every mistake on the way.

use serde::de::DeserializeOwned;
use serde_yaml::Value;

use crate::suggest::suggestion;
use crate::tree::{Content, Node};
use crate::words::{Complaint, understand};
use crate::{Code, Kind, Mistake, Mistakes, Place, Report, Section, Step, did_you_mean, scalar};

/// Serde stops at the first mistake. So what it complains about is left out and it is asked again,
/// at most this often.
const ROUNDS: usize = 32;

/// What was left out, and what is therefore not to be called missing.
#[derive(Default)]
struct Absent {
    /// The extents of maps, and keys that they lack. Places stay what they are when items are taken
    /// out of lists; paths do not.
    keys: Vec<(Place, String)>,
    paths: Vec<String>,
}

impl Absent {
    fn add(&mut self, parent: &Section, culprit: &Section) {
        self.paths.push(culprit.path().to_string());
        if let Some(Step::Key(key)) = culprit.path().steps().last() {
            self.keys.push((parent.extent(), key.to_string()));
        }
    }

    fn has(&self, map: &Section, key: &str) -> bool {
        self.keys.iter().any(|(extent, absent)| *extent == map.extent() && absent == key)
    }

    fn within(&self, section: &Section) -> bool {
        let path = section.path().to_string();
        self.paths.iter().any(|absent| absent.starts_with(&path))
    }
}

impl Section {
    /// Reads the value into a type.
    ///
    /// # Errors
    /// Everything that does not fit. Missing keys are known only when everything else fits, and
    /// serde tells of one at a time.
    pub fn read<T: DeserializeOwned>(&self) -> Result<T, Mistakes> {
        self.read_with(|value| {
            serde_path_to_error::deserialize(value)
                .map_err(|error| (error.path().to_string(), error.inner().to_string()))
        })
    }

    /// Reads the value by a function that, where it fails, gives the path within the value and a
    /// message in the way of serde.
    ///
    /// # Errors
    /// As [`read`](Self::read).
    pub fn read_with<T>(
        &self,
        read: impl Fn(&Value) -> Result<T, (String, String)>,
    ) -> Result<T, Mistakes> {
        let mut report = Report::new();
        let mut section = self.clone();
        let mut absent = Absent::default();
        for _ in 0..ROUNDS {
            let (path, message) = match read(&section.value()) {
                Ok(_) if report.has_errors() => break,
                Ok(value) => return Ok(value),
                Err(error) => error,
            };
            let at = section.nearest(&path);
            if let Some(retyped) = at.retyped() {
                section = section.replaced(&at, Some(&retyped));
                continue;
            }
            let culprit = match understand(&message) {
                // The path leads to the map or to the key in it.
                Complaint::UnknownKey { key, known } => {
                    let map = if at.get(key).is_some() { at } else { section.parent(self, &at) };
                    let complaint = Complaint::UnknownKey { key, known };
                    let (culprit, mistake) = map.explain(complaint, &mut absent);
                    report.add(mistake);
                    culprit
                }
                Complaint::MissingKey(key) if absent.has(&at, key) => at,
                // It may complain about the rest only because of what was left out.
                Complaint::Other(_) if absent.within(&at) => break,
                complaint => {
                    let (culprit, mistake) = at.explain(complaint, &mut absent);
                    report.add(mistake);
                    culprit
                }
            };
            // Without the root there is nothing to ask about.
            if culprit.path() == self.path() {
                break;
            }
            absent.add(&section.parent(self, &culprit), &culprit);
            section = section.replaced(&culprit, None);
        }
        match report.finish() {
            Err(mistakes) => Err(mistakes),
            Ok(_) => Err(self.mistake(Code::BadValue, "cannot be read").into()),
        }
    }

    /// The mistake of a complaint about this value, and what to leave out to learn of the next.
    fn explain(&self, complaint: Complaint<'_>, absent: &mut Absent) -> (Section, Mistake) {
        match complaint {
            Complaint::UnknownKey { key, known } => {
                let known: Vec<_> =
                    known.into_iter().filter(|known| !absent.has(self, known)).collect();
                if let Some(meant) = did_you_mean(key, known.iter().copied()) {
                    absent.keys.push((self.extent(), meant.to_owned()));
                }
                let culprit = self.get(key).unwrap_or_else(|| self.clone());
                (culprit, self.unknown_key(key, &known))
            }
            Complaint::MissingKey(key) => {
                let mistake = self.mistake(Code::MissingKey, format!("`{key}` is missing"));
                (self.clone(), mistake.help(format!("add `{key}: ...`")))
            }
            Complaint::UnknownChoice { choice, choices } => {
                let message = match &self.node.written {
                    Some(_) => format!("{} is not one of the choices", self.describe()),
                    None => format!("`{choice}` is not one of the choices"),
                };
                let mistake = Mistake::new(Code::UnknownChoice, self.place(), message);
                (self.clone(), mistake.maybe_help(suggestion(choice, choices, "choice")))
            }
            Complaint::Wrong { expected } => {
                // Nothing is hidden in this, for it shows no value of a variable.
                let message = format!("expected {expected}, found {}", self.describe());
                let mistake = Mistake::new(Code::WrongType, self.place(), message);
                let scalar = matches!(self.kind(), Kind::Number | Kind::Bool);
                let quote = expected == "a text" && scalar;
                let help = quote.then(|| format!("put it in quotes: \"{}\"", self.extent().text()));
                (self.clone(), mistake.maybe_help(help))
            }
            Complaint::NoForm => {
                let message = format!("{} is not of a form that is allowed here", self.describe());
                (self.clone(), Mistake::new(Code::WrongType, self.place(), message))
            }
            Complaint::Other(message) => (self.clone(), self.mistake(Code::BadValue, message)),
        }
    }

    /// What contains `child` in this value, whose path is that of `root`.
    fn parent(&self, root: &Section, child: &Section) -> Section {
        match child.path().steps().split_last() {
            Some((_, steps)) => self.descend(steps.get(root.path().steps().len()..).unwrap_or(&[])),
            None => self.clone(),
        }
    }

    /// The value in words, such as: the text `x`. One that came from a variable shows as it is written.
    pub fn describe(&self) -> String {
        if let Some(written) = &self.node.written {
            return format!("the value of {}", written.text);
        }
        match &self.node.content {
            Content::Scalar(Value::String(text)) => format!("the text `{}`", shortened(text)),
            Content::Scalar(Value::Number(number)) => format!("the number {number}"),
            Content::Scalar(Value::Bool(value)) => format!("`{value}`"),
            _ => self.kind().name().to_owned(),
        }
    }

    /// In `{ }` and `[ ]` YAML wants quotes around `${VAR}`. Where a text does not fit, such a
    /// value counts as if it were without them.
    fn retyped(&self) -> Option<Node> {
        let written = self.node.written.as_ref().filter(|written| written.whole)?;
        let value = scalar::plain(self.text()?);
        (!value.is_string()).then(|| Node {
            written: Some(written.clone()),
            ..Node::new(Content::Scalar(value), self.node.place.clone())
        })
    }

    /// This value with another in the place of `target`, or nothing there.
    fn replaced(&self, target: &Section, by: Option<&Node>) -> Section {
        let steps = &target.path().steps()[self.path().steps().len()..];
        match replace(&self.node, steps, by) {
            Some(node) => self.with_node(node),
            None => self.clone(),
        }
    }
}

fn replace(node: &Node, steps: &[Step], by: Option<&Node>) -> Option<Node> {
    let Some((step, rest)) = steps.split_first() else {
        return by.cloned();
    };
    let mut node = node.clone();
    match (&mut node.content, step) {
        (Content::List(items), Step::Index(index)) => {
            let item = items.get(*index)?;
            match replace(item, rest, by) {
                Some(new) => items[*index] = new.into(),
                None => drop(items.remove(*index)),
            }
        }
        (Content::Map(pairs), Step::Key(key)) => {
            let at = pairs.iter().position(|pair| pair.key == *key)?;
            match replace(&pairs[at].value, rest, by) {
                Some(new) => pairs[at].value = new.into(),
                None => drop(pairs.remove(at)),
            }
        }
        _ => return None,
    }
    Some(node)
}

fn shortened(text: &str) -> String {
    const LONGEST: usize = 60;
    match text.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}...", &text[..end]),
        None => text.to_owned(),
    }
}
