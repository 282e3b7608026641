//! From text to a tree of values and places.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use saphyr_parser::{Event, Parser, ScalarStyle, ScanError, Span, Tag};
use serde_yaml::Value;

use crate::source::Source;
use crate::substitute::Substitution;
use crate::tree::{Content, Node, Pair, Written};
use crate::{Code, Mistake, Place, scalar};

/// The largest file, in bytes.
pub(crate) const MAX_BYTES: usize = 4 << 20;
/// The deepest nesting. Reading values is recursive, so this bounds the stack.
const MAX_DEPTH: usize = 64;
/// The most values in a document when aliases are written out.
const MAX_VALUES: usize = 200_000;

/// The tree of `source`, or nothing if it is not YAML. Lesser mistakes leave a tree.
pub(crate) fn parse(
    source: &Arc<Source>,
    substitution: &mut Substitution<'_>,
    mistakes: &mut Vec<Mistake>,
) -> Option<Arc<Node>> {
    if source.text.len() > MAX_BYTES {
        let message =
            format!("the file has {} bytes; at most {MAX_BYTES} are read", source.text.len());
        mistakes.push(Mistake::new(Code::TooLarge, Place::new(source, 0, 0), message));
        return None;
    }
    let mut builder = Builder {
        source,
        offsets: offsets(&source.text),
        substitution,
        mistakes,
        anchors: HashMap::new(),
        open: Vec::new(),
        root: None,
        values: 0,
    };
    match builder.run() {
        Ok(()) => {
            Some(builder.root.unwrap_or_else(|| Arc::new(Node::null(Place::new(source, 0, 0)))))
        }
        Err(mistake) => {
            mistakes.push(mistake);
            None
        }
    }
}

/// Byte offset of every character, or nothing where they are the same.
fn offsets(text: &str) -> Option<Vec<usize>> {
    let all = || text.char_indices().map(|(at, _)| at).chain([text.len()]).collect();
    (!text.is_ascii()).then(all)
}

struct Builder<'a, 'v> {
    source: &'a Arc<Source>,
    offsets: Option<Vec<usize>>,
    substitution: &'a mut Substitution<'v>,
    mistakes: &'a mut Vec<Mistake>,
    anchors: HashMap<usize, Arc<Node>>,
    open: Vec<Open>,
    root: Option<Arc<Node>>,
    values: usize,
}

/// A list or map whose end has not been seen.
struct Open {
    start: Span,
    anchor: usize,
    collection: Collection,
}

enum Collection {
    List(Vec<Arc<Node>>),
    Map { pairs: Vec<Pair>, key: Option<Key> },
}

struct Key {
    name: Arc<str>,
    place: Place,
    merge: bool,
}

impl Builder<'_, '_> {
    fn run(&mut self) -> Result<(), Mistake> {
        let source = self.source.clone();
        let mut parser = Parser::new_from_str(&source.text);
        while let Some(event) = parser.next_event() {
            let (event, span) = event.map_err(|error| self.syntax(&error))?;
            match event {
                Event::DocumentStart(_) if self.root.is_some() => {
                    let message = "the file has a second document";
                    return Err(Mistake::new(Code::UnsupportedYaml, self.place(span), message)
                        .help("keep one document per file; `include` joins files"));
                }
                Event::Scalar(text, style, anchor, tag) => {
                    let node = self.scalar(&text, style, tag.as_deref(), span);
                    self.add(node, anchor, style == ScalarStyle::Plain)?;
                }
                Event::SequenceStart(anchor, tag) => {
                    self.begin(span, anchor, tag.as_deref(), Collection::List(Vec::new()))?;
                }
                Event::MappingStart(anchor, tag) => {
                    let map = Collection::Map { pairs: Vec::new(), key: None };
                    self.begin(span, anchor, tag.as_deref(), map)?;
                }
                Event::SequenceEnd | Event::MappingEnd => self.end(span)?,
                Event::Alias(anchor) => {
                    let node = self.anchors.get(&anchor).cloned().ok_or_else(|| {
                        let message = "an alias inside of the value that it stands for";
                        Mistake::new(Code::UnsupportedYaml, self.place(span), message)
                    })?;
                    self.alias(node, span, false)?;
                }
                _ => {}
            }
        }
        Ok(())
    }

