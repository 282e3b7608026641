//! A block that a group has begun and not finished.

/// Visible only when its claim lets go.
pub(crate) const HELD: u64 = u64::MAX;

/// What became of each message of a block in one group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Open {
    pub(crate) first: u64,
    pub(crate) count: u32,
    settled: Vec<u64>,
    /// Messages that are not settled.
    pub(crate) left: u32,
    /// Sorted, without overlap; messages under none were never delivered.
    pub(crate) runs: Vec<Run>,
    /// No delivered message becomes visible before; what the group's index has it under.
    pub(crate) due: u64,
}

/// Neighbouring messages that were delivered alike. Those that are settled may be in one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Run {
    pub(crate) start: u32,
    pub(crate) end: u32,
    pub(crate) attempts: u32,
    pub(crate) visible_ms: u64,
}

impl Open {
    pub(crate) fn new(first: u64, count: u32) -> Self {
        let settled = vec![0; count.div_ceil(64) as usize];
        Self { first, count, settled, left: count, runs: Vec::new(), due: HELD }
    }

    pub(crate) fn end(&self) -> u64 {
        self.first + u64::from(self.count)
    }

    /// Where `offset` is in the block, cut to its bounds.
    pub(crate) fn index(&self, offset: u64) -> u32 {
        offset.clamp(self.first, self.end()).wrapping_sub(self.first) as u32
    }

    pub(crate) fn is_settled(&self, index: u32) -> bool {
        self.settled[index as usize / 64] >> (index % 64) & 1 == 1
    }

    /// Settles `start..end` and says how many were not before.
    pub(crate) fn settle(&mut self, start: u32, end: u32) -> u32 {
        let mut fresh = 0;
        let mut at = start;
        while at < end {
            let bit = at % 64;
            let width = (64 - bit).min(end - at);
            let mask = (u64::MAX >> (64 - width)) << bit;
            let word = &mut self.settled[at as usize / 64];
            fresh += (mask & !*word).count_ones();
            *word |= mask;
            at += width;
        }
        self.left -= fresh;
        fresh
    }

    /// The stretches of `start..end` that are not settled.
    pub(crate) fn unsettled(&self, start: u32, end: u32) -> impl Iterator<Item = (u32, u32)> + '_ {
        let mut at = start;
        std::iter::from_fn(move || {
            at = self.find(at, end, false)?;
            let from = at;
            at = self.find(at, end, true).unwrap_or(end);
            Some((from, at))
        })
    }

    /// The first message of `at..end` that is settled or not, as asked for.
    fn find(&self, mut at: u32, end: u32, settled: bool) -> Option<u32> {
        while at < end {
            let word = self.settled[at as usize / 64];
            let wanted = if settled { word } else { !word } >> (at % 64);
            if wanted != 0 {
                let hit = at + wanted.trailing_zeros();
                return (hit < end).then_some(hit);
            }
            at = (at / 64 + 1) * 64;
        }
        None
    }

    /// How a message was delivered last; `None` if never.
    pub(crate) fn run(&self, index: u32) -> Option<&Run> {
        let at = self.runs.partition_point(|run| run.end <= index);
        self.runs.get(at).filter(|run| run.start <= index)
    }

    /// Notes a delivery of `start..end`, or what became of one.
    pub(crate) fn mark(&mut self, start: u32, end: u32, attempts: u32, visible_ms: u64) {
        let new = Run { start, end, attempts, visible_ms };
        match self.runs.last_mut() {
            Some(last)
                if last.end == start
                    && (last.attempts, last.visible_ms) == (attempts, visible_ms) =>
            {
                last.end = end;
                return;
            }
            Some(last) if last.end > start => {}
            _ => return self.runs.push(new),
        }
        let mut runs = Vec::with_capacity(self.runs.len() + 2);
        let mut placed = false;
        for run in self.runs.drain(..) {
            if run.start < start {
                runs.push(Run { end: run.end.min(start), ..run });
            }
            if !placed && run.end > start {
                runs.push(new);
                placed = true;
            }
            if run.end > end {
                runs.push(Run { start: run.start.max(end), ..run });
            }
        }
        if !placed {
            runs.push(new);
        }
        runs.sort_unstable_by_key(|run| run.start);
        runs.dedup_by(|next, run| {
            let same = run.end == next.start
                && (run.attempts, run.visible_ms) == (next.attempts, next.visible_ms);
            if same {
                run.end = next.end;
            }
            same
        });
        self.runs = runs;
    }

    /// Drops the runs that are wholly settled and says when the first of the others is due.
    pub(crate) fn earliest(&mut self) -> u64 {
        let mut runs = std::mem::take(&mut self.runs);
        runs.retain(|run| self.find(run.start, run.end, false).is_some());
        self.runs = runs;
        self.runs.iter().map(|run| run.visible_ms).min().unwrap_or(HELD)
    }

    /// The block has grown at its end.
    pub(crate) fn grow(&mut self, count: u32) {
        self.left += count - self.count;
        self.count = count;
        self.settled.resize(count.div_ceil(64) as usize, 0);
    }

    /// Forgets everything that was done from `index` on.
    pub(crate) fn forget_from(&mut self, index: u32) {
        let mut bits = Self::new(0, self.count);
        bits.settle(0, index);
        for (word, keep) in self.settled.iter_mut().zip(&bits.settled) {
            *word &= keep;
        }
        self.runs.retain_mut(|run| {
            run.end = run.end.min(index);
            run.start < run.end
        });
        self.left = self.unsettled(0, self.count).map(|(start, end)| end - start).sum();
    }

    pub(crate) fn bits(&self) -> &[u64] {
        &self.settled
    }

    /// From what the log or the ledger says.
    pub(crate) fn restore(first: u64, count: u32, mut bits: Vec<u64>, runs: Vec<Run>) -> Self {
        bits.resize(count.div_ceil(64) as usize, 0);
        let mut open = Self { settled: bits, runs, ..Self::new(first, count) };
        open.left = open.unsettled(0, count).map(|(start, end)| end - start).sum();
        open
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settling_counts_each_message_once() {
        let mut open = Open::new(100, 300);
        assert_eq!(open.settle(10, 200), 190);
        assert_eq!(open.settle(0, 300), 110);
        assert_eq!(open.left, 0);
        let mut open = Open::new(0, 130);
        open.settle(3, 5);
        open.settle(64, 129);
        assert!(open.unsettled(0, 130).eq([(0, 3), (5, 64), (129, 130)]));
        assert!(open.unsettled(4, 64).eq([(5, 64)]));
    }

    #[test]
    fn marks_split_and_join_runs() {
        let mut open = Open::new(0, 100);
        open.mark(0, 10, 1, 50);
        open.mark(10, 20, 1, 50);
        assert_eq!(open.runs.len(), 1);
        open.mark(5, 7, 2, 90);
        let found: Vec<_> = open.runs.iter().map(|r| (r.start, r.end, r.attempts)).collect();
        assert_eq!(found, [(0, 5, 1), (5, 7, 2), (7, 20, 1)]);
        assert_eq!(
            [6, 7, 20].map(|at| open.run(at).map(|run| run.attempts)),
            [Some(2), Some(1), None]
        );
        open.settle(0, 5);
        open.settle(7, 20);
        assert_eq!(open.earliest(), 90);
        open.mark(5, 7, 1, 50);
        open.mark(2, 30, 3, 7);
        assert_eq!(open.runs.iter().map(|r| (r.start, r.end)).collect::<Vec<_>>(), [(2, 30)]);
    }
}
