//! One value of a document, which knows where it was written.

use std::sync::Arc;

use serde_yaml::Value;

use crate::secrets::Secrets;
use crate::suggest::suggestion;
use crate::tree::{Content, Node, Pair};
use crate::{Code, Mistake, Path, Place, Step};

/// What a value is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Nothing, or `null`.
    Null,
    /// `true` or `false`.
    Bool,
    /// A number.
    Number,
    /// A text.
    Text,
    /// A list.
    List,
    /// A map.
    Map,
}

impl Kind {
    /// The kind in words, with its article: `a number`.
    pub fn name(self) -> &'static str {
        match self {
            Kind::Null => "nothing",
            Kind::Bool => "true or false",
            Kind::Number => "a number",
            Kind::Text => "a text",
            Kind::List => "a list",
            Kind::Map => "a map",
        }
    }
}

/// One value of a document: what it is, the path to it and where it was written. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Section {
    pub(crate) node: Arc<Node>,
    pub(crate) secrets: Secrets,
    path: Path,
    /// Where its key was written, if it is in a map.
    key: Option<Place>,
}

/// A key of a map and its value.
#[derive(Debug, Clone)]
pub struct Entry {
    /// The key.
    pub key: Arc<str>,
    /// The value.
    pub value: Section,
}

impl Section {
    pub(crate) fn root(node: Arc<Node>, secrets: Secrets) -> Self {
        Self { node, secrets, path: Path::default(), key: None }
    }

    pub(crate) fn with_node(&self, node: Node) -> Self {
        Self { node: Arc::new(node), ..self.clone() }
    }

    fn child(&self, pair: &Pair) -> Self {
        Self {
            node: pair.value.clone(),
            secrets: self.secrets.clone(),
            path: self.path.child(Step::Key(pair.key.clone())),
            key: Some(pair.key_place.clone()),
        }
    }

    /// The way to it from the root.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// What it is.
    pub fn kind(&self) -> Kind {
        match &self.node.content {
            Content::List(_) => Kind::List,
            Content::Map(_) => Kind::Map,
            Content::Scalar(Value::Null) => Kind::Null,
            Content::Scalar(Value::Bool(_)) => Kind::Bool,
            Content::Scalar(Value::Number(_)) => Kind::Number,
            Content::Scalar(_) => Kind::Text,
        }
    }

    /// Whether there is nothing, as after `key:`.
    pub fn is_null(&self) -> bool {
        self.kind() == Kind::Null
    }

    /// The text, if it is one.
    pub fn text(&self) -> Option<&str> {
        match &self.node.content {
            Content::Scalar(Value::String(text)) => Some(text),
            _ => None,
        }
    }

    /// The value of `key`, if this is a map that has it.
    pub fn get(&self, key: &str) -> Option<Section> {
        self.node.pair(key).map(|pair| self.child(pair))
    }

    /// The items, if this is a list; else none.
    pub fn items(&self) -> Vec<Section> {
        let Content::List(items) = &self.node.content else {
            return Vec::new();
        };
        let item = |(index, node): (usize, &Arc<Node>)| Section {
            node: node.clone(),
            secrets: self.secrets.clone(),
            path: self.path.child(Step::Index(index)),
            key: None,
        };
        items.iter().enumerate().map(item).collect()
    }

    /// The keys and values in the order of the file, if this is a map; else none.
    pub fn entries(&self) -> Vec<Entry> {
        let Content::Map(pairs) = &self.node.content else {
            return Vec::new();
        };
        pairs.iter().map(|pair| Entry { key: pair.key.clone(), value: self.child(pair) }).collect()
    }

    /// The value as `serde_yaml` has it, aliases and variables resolved.
    pub fn value(&self) -> Value {
        self.node.value()
    }

    /// The same map without some of its keys, for options that stand beside keys of others.
    #[must_use]
    pub fn without(&self, keys: &[&str]) -> Section {
        let Content::Map(pairs) = &self.node.content else {
            return self.clone();
        };
        let rest = pairs.iter().filter(|pair| !keys.contains(&&*pair.key)).cloned().collect();
        self.with_node(Node::new(Content::Map(rest), self.node.place.clone()))
    }

