//! What is known of a queue: a fold over the records of the log, kept in memory.
//!
//! Memory goes by blocks (stretches of the log of up to 64 KiB), not by messages: a waiting
//! message costs a fraction of a byte, and only blocks that a group has begun and not
//! finished carry a bitmap.

mod block;
mod group;
mod groups;
mod mark;
mod open;
mod persist;
mod queue;
mod usage;

pub(crate) use block::{Block, Blocks};
pub(crate) use group::{Group, Part, Pick, Session, Taken, Want};
pub(crate) use open::{HELD, Open};
pub(crate) use persist::{decode_page, encode_page};
pub(crate) use queue::{Delayed, QueueState, millis};
pub(crate) use usage::Usage;
