//! What one group of consumers has been given and has settled.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::sync::Arc;

use super::block::{Block, Blocks};
use super::open::{HELD, Open, Run};

/// A group: everything below the cursor that is not open is settled; everything from it on was
/// never delivered.
#[derive(Default)]
pub(crate) struct Group {
    pub(crate) id: u32,
    pub(crate) name: String,
    pub(crate) cursor: u64,
    pub(crate) open: BTreeMap<u64, Open>,
    /// The open blocks by when their first message is due again.
    pub(super) due: BTreeSet<(u64, u64)>,
    pub(crate) session: Option<Session>,
    /// The last owner and its incarnation, live or not.
    pub(crate) claimed: Option<(String, u64)>,
    /// Open blocks that changed since the ledger was told.
    pub(crate) dirty: BTreeSet<u64>,
}

/// A live exclusive claim.
pub(crate) struct Session {
    pub(crate) token: u64,
    pub(crate) owner: String,
    pub(crate) incarnation: u64,
    pub(crate) callback: Option<Arc<dyn Fn() + Send + Sync>>,
    /// Whether a read gave nothing since the callback was last called.
    pub(crate) starving: bool,
}

/// Messages of one block that are to be delivered.
#[derive(Debug)]
pub(crate) struct Pick {
    pub(crate) block: Block,
    pub(crate) parts: Vec<Part>,
}

/// Neighbouring messages, and which delivery this is for them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Part {
    pub(crate) range: Range<u64>,
    pub(crate) attempt: u32,
}

/// What a group gives to a consumer.
#[derive(Debug, Default)]
pub(crate) struct Taken {
    pub(crate) picks: Vec<Pick>,
    /// Messages that were delivered too often.
    pub(crate) dead: Vec<Part>,
}

/// How much a consumer wants, and on what terms.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Want {
    pub(crate) messages: usize,
    pub(crate) bytes: usize,
    pub(crate) now: u64,
    pub(crate) visible_ms: u64,
    pub(crate) max_attempts: Option<u32>,
}

