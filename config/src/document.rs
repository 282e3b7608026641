//! A YAML file that has been read.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::include::{Includer, refuse};
use crate::secrets::Secrets;
use crate::source::Source;
use crate::substitute::Substitution;
use crate::tree::Node;
use crate::{Mistakes, Report, Section, Variables, parse};

/// A YAML file with its includes, ready to be read.
#[derive(Debug, Clone)]
pub struct Document {
    root: Arc<Node>,
    secrets: Secrets,
    files: Vec<PathBuf>,
}

impl Document {
    /// Reads a file and what it includes.
    ///
    /// # Errors
    /// Everything that is wrong: a file that cannot be read or is not YAML, duplicate keys,
    /// includes that cannot be followed, variables that are not set.
    pub fn load(path: impl AsRef<Path>, variables: &Variables) -> Result<Self, Mistakes> {
        let mut report = Report::new();
        let document = Self::load_into(path, variables, &mut report);
        settle(document, report)
    }

    /// As [`load`](Self::load), from a text that `name` stands for in messages. A text cannot
    /// `include` files, so one that came over the network reads nothing from the disk.
    ///
    /// # Errors
    /// As [`load`](Self::load).
    pub fn parse(name: &str, text: &str, variables: &Variables) -> Result<Self, Mistakes> {
        let mut report = Report::new();
        let document = Self::parse_into(name, text, variables, &mut report);
        settle(document, report)
    }

    /// As [`load`](Self::load), but goes on after lesser mistakes such as an unset variable, so
    /// that whoever checks the content can report theirs along with them. Nothing is given only if
    /// there is nothing to read.
    pub fn load_into(
        path: impl AsRef<Path>,
        variables: &Variables,
        report: &mut Report,
    ) -> Option<Self> {
        let mut mistakes = Vec::new();
        let mut substitution = Substitution::new(variables);
        let mut includer = Includer::new(&mut substitution, &mut mistakes);
        let root = includer.file(path.as_ref(), None);
        let files = std::mem::take(&mut includer.files);
        let sources = std::mem::take(&mut includer.sources);
        let secrets = Secrets::new(substitution.used, &sources);
        report.extend(mistakes);
        Some(Self { root: root?, secrets, files })
    }

    /// As [`parse`](Self::parse), but goes on after lesser mistakes; see
    /// [`load_into`](Self::load_into).
    pub fn parse_into(
        name: &str,
        text: &str,
        variables: &Variables,
        report: &mut Report,
    ) -> Option<Self> {
        let mut mistakes = Vec::new();
        let mut substitution = Substitution::new(variables);
        let source = Source::new(name, text);
        let root = parse::parse(&source, &mut substitution, &mut mistakes)
            .map(|root| refuse(root, &mut mistakes));
        let secrets = Secrets::new(substitution.used, &[source]);
        report.extend(mistakes);
        Some(Self { root: root?, secrets, files: Vec::new() })
    }

    /// The value that the whole file is.
    pub fn root(&self) -> Section {
        Section::root(self.root.clone(), self.secrets.clone())
    }

    /// The files that were read, the main one first; none for a text.
    pub fn files(&self) -> &[PathBuf] {
        &self.files
    }
}

fn settle(document: Option<Document>, report: Report) -> Result<Document, Mistakes> {
    report.finish()?;
    // No document without an error, so this reads an empty one at worst.
    Ok(document.unwrap_or_else(|| {
        let place = crate::Place::new(&Source::new("", ""), 0, 0);
        Document {
            root: Arc::new(Node::null(place)),
            secrets: Secrets::default(),
            files: Vec::new(),
        }
    }))
}
