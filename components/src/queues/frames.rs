//! Messages that were read and not yet emitted.

use squall_broker::{Claim, Delivered, Frame};
use squall_framework::{Result, SpoutOutput, ValueRef};

use super::of_broker;

/// A read is limited in messages by what may be under way, and in bytes by this.
const BYTES_PER_READ: usize = 1 << 20;

/// What was read, and the first message of it that has not been emitted.
#[derive(Debug, Default)]
pub(crate) struct Frames {
    frames: Vec<Frame>,
    frame: usize,
    message: usize,
}

impl Frames {
    /// Reads if everything has been emitted, and says whether there is anything.
    pub(crate) fn fill(&mut self, claim: &Claim, room: usize) -> Result<bool> {
        if self.frames.is_empty() {
            self.frames = claim.read(room, BYTES_PER_READ).map_err(of_broker)?;
        }
        Ok(!self.frames.is_empty())
    }

    /// Emits as far as there is room. Where attempts count, a message says how often it came.
    pub(crate) fn emit(&mut self, out: &mut SpoutOutput, attempts: bool) -> Result<()> {
        while out.room() > 0
            && let Some(current) = self.frames.get(self.frame)
        {
            let Some(delivered) = current.get(self.message) else {
                (self.frame, self.message) = (self.frame + 1, 0);
                continue;
            };
            emit(&delivered, if attempts { delivered.attempt } else { 1 }, out)?;
            self.message += 1;
        }
        if self.frame >= self.frames.len() {
            self.clear();
        }
        Ok(())
    }

    /// Forgets what was read.
    pub(crate) fn clear(&mut self) {
        *self = Self::default();
    }
}

fn emit(delivered: &Delivered, attempt: u32, out: &mut SpoutOutput) -> Result<()> {
    let body = match std::str::from_utf8(&delivered.body) {
        Ok(text) => ValueRef::Text(text),
        Err(_) => ValueRef::Bytes(&delivered.body),
    };
    let sent = i64::try_from(delivered.enqueued_ms).unwrap_or(i64::MAX / 1_000) * 1_000;
    let row = [body, ValueRef::Int(delivered.id.0 as i64), ValueRef::Timestamp(sent)];
    out.emit_again(0, delivered.offset, attempt, row)
}