    /// Where the value was written. Of a list or map, what best stands for it on one line: its key,
    /// or its first line.
    pub fn place(&self) -> Place {
        match (&self.node.content, &self.key) {
            (Content::Scalar(Value::Null), Some(key)) if self.node.place.length() == 0 => {
                key.clone()
            }
            (Content::List(_) | Content::Map(_), Some(key)) => key.clone(),
            _ => self.node.place.first_line(),
        }
    }

    /// Where its key was written, or the value if it has none.
    pub fn key_place(&self) -> Place {
        self.key.clone().unwrap_or_else(|| self.place())
    }

    /// Everything it covers, over several lines if it has them.
    pub fn extent(&self) -> Place {
        self.node.place.clone()
    }

    /// The value at a path relative to this one, such as `inputs[0].from` or `inputs.0.from`; if
    /// that is missing, the nearest value on the way to it.
    pub fn nearest(&self, path: &str) -> Section {
        let mut here = self.clone();
        let mut rest = path;
        loop {
            rest = rest.trim_start_matches(['.', '[', ']']);
            let end = rest.find(['.', '[', ']']).unwrap_or(rest.len());
            // A key may contain dots itself: the longest that exists is meant.
            let keys = here.entries().into_iter().filter(|entry| {
                rest.strip_prefix(&*entry.key)
                    .is_some_and(|after| after.is_empty() || after.starts_with(['.', '[']))
            });
            let next = match keys.max_by_key(|entry| entry.key.len()) {
                Some(entry) => Some((entry.key.len(), entry.value)),
                None => rest[..end]
                    .parse()
                    .ok()
                    .and_then(|index: usize| here.items().into_iter().nth(index))
                    .map(|item| (end, item)),
            };
            let Some((used, section)) = next else {
                return here;
            };
            here = section;
            rest = &rest[used..];
        }
    }

    /// The value at the end of these steps, or the nearest on the way.
    pub(crate) fn descend(&self, steps: &[Step]) -> Section {
        let step = |here: Section, step: &Step| match step {
            Step::Key(key) => here.get(key).unwrap_or(here),
            Step::Index(index) => here.items().into_iter().nth(*index).unwrap_or(here),
        };
        steps.iter().fold(self.clone(), step)
    }

    /// A mistake about the value.
    pub fn mistake(&self, code: Code, message: impl AsRef<str>) -> Mistake {
        Mistake::new(code, self.place(), self.hide(message.as_ref()))
    }

    /// A mistake about its key.
    pub fn key_mistake(&self, code: Code, message: impl AsRef<str>) -> Mistake {
        Mistake::new(code, self.key_place(), self.hide(message.as_ref()))
    }

    /// A mistake about the value at a relative path; see [`nearest`](Self::nearest).
    pub fn mistake_at(&self, path: &str, code: Code, message: impl AsRef<str>) -> Mistake {
        self.nearest(path).mistake(code, message)
    }

    /// `text` without the values of variables: `${PASSWORD}` instead.
    pub fn hide(&self, text: &str) -> String {
        let written = self.node.written.as_ref();
        self.secrets.hide(text, written.map_or("", |written| &written.text))
    }

    /// A mistake for every key of this map that is not among `known`.
    pub fn unknown_keys(&self, known: &[&str]) -> Vec<Mistake> {
        let unknown = self.entries().into_iter().filter(|entry| !known.contains(&&*entry.key));
        unknown.map(|entry| self.unknown_key(&entry.key, known)).collect()
    }

    pub(crate) fn unknown_key(&self, key: &str, known: &[&str]) -> Mistake {
        let place = self.get(key).map_or_else(|| self.place(), |value| value.key_place());
        // A key that is already there is hardly the one that was meant.
        let free: Vec<_> =
            known.iter().copied().filter(|known| self.get(known).is_none()).collect();
        Mistake::new(Code::UnknownKey, place, format!("unknown key `{key}`"))
            .maybe_help(suggestion(key, free, "other key"))
    }
}
