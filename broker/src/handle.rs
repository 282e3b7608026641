//! Receipt handles: which delivery of which message a number stands for.

use crate::message::Handle;
use crate::state::QueueState;

const OFFSET_BITS: u32 = 44;
const OFFSET_MASK: u64 = (1 << OFFSET_BITS) - 1;

/// What ties a handle to this life of the queue and to the group: 12 bits.
pub(crate) fn nonce(state: &QueueState, group: u32) -> u64 {
    let mut bytes = state.uuid.to_le_bytes().to_vec();
    bytes.extend_from_slice(&group.to_le_bytes());
    bytes.extend_from_slice(&state.generation.to_le_bytes());
    u64::from(crc32c::crc32c(&bytes)) & 0xfff
}

/// A handle is 12 bits of nonce, 8 of the attempt and 44 of the offset.
pub(crate) fn handle(nonce: u64, attempt: u32, offset: u64) -> Handle {
    Handle(nonce << 52 | (u64::from(attempt) & 0xff) << OFFSET_BITS | offset & OFFSET_MASK)
}

/// The offset that a handle stands for, and the deliveries of its message; `None` when the message
/// is settled or was leased anew.
pub(crate) fn valid(state: &QueueState, group: u32, handle: Handle) -> Option<(u64, u32)> {
    let low = handle.0 & OFFSET_MASK;
    let high = state.next & !OFFSET_MASK;
    let offset = if high | low < state.next {
        high | low
    } else {
        (high | low).checked_sub(1 << OFFSET_BITS)?
    };
    let (attempts, _) = state.groups.get(&group)?.delivery(offset)?;
    let good = attempts > 0 && self::handle(nonce(state, group), attempts, offset) == handle;
    good.then_some((offset, attempts))
}
