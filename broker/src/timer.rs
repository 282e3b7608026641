//! What happens by itself: delays end, leases run out, messages grow too old.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use crate::cell::Cell;
use crate::inbox::Op;
use crate::record::Record;
use crate::shared::Shared;

/// Waits for one deadline after the other, until the store is closed.
pub(crate) fn run(shared: &Arc<Shared>) {
    while !shared.deadlines.closed.load(Ordering::Acquire) {
        run_due(shared);
        let mut heap = shared.deadlines.heap.lock();
        let now = shared.now();
        let next = heap.first().map_or(u64::MAX, |(at, _)| *at);
        if next > now && !shared.deadlines.closed.load(Ordering::Acquire) {
            let wait = Duration::from_millis((next - now).min(60_000));
            shared.deadlines.changed.wait_until(&mut heap, Instant::now() + wait);
        }
    }
}

/// Does what is due, and says whether there was anything.
pub(crate) fn run_due(shared: &Shared) -> bool {
    let now = shared.now();
    let mut any = false;
    loop {
        let due = {
            let mut heap = shared.deadlines.heap.lock();
            match heap.first() {
                Some(&(at, id)) if at <= now => {
                    heap.pop_first();
                    id
                }
                _ => return any,
            }
        };
        if let Some(cell) = shared.cell(due) {
            any = true;
            run_cell(shared, &cell, now);
        }
    }
}

fn run_cell(shared: &Shared, cell: &Arc<Cell>, now: u64) {
    let mut state = cell.change();
    state.scheduled_ms = u64::MAX;
    while let Some(&(at, first)) = state.delayed_due.first().filter(|(at, _)| *at <= now) {
        state.delayed_due.remove(&(at, first));
        if shared.inbox.submit(Op::Fire { cell: Arc::clone(cell), first }).is_err() {
            return;
        }
    }
    if let Some(up_to) = state.expired_below(now) {
        state.drop_below(up_to, false);
        if shared.note(&Record::Expire { queue: cell.id, up_to }).is_err() {
            return;
        }
    }
    state.expire_retained(now);
    let due = state.groups.values().any(|group| group.next_due() <= now);
    let wakes = if due { cell.wake(&mut state) } else { Default::default() };
    shared.schedule(&mut state);
    drop(state);
    wakes.call();
}