impl Group {
    /// Takes what is due again, then what is new. Blocks that turn out to be settled throughout
    /// are added to `done`.
    pub(crate) fn take(&mut self, blocks: &Blocks, want: Want, done: &mut Vec<u64>) -> Taken {
        let mut taken = Taken::default();
        let (mut messages, mut bytes) = (want.messages, 0);
        while messages > 0 {
            let Some(&(due, first)) = self.due.first().filter(|(due, _)| *due <= want.now) else {
                break;
            };
            let Some(block) = blocks.holding(first).copied() else {
                // Its messages are gone with their segment.
                self.close(first);
                continue;
            };
            if bytes > 0 && bytes + block.bytes as usize > want.bytes {
                return taken;
            }
            let Some(open) = self.open.get_mut(&first) else {
                self.due.remove(&(due, first));
                continue;
            };
            let mut parts = Vec::new();
            let ready: Vec<_> =
                open.runs.iter().filter(|run| run.visible_ms <= want.now).copied().collect();
            'runs: for run in ready {
                for (start, end) in open.unsettled(run.start, run.end).collect::<Vec<_>>() {
                    if messages == 0 {
                        break 'runs;
                    }
                    let dead = want.max_attempts.is_some_and(|max| run.attempts >= max);
                    let end = if dead {
                        end
                    } else {
                        end.min(start.saturating_add(u32::try_from(messages).unwrap_or(u32::MAX)))
                    };
                    let range = first + u64::from(start)..first + u64::from(end);
                    if dead {
                        open.mark(start, end, run.attempts, HELD);
                        taken.dead.push(Part { range, attempt: run.attempts });
                    } else {
                        messages -= (end - start) as usize;
                        open.mark(start, end, run.attempts + 1, want.visible_ms);
                        parts.push(Part { range, attempt: run.attempts + 1 });
                    }
                }
            }
            self.reindex(first);
            if !parts.is_empty() {
                bytes += block.bytes as usize;
                taken.picks.push(Pick { block, parts });
            }
        }
        while messages > 0 {
            // Settled blocks that are kept for a rewind are not news.
            let Some(block) = blocks.iter_from(self.cursor).find(|b| b.settled_ms == 0).copied()
            else {
                break;
            };
            if bytes > 0 && bytes + block.bytes as usize > want.bytes {
                break;
            }
            let cursor = self.cursor.max(block.first);
            let open = open_block(&mut self.open, &block, cursor);
            let start = open.index(cursor);
            let end =
                open.count.min(start.saturating_add(u32::try_from(messages).unwrap_or(u32::MAX)));
            let fresh: Vec<_> = open.unsettled(start, end).collect();
            let mut parts = Vec::with_capacity(fresh.len());
            for (start, end) in fresh {
                messages -= (end - start) as usize;
                open.mark(start, end, 1, want.visible_ms);
                parts.push(Part {
                    range: block.first + u64::from(start)..block.first + u64::from(end),
                    attempt: 1,
                });
            }
            self.cursor = block.first + u64::from(end);
            if open.left == 0 {
                // What is behind was settled before it was read, and nothing else remembers that.
                self.cursor = block.end();
                self.close(block.first);
                done.push(block.first);
            } else {
                self.reindex(block.first);
            }
            if !parts.is_empty() {
                bytes += block.bytes as usize;
                taken.picks.push(Pick { block, parts });
            }
        }
        taken
    }

    /// Settles offsets; blocks that are now settled throughout are added to `done`. Says how
    /// many messages were not settled before.
    pub(crate) fn settle(
        &mut self,
        blocks: &Blocks,
        range: &Range<u64>,
        done: &mut Vec<u64>,
    ) -> u64 {
        let mut fresh = 0;
        self.each_open(
            blocks,
            range,
            |open, start, end| fresh += u64::from(open.settle(start, end)),
            done,
        );
        fresh
    }

    /// Notes a delivery of `range` or what became of one, for those that are not settled.
    pub(crate) fn mark(
        &mut self,
        blocks: &Blocks,
        range: &Range<u64>,
        attempts: u32,
        visible_ms: u64,
        done: &mut Vec<u64>,
    ) {
        self.each_open(
            blocks,
            range,
            |open, start, end| open.mark(start, end, attempts, visible_ms),
            done,
        );
        self.cursor = self.cursor.max(range.end);
    }

    /// Calls `each` for the parts of `range` that are not settled blocks.
    fn each_open(
        &mut self,
        blocks: &Blocks,
        range: &Range<u64>,
        mut each: impl FnMut(&mut Open, u32, u32),
        done: &mut Vec<u64>,
    ) {
        let mut at = range.start;
        while at < range.end {
            let here = self.open.range_mut(..=at).next_back().filter(|(_, open)| at < open.end());
            if let Some((&first, open)) = here {
                each(open, open.index(at), open.index(range.end));
                at = open.end();
                if open.left == 0 && self.cursor >= at {
                    self.close(first);
                    done.push(first);
                } else {
                    self.reindex(first);
                }
                continue;
            }
            let next_open = self.open.range(at..).next().map_or(u64::MAX, |(&first, _)| first);
            let block = if at < self.cursor { None } else { blocks.from(at) };
            match block {
                Some(block) if block.first <= at => {
                    open_block(&mut self.open, block, self.cursor);
                }
                Some(block) => at = block.first.min(next_open),
                None if at < self.cursor => at = self.cursor.min(next_open),
                None => at = next_open,
            }
        }
    }

    /// How often a message that is not settled was delivered, and when it is visible; `None`
    /// when it is settled.
    pub(crate) fn delivery(&self, offset: u64) -> Option<(u32, u64)> {
        let Some((_, open)) =
            self.open.range(..=offset).next_back().filter(|(_, open)| offset < open.end())
        else {
            return (offset >= self.cursor).then_some((0, 0));
        };
        let index = open.index(offset);
        (!open.is_settled(index))
            .then(|| open.run(index).map_or((0, 0), |run| (run.attempts, run.visible_ms)))
    }

    /// Everything below is settled. Where the cursor is does not matter: it is not on disk at once,
    /// and what is settled is, also before the cursor has come to it.
    pub(crate) fn floor(&self) -> u64 {
        // The first that is in no open block.
        let mut new = self.cursor;
        while let Some((_, open)) =
            self.open.range(..=new).next_back().filter(|(_, open)| new < open.end())
        {
            new = open.end();
        }
        let mut open = self.open.values().filter(|open| open.left > 0);
        let first = open.find_map(|open| {
            let (at, _) = open.unsettled(0, open.count).next()?;
            Some(open.first + u64::from(at))
        });
        first.map_or(new, |first| first.min(new))
    }

    /// Whether this group needs nothing of a block. While the log is read again what is open
    /// may be cut otherwise than the blocks are, so any overlap counts.
    pub(crate) fn is_done(&self, block: &Block) -> bool {
        let before_end = self.open.range(..block.end()).next_back();
        block.end() <= self.cursor && before_end.is_none_or(|(_, open)| open.end() <= block.first)
    }

    /// Everything below `offset` counts as settled.
    pub(crate) fn skip_to(&mut self, offset: u64, done: &mut Vec<u64>) {
        let range = 0..offset;
        let firsts: Vec<u64> = self.open.range(..offset).map(|(&first, _)| first).collect();
        for first in firsts {
            if let Some(open) = self.open.get_mut(&first) {
                open.settle(0, open.index(range.end));
                if open.left == 0 {
                    self.close(first);
                    done.push(first);
                } else {
                    self.reindex(first);
                }
            }
        }
        self.cursor = self.cursor.max(offset);
    }

    /// Forgets everything that was done from `offset` on.
    pub(crate) fn rewind_to(&mut self, offset: u64) {
        for first in self.open.range(offset..).map(|(&first, _)| first).collect::<Vec<_>>() {
            self.close(first);
        }
        if let Some((&first, open)) =
            self.open.range_mut(..offset).next_back().filter(|(_, open)| offset < open.end())
        {
            open.forget_from(open.index(offset));
            self.reindex(first);
        }
        self.cursor = self.cursor.min(offset);
    }

    /// Lets go of everything that a claim held, which is visible at once; `forgive` takes the
    /// delivery back. Gives what was marked.
    pub(crate) fn release(&mut self, forgive: bool) -> Vec<(Range<u64>, u32)> {
        self.show(|run| run.visible_ms == HELD, forgive)
    }

    /// Makes everything visible at once that was delivered before, and takes back the delivery
    /// to the claim that holds it.
    pub(crate) fn release_all(&mut self) -> Vec<(Range<u64>, u32)> {
        let mut released = self.release(true);
        released.extend(self.show(|run| run.visible_ms != 0, false));
        released
    }

    fn show(&mut self, which: impl Fn(&Run) -> bool, forgive: bool) -> Vec<(Range<u64>, u32)> {
        let mut released = Vec::new();
        for first in self.open.keys().copied().collect::<Vec<_>>() {
            if let Some(open) = self.open.get_mut(&first) {
                for run in open.runs.clone().iter().filter(|run| which(run)) {
                    let attempts = run.attempts.saturating_sub(u32::from(forgive));
                    open.mark(run.start, run.end, attempts, 0);
                    released
                        .push((first + u64::from(run.start)..first + u64::from(run.end), attempts));
                }
                self.reindex(first);
            }
        }
        released
    }

    /// When the first delivered message is due again.
    pub(crate) fn next_due(&self) -> u64 {
        self.due.first().map_or(HELD, |(due, _)| *due)
    }

    pub(crate) fn restore_open(&mut self, open: Open) {
        let first = open.first;
        self.open.insert(first, open);
        self.reindex(first);
    }

    /// Closes a block that is gone and that it had settled before it came to it.
    pub(crate) fn forget_settled(&mut self, first: u64) {
        if self.open.get(&first).is_some_and(|open| open.left == 0) {
            self.close(first);
        }
    }

    pub(crate) fn close(&mut self, first: u64) {
        if let Some(open) = self.open.remove(&first) {
            self.due.remove(&(open.due, first));
        }
        self.dirty.insert(first);
    }

    pub(crate) fn reindex(&mut self, first: u64) {
        if let Some(open) = self.open.get_mut(&first) {
            let due = open.earliest();
            if due != open.due {
                self.due.remove(&(open.due, first));
                open.due = due;
                if due != HELD {
                    self.due.insert((due, first));
                }
            }
        }
        self.dirty.insert(first);
    }

    /// Waiting, new or again; and delivered or held back. In messages.
    pub(crate) fn counts(&self, blocks: &Blocks, now: u64) -> (u64, u64) {
        let (mut active, mut inactive) = (0, 0);
        for block in blocks.iter_from(self.cursor).filter(|b| b.settled_ms == 0) {
            if !self.open.contains_key(&block.first) {
                active += u64::from(block.count) - self.cursor.saturating_sub(block.first);
            }
        }
        for open in self.open.values() {
            let mut waiting = u64::from(open.left);
            for run in open.runs.iter().filter(|run| run.visible_ms > now) {
                let away: u32 =
                    open.unsettled(run.start, run.end).map(|(start, end)| end - start).sum();
                waiting -= u64::from(away);
                inactive += u64::from(away);
            }
            active += waiting;
        }
        (active, inactive)
    }
}

fn open_block<'a>(open: &'a mut BTreeMap<u64, Open>, block: &Block, cursor: u64) -> &'a mut Open {
    open.entry(block.first).or_insert_with(|| {
        let mut open = Open::new(block.first, block.count);
        // What lies below the cursor of a block that is not open was settled before.
        open.settle(0, open.index(cursor));
        open
    })
}
