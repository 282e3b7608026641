//! The blocks of a component, in sled.
//!
//! A block that is split is put in from behind: first the new blocks, the last one first, and then
//! what is left of the old one. So a reader finds every key at any moment, and so does whoever comes
//! after a crash in between: of a block's entries only those **below where the next one begins**
//! count.

use squall_durable::codec::Malformed;

use super::{
    block::{self, Entries},
    keys,
    tree::{Found, Range, Tree},
};

/// What is said of a block that cannot be read.
pub(super) fn damaged(Malformed: Malformed) -> String {
    "a block of its states is damaged".into()
}

/// The block that has a key of this component, if it is anywhere: where it begins, and what it has.
pub(super) fn find(tree: &Tree, component: &str, key: &[u8]) -> Result<Option<Found>, String> {
    tree.last(&keys::key(component, &[]), &keys::key(component, key))
}

/// The value of a key.
pub(super) fn get(tree: &Tree, component: &str, key: &[u8]) -> Result<Option<Vec<u8>>, String> {
    let Some((_, block)) = find(tree, component, key)? else { return Ok(None) };
    let value = block::get(&block, key).map_err(damaged)?;
    Ok(value.map(<[u8]>::to_vec))
}

/// Shows the entries of a component from `from` on and below `to`, in order, for as long as `see` says
/// so.
pub(super) fn each(
    tree: &Tree,
    component: &str,
    from: &[u8],
    to: Option<&[u8]>,
    mut see: impl FnMut(&[u8], &[u8]) -> bool,
) -> Result<(), String> {
    let mut walk = Walk::new(tree, component);
    walk.go_to(from)?;
    if walk.block().is_none() {
        walk.go_on()?;
    }
    while let Some(block) = walk.block() {
        let next = walk.next_begins();
        for (key, value) in Entries::decode(block).map_err(damaged)?.iter() {
            if to.is_some_and(|to| key >= to) {
                return Ok(());
            }
            if next.is_some_and(|next| key >= next) {
                break;
            }
            if key >= from && !see(key, value) {
                return Ok(());
            }
        }
        walk.go_on()?;
    }
    Ok(())
}

/// So many blocks further, it is quicker to look for a key than to go there.
const STEPS: usize = 4;

/// Goes from block to block of a component.
pub(super) struct Walk<'a> {
    tree: &'a Tree,
    component: &'a str,
    ahead: Option<Range>,
    here: Option<Found>,
    next: Option<Found>,
}

impl<'a> Walk<'a> {
    pub(super) fn new(tree: &'a Tree, component: &'a str) -> Self {
        Walk { tree, component, ahead: None, here: None, next: None }
    }

    /// Goes to the block that has this key if any has; keys must come in order. Without one it is before
    /// the first block, or there is none.
    pub(super) fn go_to(&mut self, key: &[u8]) -> Result<(), String> {
        for _ in 0..STEPS {
            match self.next_begins() {
                Some(begin) if begin <= key => self.go_on()?,
                _ if self.ahead.is_some() => return Ok(()),
                _ => break,
            }
        }
        if self.next_begins().is_none_or(|begin| begin <= key) {
            self.here = find(self.tree, self.component, key)?;
            let (_, to) = keys::all_of(self.component);
            let from = match &self.here {
                // The next one that is possible.
                Some((begin, _)) => [begin, &[0][..]].concat(),
                None => keys::key(self.component, &[]),
            };
            self.ahead = Some(self.tree.range(&from, &to));
            self.look_ahead()?;
        }
        Ok(())
    }

    /// Goes to the next block.
    pub(super) fn go_on(&mut self) -> Result<(), String> {
        self.here = self.next.take();
        self.look_ahead()
    }

    fn look_ahead(&mut self) -> Result<(), String> {
        self.next = self.ahead.as_mut().map(Range::next).transpose()?.flatten();
        Ok(())
    }

    /// Where the block begins, as a key of the component.
    pub(super) fn begins(&self) -> Option<&[u8]> {
        self.here.as_ref().map(|(begin, _)| &begin[self.component.len() + 1..])
    }

    pub(super) fn block(&self) -> Option<&[u8]> {
        self.here.as_ref().map(|(_, block)| &block[..])
    }

    /// Where the next block begins.
    pub(super) fn next_begins(&self) -> Option<&[u8]> {
        self.next.as_ref().map(|(begin, _)| &begin[self.component.len() + 1..])
    }
}
