//! Which messages of which source a commit has dealt with.

use std::{collections::BTreeMap, ops::Range};

use serde::{Deserialize, Serialize};

/// What was read of one source.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct SourcePosition {
    /// Which life of which source it is, for example a queue's uuid, the group and its generation.
    /// A position of another life is never applied.
    pub identity: String,
    /// The offsets that were dealt with, in order, without overlaps.
    pub ranges: Vec<Range<u64>>,
}

/// What was read of all sources, by the id of the spout.
pub type Positions = BTreeMap<String, SourcePosition>;

impl SourcePosition {
    /// Adds offsets, which need not be in order.
    pub fn add(&mut self, more: impl IntoIterator<Item = Range<u64>>) {
        self.ranges.extend(more.into_iter().filter(|range| !range.is_empty()));
        self.ranges.sort_unstable_by_key(|range| range.start);
        let mut merged: Vec<Range<u64>> = Vec::new();
        for range in self.ranges.drain(..) {
            match merged.last_mut() {
                Some(last) if last.end >= range.start => last.end = last.end.max(range.end),
                _ => merged.push(range),
            }
        }
        self.ranges = merged;
    }

    /// Takes away everything below `floor`: the source itself remembers that it is dealt with.
    pub fn drop_below(&mut self, floor: u64) {
        self.ranges.retain_mut(|range| {
            range.start = range.start.max(floor);
            !range.is_empty()
        });
    }

    /// Whether this offset is among them.
    #[must_use]
    pub fn contains(&self, offset: u64) -> bool {
        let at = self.ranges.partition_point(|range| range.end <= offset);
        self.ranges.get(at).is_some_and(|range| range.start <= offset)
    }

    /// How many offsets there are.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.ranges.iter().map(|range| range.end - range.start).sum()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::single_range_in_vec_init)]
    use super::*;

    #[test]
    fn ranges_are_merged_and_dropped() {
        let mut position = SourcePosition::default();
        position.add([5..7, 1..3, 3..3]);
        position.add([2..5, 9..10]);
        assert_eq!(position.ranges, [1..7, 9..10]);
        assert_eq!(position.count(), 7);
        let inside = [1, 6, 9].iter().all(|offset| position.contains(*offset));
        assert!(inside && ![0, 7, 8, 10].iter().any(|offset| position.contains(*offset)));
        position.drop_below(4);
        assert_eq!(position.ranges, [4..7, 9..10]);
        position.drop_below(9);
        assert_eq!(position.ranges, [9..10]);
    }

    proptest::proptest! {
        #[test]
        fn positions_are_a_set_of_offsets(
            more in proptest::collection::vec((0_u64..40, 0_u64..8), 0..12),
            floor in 0_u64..50,
        ) {
            let mut position = SourcePosition::default();
            let mut known = std::collections::BTreeSet::new();
            for (start, length) in more {
                position.add([start..start + length]);
                known.extend(start..start + length);
            }
            position.drop_below(floor);
            known.retain(|offset| *offset >= floor);
            let found: Vec<u64> = position.ranges.iter().cloned().flatten().collect();
            proptest::prop_assert_eq!(&found, &known.iter().copied().collect::<Vec<_>>());
            proptest::prop_assert_eq!(position.count(), known.len() as u64);
            let apart = position.ranges.windows(2).all(|two| two[0].end < two[1].start);
            proptest::prop_assert!(apart, "{:?}", position.ranges);
        }
    }
}
