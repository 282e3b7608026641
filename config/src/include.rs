//! `include: [other.yaml]`: files that are merged into the one that names them.
//!
//! Maps merge key by key, the lists `spouts`, `bolts` and `tests` append, and of anything else the
//! later wins: includes in their order, then the including file itself. A file that several others
//! include is taken once.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde_yaml::Value;

use crate::source::Source;
use crate::substitute::Substitution;
use crate::tree::{Content, Node, Pair};
use crate::{Code, Mistake, Place, parse};

/// The key that names other files.
const INCLUDE: &str = "include";
/// Top-level lists that append.
const APPENDED: [&str; 3] = ["spouts", "bolts", "tests"];

/// Reads a file and what it includes.
pub(crate) struct Includer<'a, 'v> {
    pub(crate) substitution: &'a mut Substitution<'v>,
    pub(crate) mistakes: &'a mut Vec<Mistake>,
    /// Every file that was read, as named.
    pub(crate) files: Vec<PathBuf>,
    /// Their texts.
    pub(crate) sources: Vec<Arc<Source>>,
    /// The canonical paths of those.
    seen: Vec<PathBuf>,
    /// The canonical paths of the files that are being read, outermost first.
    stack: Vec<PathBuf>,
}

impl<'a, 'v> Includer<'a, 'v> {
    pub(crate) fn new(
        substitution: &'a mut Substitution<'v>,
        mistakes: &'a mut Vec<Mistake>,
    ) -> Self {
        Self {
            substitution,
            mistakes,
            files: Vec::new(),
            sources: Vec::new(),
            seen: Vec::new(),
            stack: Vec::new(),
        }
    }

    /// The tree of a file with its includes; `from` is where another file names it.
    pub(crate) fn file(&mut self, path: &Path, from: Option<&Place>) -> Option<Arc<Node>> {
        let canonical = path.canonicalize().unwrap_or_else(|_| path.to_owned());
        if self.stack.contains(&canonical) {
            let message = format!("`{}` includes itself", path.display());
            let nowhere = || Place::new(&Source::new(path.display().to_string(), ""), 0, 0);
            let place = from.cloned().unwrap_or_else(nowhere);
            self.mistakes.push(Mistake::new(Code::IncludeCycle, place, message));
            return None;
        }
        if self.seen.contains(&canonical) {
            return None;
        }
        let text = match read(path) {
            Ok(text) => text,
            Err(reason) => {
                let message = format!("cannot read `{}`: {reason}", path.display());
                let nowhere = Place::new(&Source::new(path.display().to_string(), ""), 0, 0);
                let mistake = match from {
                    Some(place) => Mistake::new(Code::BadInclude, place.clone(), message)
                        .help("included files are found relative to the file that names them"),
                    None => Mistake::new(Code::Unreadable, nowhere, message),
                };
                self.mistakes.push(mistake);
                return None;
            }
        };
        self.files.push(path.to_owned());
        self.seen.push(canonical.clone());
        self.stack.push(canonical);
        let source = Source::new(path.display().to_string(), text);
        self.sources.push(source.clone());
        let root = parse::parse(&source, self.substitution, self.mistakes)
            .map(|root| self.resolve(root, path.parent().unwrap_or(Path::new(""))));
        self.stack.pop();
        root
    }

    /// Merges what `root` includes into it.
    fn resolve(&mut self, root: Arc<Node>, folder: &Path) -> Arc<Node> {
        let Some(include) = root.pair(INCLUDE) else {
            return root;
        };
        let names = self.names(&include.value);
        let mut merged: Option<Arc<Node>> = None;
        for (name, place) in names {
            let Some(other) = self.file(&folder.join(name), Some(&place)) else {
                continue;
            };
            if !matches!(other.content, Content::Map(_) | Content::Scalar(Value::Null)) {
                let message = "an included file must be a map, as the file that includes it";
                self.mistakes.push(Mistake::new(Code::BadInclude, place, message));
                continue;
            }
            merged = Some(match merged {
                Some(base) => merge(&base, &other, true),
                None => other,
            });
        }
        let own = without_include(&root);
        match merged {
            Some(base) => merge(&base, &own, true),
            None => own,
        }
    }

