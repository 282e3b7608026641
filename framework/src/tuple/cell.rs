//! How a batch stores one value: sixteen bytes, without a pointer.

/// A piece of the batch's text or bytes.
#[derive(Debug, Clone, Copy)]
pub(super) struct Piece {
    pub(super) offset: u32,
    pub(super) len: u32,
}

impl Piece {
    pub(super) fn range(self) -> std::ops::Range<usize> {
        self.offset as usize..self.offset as usize + self.len as usize
    }
}

/// A stored value. Text is a piece of the batch's own text, so a cell needs
/// no reference count, no validation and no memory of its own.
#[derive(Debug, Clone, Copy)]
pub(super) enum Cell {
    Null,
    Bool(bool),
    Int(i64),
    Float(f64),
    Timestamp(i64),
    Text(Piece),
    Bytes(Piece),
    Json(Piece),
}

const _: () = assert!(size_of::<Cell>() == 16);
