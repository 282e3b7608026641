//! A piece of the changes of an epoch, as what it writes.

use squall_framework::Change;

use super::{
    block::{Entries, Entry, cut, encode},
    blocks::{Walk, damaged},
    keys,
    tree::Tree,
};

/// A piece ends behind so many writes, or so many bytes, and is flushed before the next: so sled never
/// has more waiting than it has room before it reuses what the new replaces.
const WRITES: usize = if cfg!(test) { 3 } else { 2000 };
const BYTES: usize = 128 << 10;
/// So many changes at most are made to a block at once.
const CHANGES: usize = if cfg!(test) { 3 } else { 2000 };

/// A key in sled and its new block, or none.
type Write = (Vec<u8>, Option<Vec<u8>>);

/// What the first changes of several write.
#[derive(Debug, Default)]
pub(super) struct Piece {
    /// How many changes these are.
    pub(super) changes: usize,
    /// In the order in which they must come to the disk.
    pub(super) writes: Vec<Write>,
    bytes: usize,
    /// Where the block began that was written last.
    last: Option<Vec<u8>>,
}

impl Piece {
    /// Begins with the first of these changes, which are in order, each key once. `count` is told of
    /// every key whose value is another one now: what it was, and what it is.
    pub(super) fn of(
        tree: &Tree,
        component: &str,
        changes: &[&Change],
        mut count: impl FnMut(&[u8], Option<&[u8]>, Option<&[u8]>),
    ) -> Result<Piece, String> {
        let mut piece = Piece::default();
        let mut walk = Walk::new(tree, component);
        while let Some((first, _)) = changes.get(piece.changes)
            && piece.writes.len() < WRITES
            && piece.bytes < BYTES
        {
            walk.go_to(first)?;
            let next = walk.next_begins();
            let here = changes[piece.changes..].iter().take(CHANGES);
            let here = here.take_while(|(key, _)| next.is_none_or(|next| **key < *next)).count();
            let here = &changes[piece.changes..piece.changes + here];
            piece.changes += here.len();
            let block = walk.block().map(Entries::decode).transpose().map_err(damaged)?;
            let block = block.unwrap_or_default();
            let begins = walk.begins().unwrap_or(first);
            if let Some(entries) = merge(&block, next, here, &mut count) {
                if entries.is_empty() && walk.begins().is_some() {
                    piece.remove(tree, component, begins)?;
                } else {
                    piece.write(component, begins, &entries);
                }
            }
            if here.len() == CHANGES {
                // What is left for this block has to find it as it is then.
                break;
            }
        }
        Ok(piece)
    }

    /// Writes the entries from where a block begins, as one block or several: the last one first.
    fn write(&mut self, component: &str, begins: &[u8], entries: &[Entry<'_>]) {
        if entries.is_empty() {
            return;
        }
        for (index, part) in cut(entries).into_iter().enumerate().rev() {
            let begins = match part.first() {
                Some((first, _)) if index > 0 => first,
                _ => begins,
            };
            let block = encode(part);
            self.bytes += begins.len() + block.len();
            self.writes.push((keys::key(component, begins), Some(block)));
        }
        self.last = Some(begins.to_vec());
    }

    /// Removes a block. What the one before still has behind where this one begins would count then, so
    /// that goes first.
    fn remove(&mut self, tree: &Tree, component: &str, begins: &[u8]) -> Result<(), String> {
        let full = keys::key(component, begins);
        if let Some((before, block)) = tree.before(&keys::key(component, &[]), &full)? {
            let before = &before[component.len() + 1..];
            // One that this piece has written has nothing there any more.
            if self.last.as_deref() != Some(before) {
                let block = Entries::decode(&block).map_err(damaged)?;
                match merge(&block, Some(begins), &[], |_, _, _| {}) {
                    Some(entries) if entries.is_empty() => self.remove(tree, component, before)?,
                    Some(entries) => self.write(component, before, &entries),
                    None => {}
                }
            }
        }
        self.bytes += full.len();
        self.writes.push((full, None));
        Ok(())
    }
}

/// The entries of a block below where the next one begins, with changes made to them; none if that
/// leaves the block as it is.
fn merge<'a>(
    block: &'a Entries<'_>,
    next: Option<&[u8]>,
    changes: &[&'a Change],
    mut count: impl FnMut(&[u8], Option<&[u8]>, Option<&[u8]>),
) -> Option<Vec<Entry<'a>>> {
    let mut entries = Vec::new();
    let mut old = block.iter().peekable();
    let mut changed = false;
    for (key, new) in changes.iter().map(|change| (&*change.0, change.1.as_deref())) {
        while let Some(entry) = old.next_if(|entry| entry.0 < key) {
            entries.push(entry);
        }
        let before = old.next_if(|entry| entry.0 == key).map(|entry| entry.1);
        entries.extend(new.map(|new| (key, new)));
        if before != new {
            changed = true;
            count(key, before, new);
        }
    }
    while let Some(entry) = old.next_if(|entry| next.is_none_or(|next| entry.0 < next)) {
        entries.push(entry);
    }
    (changed || old.next().is_some()).then_some(entries)
}
