//! Sources whose messages are numbered and can be made again from the first on.

use std::{any::Any, ops::Range};

use parking_lot::Mutex;
use squall_framework::{
    Error, Next, ReplayableSource, Result, SourceClaim, SourceDead, SourcePosition, SpoutOutput,
};

/// What is read from its beginning: a file, made-up events.
pub(crate) trait Numbered: Send + 'static {
    /// Which messages they are: other words whenever a number stands for another message.
    ///
    /// # Errors
    /// They cannot be looked at.
    fn identity(&self) -> Result<String>;

    /// Starts with the first message.
    ///
    /// # Errors
    /// They cannot be read.
    fn restart(&mut self) -> Result<()>;

    /// Emits the next messages that are not settled.
    ///
    /// # Errors
    /// They cannot be read.
    fn next(&mut self, settled: &SourcePosition, out: &mut SpoutOutput) -> Result<Next>;
}

/// Such messages as a source that can go back: to the first, passing over those that are settled.
/// What is settled is remembered by the store that the topology commits to, and told after a
/// restart before anything is read.
pub(crate) struct NumberedSource<T>(Mutex<Inner<T>>);

struct Inner<T> {
    messages: T,
    settled: SourcePosition,
}

impl<T: Numbered> NumberedSource<T> {
    pub(crate) fn new(messages: T) -> Self {
        Self(Mutex::new(Inner { messages, settled: SourcePosition::default() }))
    }

    /// Emits the next messages of the source behind a spout's task.
    pub(crate) fn next(source: &dyn ReplayableSource, out: &mut SpoutOutput) -> Result<Next> {
        let wrong = || Error::retry("the spout was given the source of another");
        let source: &Self = source.as_any().downcast_ref().ok_or_else(wrong)?;
        let Inner { messages, settled } = &mut *source.0.lock();
        messages.next(settled, out)
    }
}

impl<T: Numbered> ReplayableSource for NumberedSource<T> {
    fn claim(&self, _: &SourceClaim) -> Result<String> {
        let mut inner = self.0.lock();
        inner.settled = SourcePosition::default();
        inner.messages.restart()?;
        inner.messages.identity()
    }

    fn settle(&self, ranges: &[Range<u64>]) -> Result<()> {
        self.0.lock().settled.add(ranges.iter().cloned());
        Ok(())
    }

    fn dead_letter(&self, dead: &[SourceDead]) -> Result<()> {
        let inner = &mut *self.0.lock();
        let fresh = dead.iter().filter(|dead| !inner.settled.contains(dead.offset));
        for SourceDead { offset, reason, by } in fresh {
            let source = inner.messages.identity().unwrap_or_default();
            tracing::warn!(source, number = offset, reason, by, "a message is given up");
        }
        inner.settled.add(dead.iter().map(|dead| dead.offset..dead.offset + 1));
        Ok(())
    }

    fn rewind(&self) -> Result<()> {
        self.0.lock().messages.restart()
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}