    fn offset(&self, index: usize) -> usize {
        match &self.offsets {
            Some(offsets) => offsets.get(index).copied().unwrap_or(self.source.text.len()),
            None => index,
        }
    }

    fn place(&self, span: Span) -> Place {
        let (start, end) = (self.offset(span.start.index()), self.offset(span.end.index()));
        Place::new(self.source, start, end)
    }

    fn scalar(&mut self, text: &str, style: ScalarStyle, tag: Option<&Tag>, span: Span) -> Node {
        let place = self.place(span).trimmed();
        let substituted = self.substitution.apply(text, &place, self.mistakes);
        let (text, whole) = match &substituted {
            Some(substituted) => (substituted.text.as_str(), substituted.whole),
            None => (text, true),
        };
        let core = tag.filter(|tag| tag.is_yaml_core_schema()).map(|tag| tag.suffix.as_str());
        let value = match core {
            Some("str") => Value::String(text.to_owned()),
            Some("int" | "float" | "bool" | "null") => scalar::plain(text),
            _ if style == ScalarStyle::Plain && whole => scalar::plain(text),
            _ => Value::String(text.to_owned()),
        };
        self.check_tag(tag, &place);
        let written = substituted
            .is_some()
            .then(|| Written { text: place.text().trim_matches(['"', '\'']).to_owned(), whole });
        Node { written, ..Node::new(Content::Scalar(value), place) }
    }

    fn check_tag(&mut self, tag: Option<&Tag>, place: &Place) {
        const CORE: [&str; 7] = ["str", "int", "float", "bool", "null", "seq", "map"];
        let Some(tag) = tag else { return };
        if !(tag.is_yaml_core_schema() && CORE.contains(&tag.suffix.as_str())) {
            let message = format!("the tag `{tag}` means nothing here");
            let mistake = Mistake::new(Code::UnsupportedYaml, place.clone(), message);
            self.mistakes.push(mistake.help("leave the tag out"));
        }
    }

    fn begin(
        &mut self,
        start: Span,
        anchor: usize,
        tag: Option<&Tag>,
        collection: Collection,
    ) -> Result<(), Mistake> {
        let place = self.place(start);
        self.check_tag(tag, &place);
        if self.open.len() >= MAX_DEPTH {
            let message = format!("lists and maps are nested more than {MAX_DEPTH} deep");
            return Err(Mistake::new(Code::TooLarge, place, message));
        }
        self.open.push(Open { start, anchor, collection });
        Ok(())
    }

    fn end(&mut self, span: Span) -> Result<(), Mistake> {
        let Some(Open { start, anchor, collection }) = self.open.pop() else {
            return Ok(());
        };
        let place = self.place(Span::new(start.start, span.end));
        let content = match collection {
            Collection::List(items) => Content::List(items),
            Collection::Map { pairs, .. } => Content::Map(self.settle(pairs)),
        };
        self.add(Node::new(content, place), anchor, false)
    }

    /// Applies merge keys' precedence and finds keys that are there twice.
    fn settle(&mut self, pairs: Vec<Pair>) -> Vec<Pair> {
        let explicit: HashSet<Arc<str>> =
            pairs.iter().filter(|pair| !pair.merged).map(|pair| pair.key.clone()).collect();
        let mut first: HashMap<Arc<str>, Place> = HashMap::new();
        let mut kept = Vec::with_capacity(pairs.len());
        for pair in pairs {
            if pair.merged && explicit.contains(&pair.key) {
                continue;
            }
            if let Some(earlier) = first.get(&pair.key) {
                if !pair.merged {
                    let message = format!("the key `{}` is there twice", pair.key);
                    let mistake = Mistake::new(Code::DuplicateKey, pair.key_place, message);
                    self.mistakes.push(mistake.label(earlier.clone(), "first here"));
                }
                continue;
            }
            first.insert(pair.key.clone(), pair.key_place.clone());
            kept.push(pair);
        }
        kept
    }

