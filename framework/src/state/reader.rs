//! Where a state is read that is not in memory.

use crate::error::Result;

/// The states on disk, as of the last commit that was applied. Reads come from many threads.
pub trait StateReader: Send + Sync {
    /// The value of a key of this component.
    ///
    /// # Errors
    /// The disk cannot be read.
    fn get(&self, component: &str, key: &[u8]) -> Result<Option<Vec<u8>>>;

    /// The first `most` keys of this component from `from` on and below `to`, in order, with their
    /// values.
    ///
    /// # Errors
    /// The disk cannot be read.
    fn range(
        &self,
        component: &str,
        from: &[u8],
        to: &[u8],
        most: usize,
    ) -> Result<Vec<(Vec<u8>, Vec<u8>)>>;

    /// The last epoch whose changes can be read here. Changes of later epochs are kept in memory.
    fn applied(&self) -> u64;
}

/// No state on disk: all of it is in memory.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoState;

impl StateReader for NoState {
    fn get(&self, _: &str, _: &[u8]) -> Result<Option<Vec<u8>>> {
        Ok(None)
    }

    fn range(&self, _: &str, _: &[u8], _: &[u8], _: usize) -> Result<Vec<(Vec<u8>, Vec<u8>)>> {
        Ok(Vec::new())
    }

    fn applied(&self) -> u64 {
        0
    }
}
