//! Entries that follow one another lie together in one value of sled: a block.
//!
//! sled takes five microseconds and a few hundred bytes for a key, however small, and an epoch often
//! changes many keys of one place. The key of a block in sled is where it begins: it has the
//! component's entries from there on and below where the next block begins. In it, what the keys have
//! in common at their beginning is written once.

use squall_durable::codec::{Malformed, Reader, put_bytes};

/// A block with more bytes than this is split. Larger ones are fewer writes for an epoch that changes
/// many keys, and more bytes for one that changes few. With a large value at its end a block has 6 KiB
/// at most; from 7.5 KiB on sled could put it into a file that it never flushes.
pub(super) const FULL: usize = if cfg!(test) { 24 } else { 2048 };

/// A key of the component and its value.
pub(super) type Entry<'a> = (&'a [u8], &'a [u8]);

/// The block of these entries, which are in order.
pub(super) fn encode(entries: &[Entry<'_>]) -> Vec<u8> {
    let common = common(entries);
    let bytes: usize = entries.iter().map(|entry| size(entry, common)).sum();
    let mut block = Vec::with_capacity(bytes + common + 2);
    put_bytes(&mut block, entries.first().map_or(&[], |(key, _)| &key[..common]));
    for (key, value) in entries {
        put_bytes(&mut block, &key[common..]);
        put_bytes(&mut block, value);
    }
    block
}

/// Cuts entries into as many as fit a block each, of about the same size.
pub(super) fn cut<'a, 'b>(entries: &'b [Entry<'a>]) -> Vec<&'b [Entry<'a>]> {
    let common = common(entries);
    let total: usize = entries.iter().map(|entry| size(entry, common)).sum();
    if total <= FULL {
        return vec![entries];
    }
    // With room for more in each.
    let each = total / total.div_ceil(FULL / 4 * 3);
    let (mut blocks, mut begin, mut bytes) = (Vec::new(), 0, 0);
    for (index, entry) in entries.iter().enumerate() {
        bytes += size(entry, common);
        if bytes >= each {
            blocks.push(&entries[begin..=index]);
            (begin, bytes) = (index + 1, 0);
        }
    }
    if begin < entries.len() {
        blocks.push(&entries[begin..]);
    }
    blocks
}

/// How many bytes all keys have in common at their beginning.
fn common(entries: &[Entry<'_>]) -> usize {
    match entries {
        // They are in order, so those between have it too.
        [(first, _), .., (last, _)] => first.iter().zip(*last).take_while(|(a, b)| a == b).count(),
        [(only, _)] => only.len(),
        [] => 0,
    }
}

fn size((key, value): &Entry<'_>, common: usize) -> usize {
    key.len() - common + value.len() + 2
}

/// The value of a key, if the block has it.
pub(super) fn get<'a>(block: &'a [u8], key: &[u8]) -> Result<Option<&'a [u8]>, Malformed> {
    let mut reader = Reader(block);
    let Some(key) = key.strip_prefix(reader.bytes()?) else { return Ok(None) };
    while !reader.is_empty() {
        let (rest, value) = (reader.bytes()?, reader.bytes()?);
        if rest >= key {
            return Ok((rest == key).then_some(value));
        }
    }
    Ok(None)
}

/// What a block has, taken apart.
#[derive(Debug, Default)]
pub(super) struct Entries<'a> {
    keys: Vec<u8>,
    /// Where each key ends in `keys`, and its value.
    ends: Vec<(usize, &'a [u8])>,
}

impl<'a> Entries<'a> {
    pub(super) fn decode(block: &'a [u8]) -> Result<Self, Malformed> {
        let mut reader = Reader(block);
        let common = reader.bytes()?;
        let mut entries = Self::default();
        while !reader.is_empty() {
            entries.keys.extend_from_slice(common);
            entries.keys.extend_from_slice(reader.bytes()?);
            entries.ends.push((entries.keys.len(), reader.bytes()?));
        }
        Ok(entries)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = Entry<'_>> {
        let mut begin = 0;
        self.ends.iter().map(move |&(end, value)| {
            let key = &self.keys[begin..end];
            begin = end;
            (key, value)
        })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn blocks_give_back_what_they_were_made_of(
            map in prop::collection::btree_map(
                prop::collection::vec(0_u8..3, 0..6), prop::collection::vec(any::<u8>(), 0..9), 0..40),
        ) {
            let entries: Vec<Entry<'_>> = map.iter().map(|(k, v)| (&k[..], &v[..])).collect();
            let mut found = BTreeMap::new();
            for part in cut(&entries) {
                let block = encode(part);
                // What is more than full has been cut where that was possible.
                prop_assert!(block.len() <= 2 * FULL + 8 || part.len() == 1, "{}", block.len());
                for (key, value) in Entries::decode(&block).unwrap().iter() {
                    prop_assert_eq!(get(&block, key).unwrap(), Some(value));
                    found.insert(key.to_vec(), value.to_vec());
                }
                for (key, _) in &entries {
                    let here = part.iter().find(|(other, _)| other == key).map(|(_, value)| *value);
                    prop_assert_eq!(get(&block, key).unwrap(), here);
                }
            }
            prop_assert_eq!(found, map);
        }

        #[test]
        fn damage_is_an_error_or_other_entries(bytes in prop::collection::vec(any::<u8>(), 0..40)) {
            let _ = Entries::decode(&bytes).map(|entries| entries.iter().count());
            let _ = get(&bytes, &[1, 2]);
        }
    }
}