    /// The file names in an `include`, which is one text or a list of texts.
    fn names(&mut self, include: &Arc<Node>) -> Vec<(String, Place)> {
        let one = std::slice::from_ref(include);
        let items = match &include.content {
            Content::List(items) => items.as_slice(),
            _ => one,
        };
        let mut names = Vec::new();
        for item in items {
            match &item.content {
                Content::Scalar(Value::String(name)) => {
                    names.push((name.clone(), item.place.clone()))
                }
                _ => {
                    let message = "`include` wants the name of a file, or a list of names";
                    let place = item.place.first_line();
                    self.mistakes.push(Mistake::new(Code::BadInclude, place, message));
                }
            }
        }
        names
    }
}

/// A text has no folder to look in, so an `include` in it is refused.
pub(crate) fn refuse(root: Arc<Node>, mistakes: &mut Vec<Mistake>) -> Arc<Node> {
    let Some(include) = root.pair(INCLUDE) else {
        return root;
    };
    let message = "`include` works in files only, and this text is not from a file";
    mistakes.push(Mistake::new(Code::BadInclude, include.key_place.clone(), message));
    without_include(&root)
}

fn read(path: &Path) -> Result<String, String> {
    let metadata = std::fs::metadata(path).map_err(|error| error.to_string())?;
    if metadata.is_dir() {
        return Err("it is a folder".to_owned());
    }
    if metadata.len() > parse::MAX_BYTES as u64 {
        return Err(format!(
            "it has {} bytes; at most {} are read",
            metadata.len(),
            parse::MAX_BYTES
        ));
    }
    let bytes = std::fs::read(path).map_err(|error| error.to_string())?;
    let text = String::from_utf8(bytes)
        .map_err(|error| format!("byte {} is not UTF-8", error.utf8_error().valid_up_to()))?;
    Ok(text)
}

fn without_include(root: &Arc<Node>) -> Arc<Node> {
    let Content::Map(pairs) = &root.content else {
        return root.clone();
    };
    let rest = pairs.iter().filter(|pair| &*pair.key != INCLUDE).cloned().collect();
    Arc::new(Node::new(Content::Map(rest), root.place.clone()))
}

/// `later` over `base`. A later null says nothing.
fn merge(base: &Arc<Node>, later: &Arc<Node>, top: bool) -> Arc<Node> {
    let (Content::Map(old), Content::Map(new)) = (&base.content, &later.content) else {
        let silent = matches!(later.content, Content::Scalar(Value::Null));
        return if silent { base.clone() } else { later.clone() };
    };
    let mut pairs: Vec<Pair> = old.clone();
    for pair in new {
        match pairs.iter_mut().find(|other| other.key == pair.key) {
            None => pairs.push(pair.clone()),
            Some(other) if top && APPENDED.contains(&&*pair.key) => {
                other.value = append(&other.value, &pair.value);
            }
            Some(other) => {
                let value = merge(&other.value, &pair.value, false);
                *other = Pair { value, ..pair.clone() };
            }
        }
    }
    Arc::new(Node::new(Content::Map(pairs), later.place.clone()))
}

fn append(base: &Arc<Node>, later: &Arc<Node>) -> Arc<Node> {
    let (Content::List(old), Content::List(new)) = (&base.content, &later.content) else {
        // What is not a list is reported when the list is read.
        return match base.content {
            Content::List(_) if matches!(later.content, Content::Scalar(Value::Null)) => {
                base.clone()
            }
            _ => later.clone(),
        };
    };
    let items = old.iter().chain(new).cloned().collect();
    Arc::new(Node::new(Content::List(items), later.place.clone()))
}
