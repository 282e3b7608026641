//! The mark of the last applied epoch.

use squall_durable::codec::{Malformed, Reader, put_str, put_u64};
use squall_framework::Positions;
use xxhash_rust::xxh3::xxh3_64;

use super::{
    counters::{seal, unseal},
    keys,
    tree::Tree,
};

/// Values in sled stay below 4 KiB, as larger ones come to lie in files that it never flushes.
const PIECE: usize = 4000;

/// What the states are as of.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Applied {
    pub(super) epoch: u64,
    pub(super) commit_id: String,
    pub(super) positions: Positions,
}

impl Applied {
    /// Writes the positions, and the mark last; neither is flushed.
    pub(super) fn write(&self, tree: &Tree) -> Result<(), String> {
        let positions = serde_json::to_vec(&self.positions).map_err(|error| error.to_string())?;
        let pieces = positions.chunks(PIECE);
        let count = u16::try_from(pieces.len()).map_err(|_| {
            let megabytes = positions.len() >> 20;
            format!("the positions of the sources take {megabytes} MB, which is too much")
        })?;
        for (index, piece) in (0..).zip(pieces) {
            tree.put(&keys::positions(self.epoch, index), piece)?;
        }
        let mut mark = Vec::new();
        put_u64(&mut mark, self.epoch);
        put_str(&mut mark, &self.commit_id);
        put_u64(&mut mark, u64::from(count));
        put_u64(&mut mark, xxh3_64(&positions));
        tree.put(keys::APPLIED, &seal(mark))
    }

    /// Reads them; the words say why they cannot be believed.
    pub(super) fn read(tree: &Tree) -> Result<Self, String> {
        let mark = tree.get(keys::APPLIED)?.ok_or("its mark of the last epoch is missing")?;
        let parse = || -> Result<_, Malformed> {
            let mut from = Reader(unseal(&mark)?);
            Ok((from.u64()?, from.string()?, from.u64()?, from.u64()?))
        };
        let (epoch, commit_id, count, hash) =
            parse().map_err(|Malformed| "its mark of the last epoch is damaged")?;
        let mut positions = Vec::new();
        for index in 0..count {
            let index = u16::try_from(index).unwrap_or(u16::MAX);
            let piece = tree.get(&keys::positions(epoch, index))?;
            positions.extend_from_slice(&piece.ok_or("its positions are missing")?);
        }
        if hash != xxh3_64(&positions) {
            return Err("its positions are damaged".into());
        }
        let positions = serde_json::from_slice(&positions).map_err(|error| error.to_string())?;
        Ok(Applied { epoch, commit_id, positions })
    }
}
