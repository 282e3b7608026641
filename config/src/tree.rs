//! Values together with where they were written.

use std::sync::Arc;

use serde_yaml::{Mapping, Value};

use crate::Place;

/// One value of a document. Aliases share it.
#[derive(Clone)]
pub(crate) struct Node {
    pub(crate) content: Content,
    pub(crate) place: Place,
    /// How a scalar was written that variables were substituted in.
    pub(crate) written: Option<Written>,
    /// How many values this one is when aliases are written out.
    pub(crate) weight: usize,
}

#[derive(Clone)]
pub(crate) enum Content {
    Scalar(Value),
    List(Vec<Arc<Node>>),
    Map(Vec<Pair>),
}

/// A key and its value.
#[derive(Clone)]
pub(crate) struct Pair {
    pub(crate) key: Arc<str>,
    pub(crate) key_place: Place,
    pub(crate) value: Arc<Node>,
    /// Whether it came by a merge key (`<<`), and gives way to one written out.
    pub(crate) merged: bool,
}

/// A scalar before its variables were substituted.
#[derive(Clone)]
pub(crate) struct Written {
    pub(crate) text: String,
    /// It is one reference and nothing else, so its value may be a number.
    pub(crate) whole: bool,
}

impl Node {
    pub(crate) fn new(content: Content, place: Place) -> Self {
        let weight = match &content {
            Content::Scalar(_) => 1,
            Content::List(items) => {
                items.iter().fold(1, |sum: usize, i| sum.saturating_add(i.weight))
            }
            Content::Map(pairs) => {
                pairs.iter().fold(1, |sum: usize, p| sum.saturating_add(p.value.weight))
            }
        };
        Self { content, place, written: None, weight }
    }

    pub(crate) fn null(place: Place) -> Self {
        Self::new(Content::Scalar(Value::Null), place)
    }

    /// The pair of this key.
    pub(crate) fn pair(&self, key: &str) -> Option<&Pair> {
        match &self.content {
            Content::Map(pairs) => pairs.iter().find(|pair| *pair.key == *key),
            _ => None,
        }
    }

    /// Without the places.
    pub(crate) fn value(&self) -> Value {
        match &self.content {
            Content::Scalar(value) => value.clone(),
            Content::List(items) => items.iter().map(|item| item.value()).collect(),
            Content::Map(pairs) => {
                let entries = pairs.iter().map(|p| (Value::from(&*p.key), p.value.value()));
                Value::Mapping(entries.collect::<Mapping>())
            }
        }
    }
}

/// As it is written, for a value may hold a secret.
impl std::fmt::Debug for Node {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.place.fmt(f)
    }
}