    fn add(&mut self, node: Node, anchor: usize, plain: bool) -> Result<(), Mistake> {
        let node = Arc::new(node);
        if anchor > 0 {
            self.anchors.insert(anchor, node.clone());
        }
        let start = node.place.clone();
        self.put(node, &start, plain)
    }

    fn alias(&mut self, node: Arc<Node>, span: Span, plain: bool) -> Result<(), Mistake> {
        let place = self.place(span);
        self.values = self.values.saturating_add(node.weight);
        self.put(node, &place, plain)
    }

    /// Puts a finished value where it belongs. `place` is where it was written or referred to.
    fn put(&mut self, node: Arc<Node>, place: &Place, plain: bool) -> Result<(), Mistake> {
        self.values = self.values.saturating_add(1);
        if self.values > MAX_VALUES {
            let message =
                format!("the document has more than {MAX_VALUES} values, aliases written out");
            return Err(Mistake::new(Code::TooLarge, place.clone(), message));
        }
        match self.open.last_mut().map(|open| &mut open.collection) {
            None => self.root = Some(node),
            Some(Collection::List(items)) => items.push(node),
            Some(Collection::Map { pairs, key }) => match key.take() {
                None => *key = Some(read_key(&node, place, plain)?),
                Some(Key { merge: true, place, .. }) => merge(pairs, &node, &place)?,
                Some(Key { name, place, .. }) => {
                    pairs.push(Pair { key: name, key_place: place, value: node, merged: false });
                }
            },
        }
        Ok(())
    }

    fn syntax(&self, error: &ScanError) -> Mistake {
        let at = self.offset(error.marker().index());
        let place = Place::new(self.source, at, at + 1);
        let (line, info) = (place.whole_line(), error.info());
        if info.contains("recursion") {
            let message = format!("lists and maps are nested more than {MAX_DEPTH} deep");
            return Mistake::new(Code::TooLarge, place, message);
        }
        let text = &self.source.text;
        let help = if text[..at].ends_with('$') && text[at..].starts_with('{') {
            Some("inside `{ }` and `[ ]` a variable needs quotes: \"${NAME}\"")
        } else if info.contains("tab") || line.trim_start_matches(' ').starts_with('\t') {
            Some("YAML indents with blanks, not with tabs")
        } else if info.contains("mapping values are not allowed") {
            Some("a text that contains `: ` needs quotes; or a line above is indented wrongly")
        } else if info.contains("did not find expected") || info.contains("simple key") {
            Some("look at the indentation and for a missing `:`, quote or bracket just before")
        } else {
            None
        };
        Mistake::new(Code::Syntax, place.first_line(), format!("not YAML: {info}")).maybe_help(help)
    }
}

fn read_key(node: &Arc<Node>, place: &Place, plain: bool) -> Result<Key, Mistake> {
    let name = match &node.content {
        Content::Scalar(Value::String(name)) if node.written.is_none() => name.clone(),
        Content::Scalar(_) if node.written.is_none() => place.text().to_owned(),
        Content::Scalar(_) => {
            let message = "variables are substituted in values, not in keys";
            return Err(Mistake::new(Code::UnsupportedYaml, place.clone(), message));
        }
        _ => {
            let message = "a key must be a text";
            return Err(Mistake::new(Code::UnsupportedYaml, place.first_line(), message)
                .help("a variable needs quotes here: \"${NAME}\""));
        }
    };
    let merge = plain && name == "<<";
    Ok(Key { name: name.into(), place: place.clone(), merge })
}

/// Takes over the pairs of the map, or of the list of maps, that a merge key names.
fn merge(pairs: &mut Vec<Pair>, from: &Arc<Node>, place: &Place) -> Result<(), Mistake> {
    let refuse = || {
        let message = "`<<` merges a map, or a list of maps";
        Err(Mistake::new(Code::UnsupportedYaml, place.clone(), message))
    };
    match &from.content {
        Content::Map(other) => {
            pairs.extend(other.iter().map(|pair| Pair { merged: true, ..pair.clone() }));
        }
        Content::List(maps) => {
            for map in maps {
                if !matches!(map.content, Content::Map(_)) {
                    return refuse();
                }
                merge(pairs, map, place)?;
            }
        }
        Content::Scalar(_) => return refuse(),
    }
    Ok(())
}
