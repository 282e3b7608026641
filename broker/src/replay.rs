//! What a record does to the state, when it is written and when it is read again.

use squall_durable::FrameHead;

use crate::payload::Meta;
use crate::reader;
use crate::record::Record;
use crate::shared::Shared;
use crate::state::QueueState;

/// Applies a record that is about a queue's content.
pub(crate) fn apply(state: &mut QueueState, record: &Record, now: u64) {
    match record {
        Record::Lease { group, range, attempts, visible_ms, .. } => {
            state.mark(*group, range, *attempts, *visible_ms, now)
        }
        Record::Settle { group, range, .. } => {
            state.settle(*group, range, now);
        }
        Record::Attributes { attributes, .. } => match crate::QueueAttributes::decode(attributes) {
            Ok(attributes) => state.attributes = attributes,
            Err(_) => {
                tracing::warn!(queue = %state.name, "attributes of a newer version are not understood")
            }
        },
        Record::AddGroup { group, name, cursor, .. } => state.add_group(*group, name, *cursor),
        Record::RemoveGroup { group, .. } => state.remove_group(*group, now),
        Record::Claim { group, owner, incarnation, .. } => {
            if let Some(group) = state.groups.get_mut(group) {
                group.claimed = Some((owner.clone(), *incarnation));
            }
        }
        Record::Purge { up_to, generation, .. } => {
            state.generation = state.generation.max(*generation);
            state.drop_below(*up_to, true);
        }
        Record::Expire { up_to, .. } => state.drop_below(*up_to, false),
        Record::Rewind { offset, generation, .. } => {
            // What had gone by then does not come back.
            state.expire_retained(now);
            state.rewind_to(*offset, *generation);
        }
        Record::Fired { first, until_ms, count, next_ms, .. } => {
            state.fired(*first, *until_ms, *count, *next_ms)
        }
        Record::Once { producer, number, part, total, .. } => {
            state.marks.note(producer, *number, part, *total)
        }
        Record::AddGroupFrom { group, name, cursor, .. } => {
            state.add_group_from(*group, name, *cursor, now)
        }
        // The catalogue's; see `recovery`.
        Record::Create { .. } | Record::Delete { .. } => {}
    }
}

/// Applies a record that took effect with a frame of another queue.
pub(crate) fn settle_source(shared: &Shared, record: &Record, now: u64) {
    if let Some(cell) = shared.cell(record.queue()) {
        let mut state = cell.change();
        apply(&mut state, record, now);
        shared.schedule(&mut state);
    }
}

/// When the first message of a delayed frame is due.
pub(crate) fn earliest(head: &FrameHead, payload: &[u8]) -> u64 {
    let mut due_ms = u64::MAX;
    let _ = reader::walk(head, payload, |_, place| {
        let meta = &payload[place.meta.0..place.meta.0 + place.meta.1];
        let delay = Meta::decode(meta).ok().and_then(|meta| meta.delay_ms).unwrap_or(0);
        due_ms = due_ms.min(head.time.saturating_add(delay));
    });
    due_ms
}
