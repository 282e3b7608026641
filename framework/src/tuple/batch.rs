//! A batch of tuples: the unit in which tasks talk to each other.

use super::{
    Schema, ValueRef,
    cell::{Cell, Piece},
    origin::Origins,
    row::Tuple,
};

/// A batch is full at this many rows ...
pub(crate) const MAX_ROWS: usize = 256;
/// ... or at this many bytes, whichever comes first.
pub(crate) const MAX_BYTES: usize = 64 * 1024;

/// Tuples of one stream on their way from one task to another: all values in
/// one flat vector, row after row, all text in one string, and for each row
/// the source message that it comes from.
#[derive(Debug)]
pub struct TupleBatch {
    schema: Schema,
    stream: u32,
    sender: u32,
    rows: u32,
    cells: Vec<Cell>,
    text: String,
    bytes: Vec<u8>,
    pub(crate) origins: Origins,
}

impl TupleBatch {
    pub(crate) fn new(schema: Schema, stream: u32) -> Self {
        TupleBatch {
            schema,
            stream,
            sender: 0,
            rows: 0,
            cells: Vec::new(),
            text: String::new(),
            bytes: Vec::new(),
            origins: Origins::default(),
        }
    }

    /// The fields of each row.
    #[must_use]
    pub fn schema(&self) -> &Schema {
        &self.schema
    }

    /// Which of the receiver's input streams this is, as an index into
    /// [`TaskContext::inputs`](crate::TaskContext::inputs).
    #[must_use]
    pub fn input(&self) -> usize {
        self.stream as usize
    }

    /// Which of the tasks before the receiver sent it: a number from 0 on,
    /// over all of its inputs.
    #[must_use]
    pub fn sender(&self) -> usize {
        self.sender as usize
    }

    /// How many rows there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.rows as usize
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.rows == 0
    }

    /// The row of this number, below [`len`](Self::len).
    #[must_use]
    pub fn row(&self, row: usize) -> Tuple<'_> {
        Tuple::new(self, row)
    }

    /// All rows in order.
    pub fn rows(&self) -> impl ExactSizeIterator<Item = Tuple<'_>> {
        (0..self.len()).map(|row| Tuple::new(self, row))
    }

    /// The memory that the rows occupy, in bytes.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.cells.len() * size_of::<Cell>() + self.text.len() + self.bytes.len()
    }

    pub(crate) fn is_full(&self) -> bool {
        self.len() >= MAX_ROWS || self.bytes() >= MAX_BYTES
    }

    /// Appends a row of as many values as the schema has fields.
    #[inline]
    pub(crate) fn push(&mut self, row: &[ValueRef<'_>]) {
        debug_assert_eq!(row.len(), self.schema.len());
        if self.rows == 0 {
            self.reserve();
        }
        let (text, bytes) = (&mut self.text, &mut self.bytes);
        for value in row {
            let cell = store(text, bytes, *value);
            self.cells.push(cell);
        }
        self.rows += 1;
    }

    /// Appends row `row` of `from`, a batch of the same schema.
    pub(crate) fn push_copy(&mut self, from: &TupleBatch, row: usize) {
        if self.rows == 0 {
            self.reserve();
        }
        let (text, bytes) = (&mut self.text, &mut self.bytes);
        for column in 0..self.schema.len() {
            let cell = store(text, bytes, from.value(row, column));
            self.cells.push(cell);
        }
        self.rows += 1;
    }

    /// Room for a full batch at the first row, so that it never grows on the way.
    fn reserve(&mut self) {
        self.cells.reserve(MAX_ROWS * self.schema.len());
        self.origins.reserve(MAX_ROWS);
    }

    #[inline]
    pub(super) fn value(&self, row: usize, column: usize) -> ValueRef<'_> {
        match self.cells[row * self.schema.len() + column] {
            Cell::Null => ValueRef::Null,
            Cell::Bool(v) => ValueRef::Bool(v),
            Cell::Int(v) => ValueRef::Int(v),
            Cell::Float(v) => ValueRef::Float(v),
            Cell::Timestamp(v) => ValueRef::Timestamp(v),
            Cell::Text(piece) => ValueRef::Text(&self.text[piece.range()]),
            Cell::Json(piece) => ValueRef::Json(&self.text[piece.range()]),
            Cell::Bytes(piece) => ValueRef::Bytes(&self.bytes[piece.range()]),
        }
    }

    /// Takes back the rows from `rows` on, as if they had never been emitted.
    pub(crate) fn truncate(&mut self, rows: usize) {
        if rows < self.len() {
            self.rows = rows as u32;
            self.cells.truncate(rows * self.schema.len());
            self.origins.truncate(rows);
        }
    }

    /// Says which of the receiver's inputs the batch arrives at, and from whom.
    pub(crate) fn address(&mut self, input: u32, sender: u32) {
        self.stream = input;
        self.sender = sender;
    }

    /// Puts the rows from `row` on into a batch of their own, which keeps
    /// what this one holds of their sources.
    pub(crate) fn split_off(&mut self, row: usize) -> TupleBatch {
        let mut rest = TupleBatch::new(self.schema.clone(), self.stream);
        for index in row..self.len() {
            rest.push_copy(self, index);
        }
        rest.sender = self.sender;
        rest.origins = self.origins.split_off(row);
        self.truncate(row);
        rest
    }

    /// Moves the rows of `other`, of the same schema, behind those of this one.
    pub(crate) fn append(&mut self, mut other: TupleBatch) {
        for row in 0..other.len() {
            self.push_copy(&other, row);
        }
        self.origins.append(std::mem::take(&mut other.origins));
    }

    /// Empties the batch for its next use, keeping its memory. What it holds
    /// of its sources is released as done.
    pub(crate) fn recycle(&mut self) {
        self.origins.settle();
        self.rows = 0;
        self.cells.clear();
        self.text.clear();
        self.bytes.clear();
    }
}

#[inline]
fn store(text: &mut String, bytes: &mut Vec<u8>, value: ValueRef<'_>) -> Cell {
    match value {
        ValueRef::Null => Cell::Null,
        ValueRef::Bool(v) => Cell::Bool(v),
        ValueRef::Int(v) => Cell::Int(v),
        ValueRef::Float(v) => Cell::Float(v),
        ValueRef::Timestamp(v) => Cell::Timestamp(v),
        ValueRef::Text(v) => Cell::Text(store_text(text, v)),
        ValueRef::Json(v) => Cell::Json(store_text(text, v)),
        ValueRef::Bytes(v) => {
            let offset = bytes.len() as u32;
            bytes.extend_from_slice(v);
            Cell::Bytes(Piece { offset, len: v.len() as u32 })
        }
    }
}

#[inline]
fn store_text(all: &mut String, text: &str) -> Piece {
    let offset = all.len() as u32;
    all.push_str(text);
    Piece { offset, len: text.len() as u32 }
}
