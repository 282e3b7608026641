//! Files as they were read, and places in them.

use std::fmt;
use std::sync::Arc;

use serde::Serialize;
use serde::ser::{SerializeStruct, Serializer};

/// The text of one file and where its lines begin.
#[derive(Debug)]
pub(crate) struct Source {
    pub(crate) name: String,
    pub(crate) text: String,
    /// Byte offset of every line's first byte.
    lines: Vec<usize>,
}

impl Source {
    pub(crate) fn new(name: impl Into<String>, text: impl Into<String>) -> Arc<Self> {
        let text = text.into();
        let lines = std::iter::once(0)
            .chain(memchr::memchr_iter(b'\n', text.as_bytes()).map(|at| at + 1))
            .collect();
        Arc::new(Self { name: name.into(), text, lines })
    }

    /// Index of the line that `offset` is in.
    fn line_of(&self, offset: usize) -> usize {
        self.lines.partition_point(|start| *start <= offset).saturating_sub(1)
    }

    /// End of the line that `offset` is in, without the line break.
    fn line_end(&self, offset: usize) -> usize {
        let next = self.lines.get(self.line_of(offset) + 1).copied();
        let end = next.unwrap_or(self.text.len());
        offset.max(self.text[..end].trim_end_matches(['\n', '\r']).len())
    }
}

/// A stretch of text in a file.
#[derive(Clone)]
pub struct Place {
    pub(crate) source: Arc<Source>,
    start: usize,
    end: usize,
}

impl Place {
    /// From `start` to `end` in bytes; moved onto character boundaries and into the text.
    pub(crate) fn new(source: &Arc<Source>, start: usize, end: usize) -> Self {
        let text = &source.text;
        let boundary =
            |at: usize| (0..=at.min(text.len())).rev().find(|at| text.is_char_boundary(*at));
        let start = boundary(start).unwrap_or(0);
        let end = boundary(end).unwrap_or(0).max(start);
        Self { source: source.clone(), start, end }
    }

    /// The same beginning, but no further than the end of its first line, and without blanks there.
    pub(crate) fn first_line(&self) -> Self {
        let end = self.end.min(self.source.line_end(self.start));
        let text = self.source.text[self.start..end].trim_end();
        Self { source: self.source.clone(), start: self.start, end: self.start + text.len() }
    }

    /// Without blanks at its end, which the parser counts to what comes before them.
    pub(crate) fn trimmed(&self) -> Self {
        let text = self.text().trim_end();
        Self { source: self.source.clone(), start: self.start, end: self.start + text.len() }
    }

    /// The line that it begins in, without the line break.
    pub(crate) fn whole_line(&self) -> &str {
        let start = self.source.lines.get(self.line() - 1).copied().unwrap_or(0);
        &self.source.text[start..self.source.line_end(self.start)]
    }

    pub(crate) fn same_file(&self, other: &Place) -> bool {
        Arc::ptr_eq(&self.source, &other.source) || self.file() == other.file()
    }

    /// The file, as it was named when it was opened.
    pub fn file(&self) -> &str {
        &self.source.name
    }

    /// The line, from 1.
    pub fn line(&self) -> usize {
        self.source.line_of(self.start) + 1
    }

    /// The column in characters, from 1.
    pub fn column(&self) -> usize {
        let line = self.source.lines.get(self.line() - 1).copied().unwrap_or(0);
        self.source.text[line..self.start].chars().count() + 1
    }

    /// The first byte, from the beginning of the file.
    pub fn offset(&self) -> usize {
        self.start
    }

    /// How many bytes.
    pub fn length(&self) -> usize {
        self.end - self.start
    }

    /// The text itself. A variable shows as it is written in the file (`${VAR}`), not as its value.
    pub fn text(&self) -> &str {
        &self.source.text[self.start..self.end]
    }
}

impl PartialEq for Place {
    fn eq(&self, other: &Self) -> bool {
        (self.start, self.end) == (other.start, other.end) && self.same_file(other)
    }
}

impl Eq for Place {}

/// `file:line:column`, as editors understand it.
impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}", self.file(), self.line(), self.column())
    }
}

impl fmt::Debug for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self} {:?}", self.text())
    }
}

impl Serialize for Place {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut place = serializer.serialize_struct("Place", 6)?;
        place.serialize_field("file", self.file())?;
        place.serialize_field("line", &self.line())?;
        place.serialize_field("column", &self.column())?;
        place.serialize_field("offset", &self.offset())?;
        place.serialize_field("length", &self.length())?;
        place.serialize_field("text", self.text())?;
        place.end()
    }
}
